/** How a job has ended. */

import type {JobDetails} from "@taskrealm/client"
import {html, nothing, type TemplateResult} from "lit"
import {shellWord} from "../copy-as"
import {bytes, duration, grouped} from "../format"
import {words} from "../words"
import "./result"

/** Lines of what it printed as errors that are shown. */
const LINES = 20

/** What the program of a failed job was started with. */
export interface Ran {
  argv?: string[]
  limits?: Record<string, unknown>
}

/** What the page has besides the job's record. */
export interface Extras {
  /** The result, where it was too big for the record and somebody has asked for it. */
  big: unknown
  onBig: () => void
  ran: Ran | null
}

export function outcome(record: JobDetails, {big, onBig, ran}: Extras): TemplateResult | string {
  const {state, error, stderr_tail, cancel, reason, timeout} = record
  const {job} = words
  switch (state) {
    case "succeeded":
      return result(record, big, onBig)
    case "failed":
      return html`
        <section class="notice bad" part="failure" data-testid="job-failure">
          <p><strong>${error}</strong></p>
          ${lastWords(stderr_tail)} ${whatRan(ran, record)}
        </section>
      `
    case "cancelled":
      return html`<p class="notice" part="failure">
        ${job.cancelledBy(record.by ?? cancel?.by ?? "", reason)}
      </p>`
    case "timed_out":
      return html`<section class="notice bad" part="failure">
        <p>${job.timedOut(timeout === null ? null : duration(timeout))}</p>
        ${lastWords(stderr_tail)}
      </section>`
    case "expired":
      return html`<p class="notice bad" part="failure">${job.expired}</p>`
    case "lost":
      return html`<p class="notice bad" part="failure">${reason || job.lost}</p>`
    default:
      return ""
  }
}

function result({result, artifact}: JobDetails, big: unknown, onBig: () => void) {
  const {job} = words
  const value = artifact ? big : result
  if (!artifact && (value === null || value === undefined)) return ""
  return html`
    <section part="result" data-testid="job-result">
      <h2>${job.result}</h2>
      ${
        value === undefined
          ? html`<p class="row">
              <span>${job.bigResult}</span>
              <button @click=${onBig}>${job.showResult}</button>
            </p>`
          : html`<tr-result .value=${value}></tr-result>`
      }
    </section>
  `
}

function lastWords(tail: string | null | undefined): TemplateResult | string {
  if (!tail?.trim()) return ""
  const lines = tail.trimEnd().split("\n").slice(-LINES).join("\n")
  return html`
    <h2>${words.job.lastWords}</h2>
    <pre class="block" tabindex="0" data-testid="job-stderr">${lines}</pre>
  `
}

function whatRan(ran: Ran | null, {timeout}: JobDetails): TemplateResult | typeof nothing {
  if (!ran?.argv?.length) return nothing
  const limits = Object.entries(ran.limits ?? {}).filter(([, value]) => typeof value === "number")
  const told = [
    timeout === null ? "" : `${words.job.limit}: ${duration(timeout)}`,
    ...limits.map(([name, value]) => words.job.most(name, amount(name, value as number))),
  ].filter(Boolean)
  return html`
    <h3>${words.job.whatRan}</h3>
    <pre class="block" tabindex="0" data-testid="job-ran">${ran.argv.map(shellWord).join(" ")}</pre>
    ${told.length > 0 ? html`<p class="limits">${told.join(" · ")}</p>` : ""}
  `
}

/** A limit in its unit. */
function amount(name: string, value: number): string {
  if (["memory", "output", "disk", "file_size"].includes(name)) return bytes(value)
  return name === "cpu" ? duration(value) : grouped(value)
}
