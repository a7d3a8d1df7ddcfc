/**
 * What all elements look like. A page changes it by custom properties on any element around
 * them, `--taskrealm-accent: #a30`, and by the parts that each element names.
 */

import {type CSSResultGroup, css} from "lit"

/** The colours and measures, light and dark as the page is (`color-scheme`). */
export const palette = css`
  :root,
  :host {
    --ink: var(--taskrealm-ink, light-dark(#171b21, #e6eaf0));
    --quiet: var(--taskrealm-quiet, light-dark(#555f6d, #9aa5b3));
    --card: var(--taskrealm-card, light-dark(#ffffff, #181d25));
    --line: var(--taskrealm-line, light-dark(#dde2e9, #2c3541));
    --edge: var(--taskrealm-edge, light-dark(#7c8694, #6b7888));
    --accent: var(--taskrealm-accent, light-dark(#2f55d4, #8aa5ff));
    --accent-ink: var(--taskrealm-accent-ink, light-dark(#ffffff, #0f1733));
    --wait: var(--taskrealm-wait, light-dark(#555f6d, #a7b2bf));
    --go: var(--taskrealm-go, light-dark(#0b5fae, #79b8ff));
    --stop: var(--taskrealm-stop, light-dark(#8a4f00, #f0b35c));
    --good: var(--taskrealm-good, light-dark(#186f34, #6fd08c));
    --bad: var(--taskrealm-bad, light-dark(#b91c2a, #ff8f8f));
    --wait-soft: var(--taskrealm-wait-soft, light-dark(#eceff3, #252d37));
    --go-soft: var(--taskrealm-go-soft, light-dark(#e4f0fb, #14293f));
    --stop-soft: var(--taskrealm-stop-soft, light-dark(#fbf0dd, #36280f));
    --good-soft: var(--taskrealm-good-soft, light-dark(#e3f4e8, #16301f));
    --bad-soft: var(--taskrealm-bad-soft, light-dark(#fdebec, #3a1c20));
    --screen: var(--taskrealm-screen, light-dark(#0f1419, #0b0f14));
    --screen-ink: var(--taskrealm-screen-ink, #d8dee6);
    --screen-err: var(--taskrealm-screen-err, #ffb4a8);
    --radius: var(--taskrealm-radius, 8px);
    --gap: var(--taskrealm-gap, 1rem);
    --mono: var(
      --taskrealm-mono,
      ui-monospace,
      "SF Mono",
      "Cascadia Mono",
      Menlo,
      Consolas,
      "DejaVu Sans Mono",
      monospace
    );
  }
`

const host = css`
  :host {
    color: var(--ink);
    display: block;
  }

  :host([hidden]) {
    display: none;
  }
`

/** What an element starts from. */
export const theme: CSSResultGroup = [palette, host]

/**
 * Controls, notices and text, which look the same in every element and on the page of the
 * console. In a layer, so that what an element says of its own counts more.
 */
