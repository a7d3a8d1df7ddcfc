/** What the output of a job looks like: a dark screen, in every theme. */

import {css} from "lit"

export const outputStyles = css`
  .toolbar {
    display: flex;
    flex-wrap: wrap;
    gap: 0.5rem;
    margin-bottom: 0.5rem;
  }

  .toolbar button,
  .toolbar select,
  .search {
    min-height: 2.25rem;
    padding: 0.2rem 0.75rem;
    border: 1px solid var(--edge);
    border-radius: var(--radius);
    background: var(--card);
    color: var(--ink);
    font: inherit;
    font-size: 0.9375rem;
    font-weight: 500;
  }

  .search {
    display: flex;
    flex: 1 1 18rem;
    align-items: center;
    max-width: 32rem;
    min-width: 0;
    padding: 0 0.25rem 0 0;
  }

  .search:focus-within {
    outline: 3px solid var(--accent);
    outline-offset: 1px;
  }

  .search input {
    flex: 1;
    min-width: 0;
    align-self: stretch;
    padding: 0 0.75rem;
    border: 0;
    border-radius: var(--radius);
    outline: 0;
    background: none;
    color: inherit;
    font: inherit;
  }

  .search input::placeholder {
    color: var(--quiet);
    opacity: 1;
  }

  .search input::-webkit-search-cancel-button {
    display: none;
  }

  .found {
    padding: 0 0.5rem;
    color: var(--quiet);
    font-size: 0.875rem;
    font-variant-numeric: tabular-nums;
    white-space: nowrap;
  }

  .toolbar .icon {
    min-width: 1.875rem;
    min-height: 1.875rem;
    padding: 0;
    border-color: transparent;
    background: none;
  }

  .toolbar select {
    width: auto;
  }

  .toolbar .icon[aria-pressed="true"] {
    border-color: var(--accent);
    color: var(--accent);
  }

  .toolbar .toggle {
    padding-left: 0.5rem;
  }

  .tick {
    display: inline-block;
    width: 1.1em;
    color: var(--accent);
    font-weight: 700;
  }

  .toggle[aria-pressed="true"] {
    border-color: var(--accent);
  }

  @media (pointer: coarse) {
    .toolbar button,
    .toolbar select,
    .search {
      min-height: 2.75rem;
    }

    .toolbar .icon {
      min-width: 2.75rem;
    }
  }

  .frame {
    position: relative;
    overflow: hidden;
    border: 1px solid var(--line);
    border-radius: var(--radius);
    background: var(--screen);
    color: var(--screen-ink);
    color-scheme: dark;
  }

  .frame:focus-within:has(.screen:focus-visible) {
    outline: 3px solid var(--accent);
    outline-offset: 2px;
  }

  .screen {
    max-height: var(--taskrealm-output-height, min(36rem, 70vh));
    padding: 0.5rem 0;
    overflow: auto scroll;
    overflow-anchor: none;
    overscroll-behavior: contain;
    outline: 0;
    scrollbar-width: thin;
    scrollbar-color: var(--edge) transparent;
    font-family: var(--mono);
    font-size: 0.8125rem;
    line-height: 1.5;
    tab-size: 8;
  }

  .rows {
    position: relative;
    width: max-content;
    min-width: 100%;
  }

  .screen[data-wrap="on"] .rows {
    width: auto;
  }

  .line {
    min-height: 1.5em;
    padding: 0 1.5rem 0 2.25rem;
    white-space: pre;
  }

  .screen[data-wrap="on"] .line {
    white-space: pre-wrap;
    overflow-wrap: anywhere;
  }

  .line[data-stream="stderr"] {
    color: var(--screen-err);
    box-shadow: inset 3px 0 var(--screen-err);
  }

  /* Not part of what is copied. */
  .line[data-stream="stderr"]:not([data-gap], [data-note])::before {
    float: left;
    width: 1rem;
    margin-left: -1.25rem;
    content: "!" / "stderr: ";
    font-weight: 700;
  }

  .line[data-gap],
  .line[data-note] {
    padding-block: 0.25rem;
    color: #9aa6b4;
    font-style: italic;
    user-select: none;
    box-shadow: none;
  }

  .line[data-note] {
    display: flex;
    align-items: center;
    gap: 0.75rem;
  }

  .line[data-note]::after {
    flex: 1;
    content: "";
    border-top: 1px solid #313b48;
  }

  .line[data-current] {
    background: #223247;
  }

  .line mark {
    border-radius: 2px;
    background: #f2cc60;
    color: #14181d;
  }

  .line[data-current] mark {
    background: #ffa657;
    outline: 2px solid #ffa657;
  }

  .bold {
    font-weight: 700;
  }

  .dim {
    opacity: 0.8;
  }

  .italic {
    font-style: italic;
  }

  .underline {
    text-decoration: underline;
  }

  .strike {
    text-decoration: line-through;
  }

  .underline.strike {
    text-decoration: underline line-through;
  }

  /* Lies over the scrollbar of the few rows that are there, and shows the place in all. */
  .track {
    position: absolute;
    inset: 0 0 0 auto;
    width: 1rem;
    background: var(--screen);
    touch-action: none;
  }

  .track[hidden] {
    display: block;
  }

  .track[hidden] .thumb {
    visibility: hidden;
  }

  .thumb {
    width: 0.5rem;
    margin: 0 auto;
    border-radius: 0.25rem;
    background: #57606a;
  }

  .track:hover .thumb,
  .track:active .thumb {
    background: #9aa6b4;
  }

  @media (pointer: coarse) {
    .track {
      width: 1.5rem;
    }

    .thumb {
      width: 0.75rem;
      border-radius: 0.375rem;
    }
  }

  .jump {
    position: absolute;
    bottom: 0.75rem;
    left: 50%;
    translate: -50%;
    box-shadow: 0 2px 10px rgb(0 0 0 / 50%);
    color-scheme: light dark;
    white-space: nowrap;
  }

  .amount {
    margin: 0.35rem 0 0;
    font-size: 0.875rem;
  }

  .amount:empty {
    display: none;
  }

  @media (forced-colors: active) {
    .thumb {
      background: ButtonText;
    }

    .line[data-current] {
      outline: 2px solid Highlight;
      outline-offset: -2px;
    }
  }
`
