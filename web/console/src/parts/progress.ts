/** How far a job has come, as a bar with words. */

import type {Progress} from "@taskrealm/client"
import {html, nothing, type TemplateResult} from "lit"
import {duration, percent} from "../format"

/** What the bar says: `"61 %, frame 8 of 14, about 2 min left"`. */
export function progressText({fraction, message, eta}: Progress): string {
  const words = [
    fraction === null ? "" : percent(fraction),
    message ?? "",
    eta === null ? "" : `about ${duration(eta)} left`,
  ]
  return words.filter(word => word !== "").join(", ")
}

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
