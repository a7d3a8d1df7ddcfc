/** One job: how it goes, what it asks, what it leaves, what is written down of it. */

import {
  type CancelAnswer,
  isTerminal,
  type JobDetails,
  type JobEvent,
  type Task,
} from "@taskrealm/client"
import {html, type TemplateResult} from "lit"
import {customElement, property, query, state} from "lit/decorators.js"
import {repeat} from "lit/directives/repeat.js"
import {Clock} from "./controllers"
import {remaining, secondsUntil} from "./course"
import {duration, moment, percent} from "./format"
import {jobStyles} from "./job-styles"
import {JobWatch} from "./job-watch"
import type {JobActions, Rights} from "./parts/actions"
import "./parts/actions"
import "./parts/children"
import "./parts/events"
import {answerList, argumentList, attemptTable, notes} from "./parts/facts"
import "./parts/files"
import {messageList} from "./parts/messages"
import {loading, problem} from "./parts/notice"
import {outcome, type Ran} from "./parts/outcome"
import "./output"
import "./parts/question"
import {stateBadge} from "./parts/state"
import {type Tab, tabList, tabPanel} from "./parts/tabs"
import {usualDuration} from "./progress"
import {RealmElement} from "./realm-element"
import type {AcceptedDetail} from "./task-form"
import {words} from "./words"

/** What the tabs below a job show. */
export const JOB_TABS = ["output", "arguments", "attempts", "events"] as const

export type JobTab = (typeof JOB_TABS)[number]

/** How a job does, as `taskrealm-changed` tells it. */
export interface JobNews {
  job_id: string
  title: string
  state: JobDetails["state"]
  /** From 0 to 1 while it runs and tells; else null. */
  fraction: number | null
  /** How many questions wait for an answer. */
  questions: number
}

export interface JobEventMap {
  "taskrealm-changed": CustomEvent<JobNews>
  "taskrealm-ended": CustomEvent<{job_id: string; state: JobDetails["state"]}>
  "taskrealm-cancelled": CustomEvent<{job_id: string; answer: CancelAnswer}>
  "taskrealm-accepted": CustomEvent<AcceptedDetail>
  "taskrealm-tab": CustomEvent<{tab: JobTab}>
}

/**
 * A whole job, live, from its first event and its first byte on, whoever started it and where.
 *
 * @example
 * <taskrealm-job job="0198…"></taskrealm-job>
 *
 * @attr job - the id of the job
 * @attr tab - which tab is open: `output` (the default), `arguments`, `attempts` or `events`
 * @attr heading - 1 where the job is what the page is about; 2 unless given
 * @attr job-href - the address of a job's page, `{job}` in it standing for the id; without one,
 *   other jobs are named and not linked
 * @attr form-href - the address of a form that is filled in as for a job, with `{task}` and
 *   `{job}`; without one, a job can be run again as it was only
 * @prop tasks - the tasks of the visitor if the page knows them; else they are asked for
 * @slot actions - more that can be done with the job, behind the buttons that are there
 * @fires taskrealm-changed - {@link JobNews}, at first and whenever any of it changes
 * @fires taskrealm-ended - `{job_id, state}`, once the job has ended while it was followed
 * @fires taskrealm-cancelled - `{job_id, answer}`, when the visitor has asked for that
 * @fires taskrealm-accepted - `{job_id, job}`: the visitor has run it again, and this is the new job
 * @fires taskrealm-tab - `{tab}`: the visitor has opened a tab
 * @csspart head - the title with state and buttons
 * @csspart title, state, facts - what it is made of
 * @csspart progress, result, failure, notes, answers, messages, tabs - what is below
 */