export const basics = css`
  @layer taskrealm {
    *,
    ::before,
    ::after {
      box-sizing: border-box;
    }

    :focus-visible {
      outline: 2px solid var(--accent);
      outline-offset: 2px;
    }

    h1,
    h2,
    h3 {
      line-height: 1.25;
      overflow-wrap: anywhere;
      text-wrap: balance;
    }

    h1 {
      font-size: 1.5rem;
      font-weight: 650;
      letter-spacing: -0.01em;
      margin: 0 0 var(--gap);
    }

    h2 {
      font-size: 1.0625rem;
      font-weight: 650;
      margin: 1.75rem 0 0.625rem;
    }

    p {
      margin: 0 0 0.75rem;
    }

    a {
      color: var(--accent);
      text-decoration-thickness: 1px;
      text-underline-offset: 0.2em;
    }

    code,
    pre,
    kbd {
      font-family: var(--mono);
      font-size: 0.875em;
    }

    pre.block {
      background: var(--wait-soft);
      border-radius: var(--radius);
      margin: 0;
      max-height: 24rem;
      overflow: auto;
      padding: 0.75rem 1rem;
      white-space: pre-wrap;
      overflow-wrap: anywhere;
    }

    kbd {
      background: var(--wait-soft);
      border: 1px solid var(--line);
      border-radius: 4px;
      padding: 0.0625rem 0.375rem;
    }

    .hidden {
      position: absolute;
      width: 1px;
      height: 1px;
      overflow: hidden;
      clip-path: inset(50%);
      white-space: nowrap;
    }

    .quiet {
      color: var(--quiet);
    }

    .prose {
      white-space: pre-line;
      max-width: 65ch;
    }

    .row {
      display: flex;
      flex-wrap: wrap;
      align-items: center;
      gap: 0.5rem 0.75rem;
    }

    .stack {
      display: grid;
      gap: var(--gap);
      justify-items: start;
    }

    button,
    .button,
    input,
    select,
    textarea {
      color: inherit;
      font: inherit;
    }

    button,
    .button {
      align-items: center;
      background: var(--card);
      border: 1px solid var(--edge);
      border-radius: var(--radius);
      color: var(--ink);
      cursor: pointer;
      display: inline-flex;
      font-weight: 550;
      gap: 0.5rem;
      justify-content: center;
      line-height: 1.35;
      min-height: 2.375rem;
      padding: 0.375rem 0.875rem;
      text-decoration: none;
      transition: background-color 0.12s;
    }

    button:hover:not(:disabled),
    .button:hover {
      background: var(--wait-soft);
    }

    button.primary,
    .button.primary {
      background: var(--accent);
      border-color: var(--accent);
      color: var(--accent-ink);
    }

    button.primary:hover:not(:disabled),
    .button.primary:hover {
      background: color-mix(in srgb, var(--accent) 86%, var(--ink));
    }

    button.danger {
      border-color: var(--bad);
      color: var(--bad);
    }

    button.danger:hover:not(:disabled) {
      background: var(--bad-soft);
    }

    button.plain {
      background: none;
      border-color: transparent;
      color: var(--accent);
      padding-inline: 0.5rem;
    }

    button.plain:hover:not(:disabled) {
      background: var(--wait-soft);
    }

    button:disabled {
      cursor: default;
      opacity: 0.55;
    }

    input:not([type="checkbox"], [type="radio"]),
    select,
    textarea {
      background: var(--card);
      border: 1px solid var(--edge);
      border-radius: var(--radius);
      color: var(--ink);
      min-height: 2.375rem;
      padding: 0.375rem 0.625rem;
      width: 100%;
    }

    textarea {
      resize: vertical;
    }

    ::placeholder {
      color: var(--quiet);
      opacity: 1;
    }

    input[type="checkbox"],
    input[type="radio"] {
      accent-color: var(--accent);
      flex: none;
      height: 1.125rem;
      margin: 0;
      width: 1.125rem;
    }

    input[type="file"] {
      padding: 0.25rem;
    }

    ::file-selector-button {
      background: var(--wait-soft);
      border: 1px solid var(--line);
      border-radius: calc(var(--radius) - 3px);
      color: inherit;
      cursor: pointer;
      font: inherit;
      margin-right: 0.75rem;
      min-height: 1.75rem;
      padding: 0 0.75rem;
    }

    :is(input, select, textarea)[aria-invalid="true"] {
      border-color: var(--bad);
      box-shadow: 0 0 0 1px var(--bad);
    }

    summary {
      border-radius: 4px;
      cursor: pointer;
      padding: 0.25rem 0;
      width: max-content;
      max-width: 100%;
    }

    .notice {
      background: var(--wait-soft);
      border: 1px solid var(--line);
      border-radius: var(--radius);
      margin: 0 0 var(--gap);
      overflow-wrap: anywhere;
      padding: 0.75rem 1rem;
    }

    .notice.bad {
      background: var(--bad-soft);
      border-color: color-mix(in srgb, var(--bad) 35%, transparent);
    }

    .notice > :last-child {
      margin-bottom: 0;
    }

    @media (pointer: coarse) {
      button,
      .button,
      input:not([type="checkbox"], [type="radio"]),
      select,
      summary {
        min-height: 2.75rem;
      }

      summary {
        padding-block: 0.625rem;
      }
    }

    @media (prefers-reduced-motion: reduce) {
      *,
      ::before,
      ::after {
        animation: none !important;
        transition: none !important;
      }
    }
  }
`
