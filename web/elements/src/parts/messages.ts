/** What a job's program tells while it runs: a list, each with its level as a word. */

import type {JobEvent} from "@taskrealm/client"
import {css, html, type TemplateResult} from "lit"
import {repeat} from "lit/directives/repeat.js"
import {moment, pretty} from "../format"
import {words} from "../words"

/** The section, or nothing as long as there is no message. A screen reader hears new ones. */
export function messageList(messages: readonly JobEvent<"message">[]): TemplateResult | string {
  if (messages.length === 0) return ""
  return html`
    <section part="messages">
      <h2 id="messages-title">${words.job.messages}</h2>
      <div
        class="messages"
        role="log"
        tabindex="0"
        aria-labelledby="messages-title"
        data-testid="job-messages"
      >
        <ol>
          ${repeat(messages, ({job_seq}) => job_seq, message)}
        </ol>
      </div>
    </section>
  `
}

function message({level, text, data, at}: JobEvent<"message">): TemplateResult {
  return html`
    <li data-level=${level}>
      <span class="level">${words.job.levels[level] ?? level}</span>
      <span class="text">${text}</span>
      <time class="quiet" datetime=${at}>${moment(at)}</time>
      ${
        data === null || data === undefined
          ? ""
          : html`<details>
              <summary>${words.job.details}</summary>
              <pre class="block">${pretty(data)}</pre>
            </details>`
      }
    </li>
  `
}

export const messageStyles = css`
  .messages {
    background: var(--card);
    border: 1px solid var(--line);
    border-radius: var(--radius);
    max-height: min(24rem, 50vh);
    overflow: auto;
    overscroll-behavior: contain;
  }

  .messages ol {
    list-style: none;
    margin: 0;
    padding: 0;
  }

  .messages li {
    align-items: baseline;
    border-left: 4px solid var(--line);
    display: grid;
    gap: 0.25rem 1rem;
    grid-template-columns: 5rem minmax(0, 1fr) max-content;
    padding: 0.5rem 1rem;
  }

  .messages li + li {
    border-top: 1px solid var(--line);
  }

  .messages .level {
    color: var(--quiet);
    font-size: 0.9rem;
    font-weight: 600;
  }

  .messages .text {
    overflow-wrap: anywhere;
    white-space: pre-wrap;
  }

  .messages time {
    font-size: 0.9rem;
  }

  .messages details {
    grid-column: 2 / -1;
  }

  .messages [data-level="warning"] {
    border-left-color: var(--stop);
  }

  .messages [data-level="warning"] .level {
    color: var(--stop);
  }

  .messages [data-level="error"] {
    border-left-color: var(--bad);
  }

  .messages [data-level="error"] .level {
    color: var(--bad);
  }

  @container (max-width: 34rem) {
    .messages li {
      grid-template-columns: minmax(0, 1fr) max-content;
    }

    .messages .text,
    .messages details {
      grid-column: 1 / -1;
      grid-row: auto;
    }

    .messages time {
      grid-column: 2;
      grid-row: 1;
    }
  }
`
