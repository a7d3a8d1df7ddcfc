/** One job: watch it, stop it, run it again. */

import {type Client, isTerminal, type Job, type JobDetails, type JobEvent} from "@taskrealm/client"
import {html, type TemplateResult} from "lit"
import {customElement, property, state} from "lit/decorators.js"
import {repeat} from "lit/directives/repeat.js"
import {type Catalog, taskNamed, titleOf} from "../catalog"
import {Clock, PageElement, Resource} from "../element"
import {duration, moment, percent, pretty, progressText} from "../format"
import "../parts/children"
import "../parts/files"
import {messageList} from "../parts/messages"
import {loading, problem} from "../parts/notice"
import "../parts/output"
import {progressBar} from "../parts/progress"
import "../parts/question"
import {STATE_WORDS, stateBadge} from "../parts/state"
import {jobLink, taskLink} from "../route"

/** Seconds between questions for the place in the queue. */
const QUEUE_LOOK = 3

@customElement("tr-job")
export class JobScreen extends PageElement {
  @property({attribute: false}) client!: Client
  @property({attribute: false}) catalog!: Catalog
  @property({attribute: false}) jobId = ""
  @state() private failure: Error | null = null
  @state() private isAsking = false
  #job: Job | null = null
  #messages: JobEvent<"message">[] = []
  #files = 0
  #stop = () => {}
  #looking: ReturnType<typeof setInterval> | undefined

  #details = new Resource(this, async () => {
    const job = this.client.job(this.jobId)
    const details = await job.details()
    if (this.#job === null) {
      this.#job = job
      this.#stop = job.on("event", event => {
        if (event.type === "message") this.#messages.push(event)
        if (event.type === "artifact") this.#files += 1
        if (event.type === "updated") this.#note(event)
        this.requestUpdate()
      })
    }
    return details
  })

  constructor() {
    super()
    new Clock(this, () => this.#record?.state === "running" || this.#record?.state === "stopping")
  }

  override connectedCallback(): void {
    super.connectedCallback()
    this.#looking = setInterval(() => {
      if (this.#record?.state === "queued") void this.#details.load()
    }, QUEUE_LOOK * 1000)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    clearInterval(this.#looking)
    this.#stop()
    document.title = "TaskRealm"
    showIcon("idle")
  }

  /** What was asked for at first, and what the events have told since. */
  get #record(): JobDetails | undefined {
    const details = this.#details.value
    const live = this.#job?.record
    if (!details || !live || isTerminal(details.state)) return details
    const {
      arguments: _,
      submitted_at,
      submitted_by,
      priority,
      granted,
      tags,
      data,
      timeout,
      deliver,
      retries,
      key,
      delay,
      not_before,
      parent,
      after,
      ...news
    } = live
    return {...details, ...news}
  }

  /** Tags and data are as asked for at first, until an event tells more. */
  #note({tags, data}: JobEvent<"updated">): void {
    const details = this.#details.value
    if (details && !isTerminal(details.state)) this.#details.value = {...details, tags, data}
  }

  get #title(): string {
    return titleOf(this.catalog, this.#record?.task ?? "")
  }

  protected override render(): TemplateResult {
    const record = this.#record
    if (!record) {
      const {error} = this.#details
      return error ? html`<h1>Job</h1>${problem(error)}` : loading("the job")
    }
    this.#tellBrowser(record)
    const {state, task, submitted_at, submitted_by, owner} = record
    return html`
      <p class="quiet"><a href="#/jobs">Jobs</a></p>
      <header class="job-head">
        <h1>${this.#title}</h1>
        ${stateBadge(state, "job-state")}
        <div class="row">${this.#actions(record)}</div>
      </header>
      <p class="quiet">
        <code>${task}</code> · submitted
        <time datetime=${submitted_at}>${moment(submitted_at)}</time>
        ${record.parent ? html`as part of <a href=${jobLink(record.parent)}>a batch</a>` : ""}
        by ${submitted_by}${submitted_by === owner ? "" : ` for ${owner}`}${this.#took(record)}
      </p>
      <p class="hidden" aria-live="polite">${announcement(record)}</p>
      ${this.failure ? problem(this.failure) : ""}
      ${this.#questions(record)}
      ${this.#situation(record)}
      ${record.artifact ? bigResult(record.artifact) : outcome(record)}
      <tr-files .client=${this.client} .jobId=${this.jobId} .count=${this.#files}></tr-files>
      ${messageList(this.#messages)}
      ${
        taskNamed(this.catalog, task)?.batch
          ? html`<tr-children
              .client=${this.client}
              .catalog=${this.catalog}
              .batch=${this.jobId}
            ></tr-children>`
          : ""
      }
      <section>
        <h2>Output</h2>
        ${
          this.#job
            ? html`<tr-output
                .job=${this.#job}
                .sizes=${record.output}
                .hasEnded=${isTerminal(state)}
              ></tr-output>`
            : ""
        }
      </section>
      ${notes(record)}
      ${argumentsOf(record)}
    `
  }

  #questions({questions}: JobDetails): unknown {
    return repeat(
      this.#job ? questions : [],
      ({question}) => question,
      question => html`<tr-question .job=${this.#job} .question=${question}></tr-question>`,
    )
  }

  #actions({state, task, job_id}: JobDetails): TemplateResult {
    const again = html`<a class="button" href=${taskLink(task, job_id)}>Run again</a>`
    if (isTerminal(state)) return again
    if (state === "stopping") {
      return html`<button
        class="danger"
        data-testid="job-kill"
        ?disabled=${this.isAsking}
        @click=${() => this.#cancel(true)}
      >
        Kill now
      </button>`
    }
    return html`<button
      data-testid="job-cancel"
      ?disabled=${this.isAsking}
      @click=${() => this.#cancel(false)}
    >
      Cancel
    </button>`
  }

  #situation(record: JobDetails): TemplateResult | string {
    const {state, progress, position, cancel, waiting} = record
    if (state === "queued") {
      const place = position ? `Number ${position} in line.` : "Waiting to start."
      const why = waiting ? ` ${waiting.text}.` : ""
      return html`<p data-testid="job-waiting">${place}${why}</p>`
    }
    if (state === "delayed") {
      const due = record.retry_at ?? record.not_before
      const when = due ? ` at ${moment(due)}` : ""
      if (!due && record.parent) return html`<p>Waits for its turn in its batch.</p>`
      if (!due && record.after.length) return html`<p>Waits for other jobs to succeed.</p>`
      return html`<p>${record.retry_at ? "Runs again" : "May start"}${when}.</p>`
    }
    if (isTerminal(state)) return ""
    const why = cancel?.reason ? `: ${cancel.reason}` : ""
    return html`
      ${state === "stopping" ? html`<p>Asked to stop by ${cancel?.by}${why}.</p>` : ""}
      ${
        progress
          ? html`<div class="progress" data-testid="job-progress">
              ${progressBar(progress, "Progress")}
              <p>${progressText(progress)}</p>
            </div>`
          : ""
      }
    `
  }

  #took({state, started_at, duration: seconds, exit_code, signal}: JobDetails): string {
    if (typeof seconds === "number") {
      const code = typeof exit_code === "number" ? ` · exit code ${exit_code}` : ""
      return ` · took ${duration(seconds)}${code}${signal ? ` · signal ${signal}` : ""}`
    }
    if (isTerminal(state) || !started_at) return ""
    const running = Math.max(0, (Date.now() - Date.parse(started_at)) / 1000)
    return ` · running for ${duration(Math.floor(running))}`
  }

  async #cancel(now: boolean): Promise<void> {
    this.isAsking = true
    this.failure = null
    try {
      await this.#job?.cancel({now})
    } catch (error) {
      this.failure = error as Error
    } finally {
      this.isAsking = false
    }
  }

  /** The tab tells how the job is doing while another one is in front. */
  #tellBrowser({state, progress, questions}: JobDetails): void {
    const fraction = state === "running" ? (progress?.fraction ?? null) : null
    const way = fraction === null ? STATE_WORDS[state] : percent(fraction)
    const lead = questions.length > 0 ? "Question" : way
    document.title = `${lead} · ${this.#title} · TaskRealm`
    showIcon(isTerminal(state) ? (state === "succeeded" ? "succeeded" : "failed") : "running")
  }
}

