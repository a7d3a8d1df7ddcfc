/** What would be run, and when. */

import type {Client} from "@taskrealm/client"
import {html, type TemplateResult} from "lit"
import {shellWord} from "../copy-as"
import {duration} from "../format"
import {words} from "../words"

/** What the node says of a request that it has checked. */
export type Check = Awaited<ReturnType<Client["check"]>>

/** The program with its arguments, and how long the job would wait and may run. */
export function preview(check: Check): TemplateResult {
  const {argv = [], position, waiting, timeout} = check
  const place =
    position === 0 ? words.form.startsAtOnce : words.form.wouldWait(position, waiting?.text ?? "")
  return html`<section class="preview notice" part="preview" aria-label=${words.form.preview} role="status">
      <h2>${words.form.preview}</h2>
      ${
        argv.length > 0
          ? html`<pre class="block">${argv.map(shellWord).join(" ")}</pre>`
          : html`<p>${words.form.noProgram}</p>`
      }
      <p>${place}${timeout === null ? "" : ` ${words.form.mayRun(duration(timeout))}`}</p>
    </section>`
}
