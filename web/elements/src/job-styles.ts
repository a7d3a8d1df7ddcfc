/** What a whole job looks like. */

import {css} from "lit"
import {factStyles} from "./parts/facts"
import {messageStyles} from "./parts/messages"
import {stateStyles} from "./parts/state"
import {tabStyles} from "./parts/tabs"

export const jobStyles = [
  stateStyles,
  messageStyles,
  factStyles,
  tabStyles,
  css`
    :host {
      container-type: inline-size;
    }

    h1,
    .name h2 {
      font-size: 1.5rem;
      line-height: 1.25;
      margin: 0;
      overflow-wrap: anywhere;
    }

    h3 {
      font-size: 0.95rem;
      margin: 1rem 0 0.375rem;
    }

    .head {
      align-items: center;
      background: var(--taskrealm-paper, var(--paper, Canvas));
      display: flex;
      flex-wrap: wrap;
      gap: 0.5rem 1rem;
      margin: 0 -0.25rem 1rem;
      padding: 0.5rem 0.25rem;
      position: sticky;
      top: var(--taskrealm-sticky-top, 0);
      z-index: 2;
    }

    .name {
      align-items: center;
      display: flex;
      flex: 1 1 16rem;
      flex-wrap: wrap;
      gap: 0.5rem 0.75rem;
    }

    .line {
      column-gap: 0.5rem;
      display: flex;
      flex-basis: 100%;
      flex-wrap: wrap;
      font-size: 0.925rem;
      margin: 0;
    }

    .line > span:not(:last-child)::after {
      content: "·";
      margin-inline-start: 0.5rem;
    }

    tr-question {
      display: block;
      margin-bottom: 1rem;
    }

    .notice {
      border: 1px solid var(--line);
      border-left: 4px solid var(--wait);
      margin: 0 0 1rem;
      overflow-wrap: anywhere;
    }

    .notice.bad {
      border-color: color-mix(in srgb, var(--bad) 35%, var(--card));
      border-left-color: var(--bad);
      color: var(--ink);
    }

    .notice.bad strong,
    .notice.bad > p:first-child {
      color: var(--bad);
    }

    .notice.bad pre.block {
      background: var(--card);
    }

    .notice .limits {
      font-size: 0.9rem;
      margin: 0.5rem 0 0;
    }

    .notice.stopping {
      background: var(--stop-soft);
      border-left-color: var(--stop);
    }

    .progress {
      margin: 0 0 1rem;
    }

    tr-files,
    tr-children {
      display: block;
    }

    @container (max-width: 34rem) {
      .head {
        position: static;
      }

      .name {
        flex-basis: 100%;
      }
    }
  `,
]