function showIcon(name: "idle" | "running" | "succeeded" | "failed"): void {
  const link = document.querySelector<HTMLLinkElement>("link[rel=icon]")
  const href = `./icons/${name}.svg`
  if (link && link.getAttribute("href") !== href) link.setAttribute("href", href)
}

/** What a screen reader hears: questions, every change of state, and every quarter of the way. */
function announcement({state, progress, questions}: JobDetails): string {
  const [asked] = questions
  if (asked) return `The job asks: ${asked.text}`
  const quarter = Math.floor((progress?.fraction ?? 0) * 4) * 25
  const way = state === "running" && quarter > 0 ? `, ${quarter} %` : ""
  return `Job ${STATE_WORDS[state].toLowerCase()}${way}`
}

/** How the job ended, when it has. */
function outcome(record: JobDetails): TemplateResult | string {
  const {state, result, error, stderr_tail, cancel, reason} = record
  switch (state) {
    case "succeeded":
      return result === null || result === undefined
        ? ""
        : html`<section><h2>Result</h2><pre class="block">${pretty(result)}</pre></section>`
    case "failed":
      return html`
        <section class="notice bad">
          <p><strong>${error}</strong></p>
          ${stderr_tail ? html`<pre class="block">${stderr_tail}</pre>` : ""}
        </section>
      `
    case "cancelled":
      return html`<p class="notice">
        Cancelled by ${record.by ?? cancel?.by}${reason ? `: ${reason}` : ""}.
      </p>`
    case "timed_out":
      return html`<p class="notice bad">Stopped: it ran longer than its time limit.</p>`
    case "expired":
      return html`<p class="notice bad">It waited in the queue for too long.</p>`
    case "lost":
      return html`<p class="notice bad">${reason || "The executor went away while it ran."}</p>`
    default:
      return ""
  }
}

/** A result that no event could carry. */
function bigResult(name: string): TemplateResult {
  return html`
    <section>
      <h2>Result</h2>
      <p>It is too big to be shown here: save ${name} from the files.</p>
    </section>
  `
}

/** What the program has noted about its job. */
function notes({data}: JobDetails): TemplateResult | string {
  const rows = Object.entries(data)
  if (rows.length === 0) return ""
  return html`
    <section>
      <h2>Noted</h2>
      <dl class="arguments" data-testid="job-data">
        ${rows.map(([name, value]) => html`<dt>${name}</dt><dd>${pretty(value)}</dd>`)}
      </dl>
    </section>
  `
}

function argumentsOf({arguments: args, priority, tags, timeout}: JobDetails): TemplateResult {
  const rows = Object.entries(args)
  return html`
    <section>
      <h2>Arguments</h2>
      ${
        rows.length === 0
          ? html`<p class="quiet">None.</p>`
          : html`<dl class="arguments">
              ${rows.map(([name, value]) => html`<dt>${name}</dt><dd>${pretty(value)}</dd>`)}
            </dl>`
      }
      <p class="quiet">
        Priority ${priority}${timeout ? ` · limit ${duration(timeout)}` : ""}${
          tags.length > 0 ? ` · tags ${tags.join(", ")}` : ""
        }
      </p>
    </section>
  `
}
