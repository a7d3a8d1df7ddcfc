/** Boxes that tell why something is not there. */

import {TaskRealmError} from "@taskrealm/client"
import {html, type TemplateResult} from "lit"

/** What went wrong, in words; what cures itself says so. */
export function problem(error: Error): TemplateResult {
  const code = error instanceof TaskRealmError ? error.code : ""
  const cures = ["disconnected", "unavailable", "timeout"].includes(code)
  return html`
    <div class="notice" role=${cures ? "status" : "alert"}>
      <p>${error.message}</p>
      ${cures ? html`<p class="quiet">This page goes on by itself as soon as it can.</p>` : ""}
    </div>
  `
}

export function loading(what: string): TemplateResult {
  return html`<p class="quiet" role="status">Loading ${what} …</p>`
}