@customElement("taskrealm-job")
export class JobElement extends RealmElement {
  @property() job = ""
  @property() tab: JobTab = "output"
  @property() heading = "2"
  @property({attribute: "job-href"}) jobHref: string | null = null
  @property({attribute: "form-href"}) formHref: string | null = null
  @property({attribute: false}) tasks: readonly Task[] | undefined
  @state() private failure: Error | null = null
  @state() private asked: readonly Task[] = []
  @state() private ran: Ran | null = null
  @state() private usual: number | null = null
  @state() private big: unknown
  @query("tr-actions") private actions!: JobActions | null
  /** Of which job it is known what else there is to know. */
  #learnt = ""
  #told = ""
  #wasOpen = false
  #watch = new JobWatch(
    this,
    () => this.job,
    event => this.#hear(event),
  )

  static override styles = [RealmElement.styles, jobStyles]

  constructor() {
    super()
    new Clock(this, () => {
      const {record} = this.#watch
      return record !== undefined && !isTerminal(record.state)
    })
  }

  /** The job as far as it is known. */
  get record(): JobDetails | undefined {
    return this.#watch.record
  }

  protected override willUpdate(changed: Map<PropertyKey, unknown>): void {
    if (!changed.has("job")) return
    this.failure = null
    this.ran = null
    this.usual = null
    this.big = undefined
    this.#learnt = ""
    this.#wasOpen = false
  }

  protected override updated(): void {
    const {record} = this
    if (!record) return
    this.#tellChange(record)
    const kind = isTerminal(record.state) ? record.state : "open"
    const known = `${record.job_id} ${kind}`
    if (known === this.#learnt) return
    this.#learnt = known
    void this.#learn(record)
  }

  /** What is no part of the job, and does without where nobody may tell. */
  async #learn({task, state, arguments: args}: JobDetails): Promise<void> {
    const {client} = this
    this.usual = await usualDuration(client, task)
    try {
      if (this.tasks === undefined && this.asked.length === 0) this.asked = await client.tasks()
      if (state === "failed") this.ran = (await client.check(task, args)) as Ran
    } catch {
      // A token for looking only may not ask what would run.
    }
  }

  #hear(event: JobEvent): void {
    if (!isTerminal(event.type)) {
      this.#wasOpen = true
      return
    }
    const {job_id, type: state} = event
    // What has ended before it was looked at is no news.
    if (!this.#wasOpen || Date.now() - Date.parse(event.at) > FRESH * 1000) return
    this.tell("taskrealm-ended", {job_id, state})
    this.actions?.notify(words.states[state])
  }

  #tellChange({job_id, state, progress, questions}: JobDetails): void {
    const fraction = state === "running" ? (progress?.fraction ?? null) : null
    const news: JobNews = {job_id, title: this.#title, state, fraction, questions: questions.length}
    const told = JSON.stringify(news)
    if (told === this.#told) return
    this.#told = told
    this.tell("taskrealm-changed", news)
  }

  get #title(): string {
    return this.#titleOf(this.record?.task ?? "")
  }

  #task(name: string): Task | undefined {
    return (this.tasks ?? this.asked).find(task => task.name === name)
  }

  #titleOf = (name: string): string => this.#task(name)?.title || name

  #linkOf = (id: string): string | null =>
    this.jobHref?.replace("{job}", encodeURIComponent(id)) ?? null

  protected override render(): TemplateResult {
    const {record} = this
    if (!record) {
      const {error} = this.#watch
      return error
        ? html`<div class="head">${this.#h(words.job.job)}</div>${problem(error)}`
        : loading("the job")
    }
    const {state, questions} = record
    const extras = {big: this.big, ran: this.ran, onBig: () => void this.#fetchBig()}
    const isBatch = this.#task(record.task)?.batch !== undefined
    return html`
      <header class="head" part="head">
        <div class="name">${this.#h(this.#title)} ${stateBadge(state, "job-state")}</div>
        ${this.#actions(record)}
        <p class="quiet line" part="facts">${this.#facts(record)}</p>
      </header>
      <p class="hidden" aria-live="polite">${announcement(record)}</p>
      ${this.failure ? problem(this.failure) : ""}
      ${repeat(
        questions,
        ({question}) => question,
        question => html`<tr-question .job=${this.#watch.job} .question=${question}></tr-question>`,
      )}
      ${this.#situation(record)}
      ${outcome(record, extras)}
      <tr-files
        .client=${this.client}
        .jobId=${this.job}
        .count=${this.#watch.files}
        .hasEnded=${isTerminal(state)}
      ></tr-files>
      ${notes(record)}
      ${messageList(this.#watch.messages)}
      ${answerList(this.#watch.answers)}
      ${
        isBatch
          ? html`<tr-children
              .client=${this.client}
              .batch=${this.job}
              .titleOf=${this.#titleOf}
              .linkOf=${this.#linkOf}
            ></tr-children>`
          : ""
      }
      ${this.#tabs(record)}
    `
  }

  #h(title: string): TemplateResult {
    return this.heading === "1"
      ? html`<h1 part="title">${title}</h1>`
      : html`<h2 part="title">${title}</h2>`
  }

  #actions(record: JobDetails): TemplateResult {
    const {task, job_id} = record
    const form = this.formHref
      ?.replace("{task}", encodeURIComponent(task))
      .replace("{job}", encodeURIComponent(job_id))
    const page = new URL(this.#linkOf(job_id) ?? "", location.href).href
    return html`<tr-actions
      .client=${this.client}
      .job=${this.#watch.job}
      .record=${record}
      .rights=${this.#rights(task)}
      .formLink=${form ?? null}
      .link=${page}
      .name=${this.#title}
      .onProblem=${this.#onProblem}
    >
      <slot name="actions"></slot>
    </tr-actions>`
  }

  #onProblem = (problem: Error | null): void => {
    this.failure = problem
  }

  /** What the token lets its bearer do, and then what the rules do. */
  #rights(task: string): Rights {
    const {read_only, jobs} = this.client.scope
    const known = this.#task(task)
    const may = (right: "cancel" | "run") => known?.rights?.includes(right) ?? true
    if (read_only) return {noCancel: words.job.onlyLooking, mayRun: false}
    return {
      noCancel: may("cancel") ? null : words.job.mayNotCancel,
      mayRun: jobs === undefined && known !== undefined && may("run"),
    }
  }

  /** Who, when, how long: one line. */
  #facts(record: JobDetails): unknown[] {
    const {job} = words
    const {task, submitted_at, submitted_by, owner, started_at, ended_at, parent} = record
    const {schedule, attempt, exit_code, signal, duration: took, state} = record
    const isOpen = !isTerminal(state)
    const running =
      started_at === null ? 0 : Math.max(0, Date.now() - Date.parse(started_at)) / 1000
    const link = parent === null ? null : this.#linkOf(parent)
    const facts: unknown[] = [
      html`<code>${task}</code>`,
      html`${job.submitted} ${time(submitted_at)} ${job.by(submitted_by, owner)}`,
      schedule ? job.schedule(schedule) : "",
      parent === null
        ? ""
        : html`${job.partOf} ${link === null ? job.aBatch : html`<a href=${link}>${job.aBatch}</a>`}`,
      started_at ? html`${job.started} ${time(started_at)}` : "",
      isOpen && started_at ? job.running(duration(Math.floor(running))) : "",
      typeof took === "number" && ended_at ? job.took(duration(took)) : "",
      this.usual !== null && (isOpen || state === "succeeded")
        ? job.usually(duration(this.usual < 10 ? this.usual : Math.round(this.usual)))
        : "",
      attempt > 1 ? job.attempt(attempt) : "",
      typeof exit_code === "number" && exit_code !== 0 ? job.exitCode(exit_code) : "",
      signal ? job.signal(signal) : "",
    ]
    return facts.filter(fact => fact !== "").map(fact => html`<span>${fact}</span>`)
  }

  /** Where it stands as long as it has not ended. */
  #situation(record: JobDetails): TemplateResult | string {
    const {state, position, cancel, waiting} = record
    const {job} = words
    if (state === "queued") {
      return html`<p class="notice" data-testid="job-waiting">
        <strong>${position ? job.place(position) : job.waits}</strong>
        ${waiting ? job.why(waiting.text) : ""}
      </p>`
    }
    if (state === "delayed") return this.#delayed(record)
    if (isTerminal(state)) return ""
    return html`
      ${
        state === "stopping" && cancel
          ? html`<p class="notice stopping" data-testid="job-stopping">
              ${job.askedToStop(cancel.by, cancel.reason)} <strong>${this.#grace()}</strong>
            </p>`
          : ""
      }
      <div class="progress" part="progress" data-testid="job-progress">
        <taskrealm-progress
          .client=${this.client}
          .record=${record}
          .toldAt=${this.#watch.toldAt}
          .usual=${this.usual}
        ></taskrealm-progress>
      </div>
    `
  }

  #delayed({retry_at, not_before, delay, submitted_at, parent, after}: JobDetails): TemplateResult {
    const {job} = words
    const asked = delay === null ? null : later(submitted_at, delay)
    const due = retry_at ?? not_before ?? asked
    if (due === null) {
      const why = parent
        ? job.waitsForBatch
        : after.length > 0
          ? job.waitsForJobs
          : job.waitsToStart
      return html`<p class="notice" data-testid="job-waiting">${why}</p>`
    }
    const seconds = secondsUntil(due, Date.now())
    const begin = retry_at ? job.againIn : job.startsIn
    return html`<p class="notice" data-testid="job-waiting">
      <strong>${seconds > 0 ? begin(duration(seconds)) : job.startsNow}</strong>
      ${seconds > 0 ? html`· ${job.startsWhen(moment(due))}` : ""}
    </p>`
  }

  /** Until when a job may stop by itself. */
  #grace(): string {
    const {stopping} = this.#watch
    if (stopping === null) return ""
    const seconds = remaining(stopping.at, stopping.grace, Date.now())
    return seconds > 0 ? words.job.killedIn(duration(seconds)) : words.job.killedNow
  }

  #tabs(record: JobDetails): TemplateResult {
    const {log} = this.#watch
    const {job} = words
    const all = log.events.length + log.dropped
    const tabs: Tab<JobTab>[] = [
      {name: "output", title: job.output},
      {name: "arguments", title: job.arguments},
      {name: "attempts", title: job.attempts, count: record.attempts.length},
      {name: "events", title: job.events, count: all},
    ]
    const {tab} = this
    const contents: Record<JobTab, unknown> = {
      output: this.#watch.job
        ? html`<taskrealm-output .client=${this.client} job=${record.job_id}></taskrealm-output>`
        : "",
      arguments: tab === "arguments" ? argumentList(record) : "",
      attempts: tab === "attempts" ? attemptTable(record.attempts) : "",
      events: tab === "events" ? html`<tr-events .log=${log} .count=${all}></tr-events>` : "",
    }
    return html`
      ${tabList(job.about, tabs, tab, chosen => this.#choose(chosen))}
      ${JOB_TABS.map(name => tabPanel(name, tab, contents[name]))}
    `
  }

  #choose(tab: JobTab): void {
    this.tab = tab
    this.tell("taskrealm-tab", {tab})
  }

  async #fetchBig(): Promise<void> {
    try {
      this.big = await this.#watch.job?.result()
    } catch (error) {
      this.failure = error as Error
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "taskrealm-job": JobElement
  }
  interface HTMLElementEventMap extends JobEventMap {}
}

/** Seconds after which the end of a job is no news any more. */
const FRESH = 60

function time(iso: string): TemplateResult {
  return html`<time datetime=${iso} title=${new Date(iso).toString()}>${moment(iso)}</time>`
}

function later(iso: string, seconds: number): string {
  return new Date(Date.parse(iso) + seconds * 1000).toISOString()
}

/** What a screen reader hears: questions, every change of state, and every quarter of the way. */
function announcement({state, progress, questions}: JobDetails): string {
  const [asked] = questions
  if (asked) return words.job.asks(asked.text)
  const quarter = Math.floor((progress?.fraction ?? 0) * 4) * 25
  return words.job.announced(words.states[state], state === "running" ? quarter : 0)
}

/** A job in few words, for the title of a page: `"61 % · Transcode video"`. */
export function newsText({title, state, fraction}: JobNews): string {
  return `${fraction === null ? words.states[state] : percent(fraction)} · ${title}`
}
