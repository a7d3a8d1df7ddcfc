/** What a row says of its job. */

import type {ListedJob} from "@taskrealm/client"
import {html, type TemplateResult} from "lit"
import {duration, moment, progressText} from "../format"
import {progressBar} from "../parts/progress"
import {words} from "../words"

const texts = () => words.jobs

export function isGoing({state}: ListedJob): boolean {
  return state === "running" || state === "stopping"
}

export function isWaiting({state}: ListedJob): boolean {
  return state === "queued" || state === "delayed"
}

/** How far the job is, why it waits, or how it ended; *title* is that of its task. */
export function courseOf(job: ListedJob, title: string): TemplateResult | string {
  const {progress, questions, waiting, position} = job
  if (isGoing(job) && questions?.length) {
    return html`<strong class="asks">${texts().asks}</strong>`
  }
  if (isGoing(job) && progress) {
    return html`
      ${progressBar(progress, texts().progressOf(title))}
      <span class="quiet small">${progressText(progress)}</span>
    `
  }
  if (isWaiting(job)) {
    const place = position ? texts().place(position) : ""
    return [place, waiting?.text ?? ""].filter(each => each !== "").join(" · ")
  }
  return endOf(job)
}

/** When the job was submitted, and how long it took or has taken. */
export function timesOf(job: ListedJob, now = Date.now()): TemplateResult {
  return html`
    <time datetime=${job.submitted_at} title=${fully(job.submitted_at)}>${moment(job.submitted_at)}</time>
    ${tookOf(job, now)}
  `
}

function tookOf(job: ListedJob, now: number): string {
  if (isGoing(job) && job.started_at) {
    const seconds = Math.max(0, (now - Date.parse(job.started_at)) / 1000)
    return texts().sinceStart(duration(Math.floor(seconds)))
  }
  return typeof job.duration === "number" ? texts().took(duration(job.duration)) : ""
}

function endOf({state, error, cancel, by, reason}: ListedJob): string {
  switch (state) {
    case "cancelled":
      return texts().stoppedBy(by ?? cancel?.by ?? texts().somebody, reason ?? cancel?.reason)
    case "succeeded":
      return ""
    default:
      return error ?? reason ?? ""
  }
}

const FULLY = new Intl.DateTimeFormat(undefined, {dateStyle: "full", timeStyle: "long"})

/** The moment with its day and its zone. */
function fully(iso: string): string {
  return FULLY.format(new Date(iso))
}
