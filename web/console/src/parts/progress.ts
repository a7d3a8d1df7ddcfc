/** How far a job has come, as a bar with words. */

import type {Progress} from "@taskrealm/client"
import {html, nothing, type TemplateResult} from "lit"
import {progressText} from "../format"

/** The bar; without a known fraction it only says that something goes on. */
export function progressBar(progress: Progress, label: string): TemplateResult {
  const {fraction} = progress
  return html`
    <progress
      role="progressbar"
      max="1"
      value=${fraction ?? nothing}
      aria-label=${label}
      aria-valuetext=${progressText(progress) || "in progress"}
    ></progress>
  `
}
