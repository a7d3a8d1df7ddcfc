/** What a job's program tells while it runs: a list, each with its level as a word. */

import type {JobEvent} from "@taskrealm/client"
import {html, type TemplateResult} from "lit"
import {repeat} from "lit/directives/repeat.js"
import {moment, pretty} from "../format"

const LEVEL_WORDS: Record<string, string> = {
  debug: "Detail",
  info: "Note",
  warning: "Warning",
  error: "Error",
}

/** The section, or nothing as long as there is no message. A screen reader hears new ones. */
export function messageList(messages: readonly JobEvent<"message">[]): TemplateResult | string {
  if (messages.length === 0) return ""
  return html`
    <section>
      <h2 id="messages-title">Messages</h2>
      <div
        class="messages"
        role="log"
        tabindex="0"
        aria-labelledby="messages-title"
        data-testid="job-messages"
      >
        <ol>
          ${repeat(
            messages,
            ({job_seq}) => job_seq,
            ({level, text, data, at}) => html`
              <li data-level=${level}>
                <span class="level">${LEVEL_WORDS[level] ?? level}</span>
                <span class="text">${text}</span>
                <time class="quiet" datetime=${at}>${moment(at)}</time>
                ${
                  data === null || data === undefined
                    ? ""
                    : html`<details>
                        <summary>Details</summary>
                        <pre class="block">${pretty(data)}</pre>
                      </details>`
                }
              </li>
            `,
          )}
        </ol>
      </div>
    </section>
  `
}
