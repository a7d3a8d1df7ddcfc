/** Boxes that tell why something is not there. */

import {TaskRealmError} from "@taskrealm/client"
import {html, type TemplateResult} from "lit"
import {words} from "../words"

/** What went wrong, in words; what cures itself says so. */
export function problem(error: Error): TemplateResult {
  const code = error instanceof TaskRealmError ? error.code : ""
  const cures = ["disconnected", "unavailable", "timeout"].includes(code)
  return html`
    <div class="notice" role=${cures ? "status" : "alert"}>
      <p>${error.message}</p>
      ${cures ? html`<p class="quiet">${words.connection.curesItself}</p>` : ""}
    </div>
  `
}

export function loading(what: string): TemplateResult {
  return html`<p class="quiet" role="status">${words.connection.loading(what)}</p>`
}
