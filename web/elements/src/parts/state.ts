/** The state of a job: a shape, a word and a colour. */

import type {JobState} from "@taskrealm/client"
import {css, html, svg, type TemplateResult} from "lit"
import {words} from "../words"

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

/** The shape alone, for where the word stands in a sentence. */
export function stateIcon(state: JobState): TemplateResult {
  return html`<svg viewBox="0 0 16 16" aria-hidden="true">${SHAPES[state]}</svg>`
}

/** *testId* marks the one badge of a page that tests look for. */
export function stateBadge(state: JobState, testId?: string): TemplateResult {
  return html`
    <span class="state" part="state" data-state=${state} data-testid=${testId ?? "state"}>
      ${stateIcon(state)}${words.states[state]}
    </span>
  `
}

/** What {@link stateBadge} looks like in the shadow tree of an element. */
export const stateStyles = css`
  .state {
    align-items: center;
    background: var(--wait-soft);
    border-radius: 1rem;
    color: var(--wait);
    display: inline-flex;
    font-size: 0.9rem;
    font-weight: 600;
    gap: 0.375rem;
    justify-self: start;
    padding: 0.125rem 0.625rem 0.125rem 0.5rem;
    white-space: nowrap;
  }

  .state svg {
    fill: none;
    height: 1rem;
    stroke: currentColor;
    stroke-linecap: round;
    stroke-linejoin: round;
    stroke-width: 1.75;
    width: 1rem;
  }

  .state[data-state="running"] {
    background: var(--go-soft);
    color: var(--go);
  }

  .state[data-state="stopping"] {
    background: var(--stop-soft);
    color: var(--stop);
  }

  .state[data-state="succeeded"] {
    background: var(--good-soft);
    color: var(--good);
  }

  .state:is(
      [data-state="failed"],
      [data-state="timed_out"],
      [data-state="expired"],
      [data-state="lost"]
    ) {
    background: var(--bad-soft);
    color: var(--bad);
  }

  @media (forced-colors: active) {
    .state {
      border: 1px solid;
    }
  }
`
