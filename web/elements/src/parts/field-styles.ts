/** What fields look like. */

import {css} from "lit"

export const fieldStyles = css`
  .fields {
    display: grid;
    gap: 1.25rem;
    grid-template-columns: minmax(0, 1fr);
    max-width: 42rem;
  }

  .field,
  fieldset.heading {
    border: 0;
    margin: 0;
    min-width: 0;
    padding: 0;
  }

  .field > label,
  .field > legend {
    display: block;
    font-weight: 600;
    margin-bottom: 0.3rem;
    padding: 0;
  }

  .field .quiet {
    font-weight: 400;
  }

  input,
  select,
  textarea {
    background: var(--card);
    border: 1px solid var(--edge);
    border-radius: var(--radius);
    color: inherit;
    font: inherit;
    max-width: 100%;
    min-height: 2.5rem;
    padding: 0.4rem 0.65rem;
    width: 100%;
  }

  input::placeholder,
  textarea::placeholder {
    color: var(--quiet);
    opacity: 1;
  }

  input:hover,
  select:hover,
  textarea:hover {
    border-color: var(--ink);
  }

  textarea {
    resize: vertical;
  }

  textarea.code,
  input.is-path {
    font-family: var(--mono);
    font-size: 0.9rem;
  }

  select {
    width: auto;
    min-width: min(16rem, 100%);
  }

  :is(input, select, textarea)[aria-invalid="true"] {
    border-color: var(--bad);
    border-width: 2px;
  }

  .beside {
    align-items: center;
    display: flex;
    flex-wrap: wrap;
    gap: 0.25rem 0.6rem;
  }

  .beside input.is-number {
    font-variant-numeric: tabular-nums;
    width: 9rem;
  }

  .beside :is(.is-date, .is-time, .is-datetime, .is-duration) {
    width: auto;
    min-width: 11rem;
  }

  .range,
  .help {
    color: var(--quiet);
    font-size: 0.9rem;
  }

  .help,
  .error {
    margin: 0.3rem 0 0;
    font-size: 0.9rem;
  }

  .error {
    color: var(--bad);
    font-weight: 600;
  }

  .error::before {
    content: "⚠ " / "";
  }

  .busy::before {
    animation: turn 0.9s linear infinite;
    border: 2px solid var(--line);
    border-radius: 50%;
    border-top-color: var(--accent);
    content: "";
    display: inline-block;
    height: 0.8rem;
    margin-right: 0.45rem;
    vertical-align: -0.1rem;
    width: 0.8rem;
  }

  @keyframes turn {
    to {
      rotate: 1turn;
    }
  }

  input:is([type="checkbox"], [type="radio"]) {
    accent-color: var(--accent);
    flex: none;
    height: 1.25rem;
    margin: 0;
    min-height: 0;
    width: 1.25rem;
  }

  input[role="switch"] {
    appearance: none;
    background: var(--wait-soft);
    border: 1px solid var(--edge);
    border-radius: 1rem;
    cursor: pointer;
    height: 1.5rem;
    padding: 0;
    position: relative;
    width: 2.6rem;
  }

  input[role="switch"]::before {
    background: var(--edge);
    border-radius: 50%;
    content: "";
    height: 1.1rem;
    inset: 0.125rem auto auto 0.15rem;
    position: absolute;
    transition: translate 0.12s;
    width: 1.1rem;
  }

  input[role="switch"]:checked {
    background: var(--accent);
    border-color: var(--accent);
  }

  input[role="switch"]:checked::before {
    background: var(--accent-ink);
    translate: 1.1rem 0;
  }

  .tick,
  .option {
    align-items: center;
    cursor: pointer;
    display: flex;
    gap: 0.6rem;
    min-height: 2.25rem;
  }

  .tick label {
    cursor: pointer;
    font-weight: 600;
  }

  .options {
    display: flex;
    flex-wrap: wrap;
    gap: 0.4rem 0.5rem;
  }

  .options .option {
    border: 1px solid var(--line);
    border-radius: var(--radius);
    padding: 0 0.8rem 0 0.65rem;
  }

  .options .option:hover {
    border-color: var(--edge);
  }

  .options .option:has(:checked) {
    background: color-mix(in srgb, var(--accent) 10%, var(--card));
    border-color: var(--accent);
  }

  .options.many {
    border: 1px solid var(--edge);
    border-radius: var(--radius);
    display: grid;
    gap: 0;
    margin-top: 0.4rem;
    max-height: 15rem;
    overflow-y: auto;
    padding: 0.25rem;
  }

  .options.many .option {
    background: none;
    border: 0;
  }

  .compound {
    border-left: 3px solid var(--line);
    padding-left: 1rem;
  }

  .compound > legend {
    float: left;
    margin-bottom: 0.5rem;
    width: 100%;
  }

  .item:has(> .compound) > .tools {
    align-self: start;
  }

  .compound > legend + * {
    clear: both;
  }

  .compound > .options,
  .compound > select {
    clear: both;
    margin-bottom: 0.75rem;
  }

  .parts {
    clear: both;
    display: grid;
    gap: 1rem;
    grid-template-columns: minmax(0, 1fr);
  }

  .option + .parts {
    margin-top: 0.5rem;
  }

  .item {
    align-items: start;
    clear: both;
    display: grid;
    gap: 0.5rem;
    grid-template-columns: minmax(0, 1fr) auto;
    margin-bottom: 0.75rem;
  }

  .item.pair {
    grid-template-columns: minmax(0, 2fr) minmax(0, 3fr) auto;
  }

  .item > .tools {
    align-self: end;
    flex-wrap: nowrap;
  }

  button.small {
    font-size: 0.9rem;
    min-height: 2rem;
    min-width: 2rem;
    padding: 0.15rem 0.6rem;
  }

  .item > .tools .small {
    min-height: 2.5rem;
  }

  .add {
    clear: both;
  }

  .zone {
    align-items: center;
    border: 2px dashed var(--edge);
    border-radius: var(--radius);
    display: flex;
    flex-wrap: wrap;
    gap: 0.1rem 0.75rem;
    min-height: 3.25rem;
    padding: 0.6rem 1rem;
    position: relative;
  }

  .zone:hover,
  .zone.over {
    background: var(--go-soft);
    border-color: var(--accent);
  }

  .zone:focus-within {
    outline: 3px solid var(--accent);
    outline-offset: 2px;
  }

  .zone > input {
    cursor: pointer;
    height: 100%;
    inset: 0;
    opacity: 0;
    position: absolute;
  }

  .zone:has([aria-invalid="true"]) {
    border-color: var(--bad);
  }

  .zone > span {
    margin: 0;
    pointer-events: none;
  }

  .chosen {
    display: grid;
    gap: 0.4rem;
    list-style: none;
    margin: 0.5rem 0 0;
    padding: 0;
  }

  .chosen li {
    align-items: center;
    background: var(--wait-soft);
    border-radius: var(--radius);
    display: flex;
    flex-wrap: wrap;
    gap: 0.4rem 0.75rem;
    padding: 0.35rem 0.35rem 0.35rem 0.75rem;
  }

  .chosen span {
    flex: 1 1 10rem;
    font-variant-numeric: tabular-nums;
    margin: 0;
    overflow-wrap: anywhere;
  }

  .chosen progress {
    accent-color: var(--accent);
    flex: 1 1 100%;
    height: 0.5rem;
  }

  .chosen button > span {
    flex: none;
  }

  taskrealm-combobox,
  taskrealm-checklist {
    display: block;
  }

  .combobox {
    position: relative;
    max-width: 24rem;
  }

  .combobox input {
    padding-right: 2.5rem;
  }

  .combobox .arrow {
    background: none;
    border: 0;
    height: 100%;
    inset: 0 0 auto auto;
    min-height: 0;
    padding: 0;
    position: absolute;
    width: 2.5rem;
  }

  .combobox .arrow::before {
    content: "▾" / "";
  }

  .combobox ul {
    background: var(--card);
    border: 1px solid var(--edge);
    border-radius: var(--radius);
    box-shadow: 0 6px 20px rgb(0 0 0 / 0.18);
    inset: calc(100% + 0.25rem) 0 auto;
    list-style: none;
    margin: 0;
    max-height: 18rem;
    overflow-y: auto;
    padding: 0.25rem;
    position: absolute;
    z-index: 5;
  }

  .combobox li {
    border-radius: calc(var(--radius) - 3px);
    cursor: pointer;
    padding: 0.45rem 0.6rem;
  }

  .combobox li:hover,
  .combobox li.active {
    background: var(--go-soft);
  }

  .combobox li.active {
    outline: 2px solid var(--accent);
    outline-offset: -2px;
  }

  .combobox li[aria-selected="true"]::after {
    content: " ✓" / "";
    color: var(--accent);
  }

  .combobox li[aria-disabled="true"] {
    color: var(--quiet);
    cursor: default;
  }

  @media (pointer: coarse) {
    input,
    select,
    .option,
    .tick,
    button.small {
      min-height: 2.75rem;
    }

    input:is([type="checkbox"], [type="radio"]) {
      min-height: 0;
    }
  }

  @media (max-width: 30rem) {
    .compound {
      padding-left: 0.6rem;
    }

    .item.pair {
      grid-template-columns: minmax(0, 1fr) auto;
    }

    .item.pair > :nth-child(2) {
      grid-column: 1;
    }

    select,
    .beside input,
    .beside input.is-number {
      width: 100%;
    }
  }

  @media (forced-colors: active) {
    input[role="switch"]::before {
      background: ButtonText;
    }

    input[role="switch"]:checked {
      background: Highlight;
    }

    .options .option:has(:checked) {
      border-color: Highlight;
    }
  }
`
