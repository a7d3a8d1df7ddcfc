/** The state of a job: a shape, a word and a colour. */

import type {JobState} from "@taskrealm/client"
import {html, svg, type TemplateResult} from "lit"

export const STATE_WORDS: Record<JobState, string> = {
  delayed: "Delayed",
  queued: "Queued",
  running: "Running",
  stopping: "Stopping",
  succeeded: "Succeeded",
  failed: "Failed",
  cancelled: "Cancelled",
  timed_out: "Timed out",
  expired: "Expired",
  lost: "Lost",
}

const CLOCK = svg`<circle cx="8" cy="8" r="6" /><path d="M8 4.5V8l2.5 1.5" />`

const SHAPES: Record<JobState, TemplateResult> = {
  delayed: CLOCK,
  queued: svg`<circle cx="8" cy="8" r="6" /><path d="M5 8h.01M8 8h.01M11 8h.01" />`,
  running: svg`<circle cx="8" cy="8" r="6" /><path d="M6.5 5.5v5l4-2.5z" fill="currentColor" />`,
  stopping: svg`<circle cx="8" cy="8" r="6" /><path d="M6 6h4v4H6z" fill="currentColor" />`,
  succeeded: svg`<circle cx="8" cy="8" r="6" /><path d="m5.3 8.2 1.9 1.9 3.5-4" />`,
  failed: svg`<circle cx="8" cy="8" r="6" /><path d="m5.8 5.8 4.4 4.4m0-4.4-4.4 4.4" />`,
  cancelled: svg`<circle cx="8" cy="8" r="6" /><path d="m4 12 8-8" />`,
  timed_out: CLOCK,
  expired: CLOCK,
  lost: svg`<circle cx="8" cy="8" r="6" /><path d="M6.3 6.3c.3-1.9 3.4-1.8 3.4.1 0 1.2-1.7 1.2-1.7 2.5M8 11h.01" />`,
}

/** *testId* marks the one badge of a page that tests look for. */
export function stateBadge(state: JobState, testId?: string): TemplateResult {
  return html`
    <span class="state" data-state=${state} data-testid=${testId ?? "state"}>
      <svg viewBox="0 0 16 16" aria-hidden="true">${SHAPES[state]}</svg>${STATE_WORDS[state]}
    </span>
  `
}
