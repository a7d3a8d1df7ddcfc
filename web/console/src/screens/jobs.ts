/** My jobs, newest first, live; operators can look at everybody's. */

import {advance, type Client, type JobEvent, type JobRecord, recordOf} from "@taskrealm/client"
import {html, type TemplateResult} from "lit"
import {customElement, property, state} from "lit/decorators.js"
import {repeat} from "lit/directives/repeat.js"
import {type Catalog, titleOf} from "../catalog"
import {Clock, PageElement, Resource} from "../element"
import {duration, moment, progressText} from "../format"
import {loading, problem} from "../parts/notice"
import {progressBar} from "../parts/progress"
import {stateBadge} from "../parts/state"
import {jobLink} from "../route"

/** Seconds between looks at the jobs of others, whose events are not followed here. */
const LOOK = 3

/** Roles that may see everybody's jobs. */
const OVERSEERS = new Set(["operator", "backend"])

@customElement("tr-jobs")
export class JobsScreen extends PageElement {
  @property({attribute: false}) client!: Client
  @property({attribute: false}) catalog!: Catalog
  @state() private jobs = new Map<string, JobRecord>()
  @state() private isLoadingMore = false
  @state() private isEverybody = false
  #next: string | null = null
  #stops: (() => void)[] = []

  #firstPage = new Resource(this, async () => {
    const {jobs, next} = await this.client.jobs({owner: this.#owner})
    this.jobs = new Map(jobs.map(job => [job.job_id, job]))
    this.#next = next
    return jobs
  })

  constructor() {
    super()
    new Clock(this, () => [...this.jobs.values()].some(isGoing))
  }

  get #owner(): string | null {
    return this.isEverybody ? null : this.client.authid
  }

  override connectedCallback(): void {
    const looking = setInterval(() => {
      if (this.isEverybody) void this.#look()
    }, LOOK * 1000)
    this.#stops = [
      () => clearInterval(looking),
      this.client.on("event", event => this.#follow(event)),
      // Events are missing for good: what is shown may be wrong.
      this.client.on("snapshot", ({isFirst}) => {
        if (!isFirst) void this.#firstPage.load()
      }),
    ]
    super.connectedCallback()
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    for (const stop of this.#stops) stop()
  }

  #follow(event: JobEvent): void {
    const job = this.jobs.get(event.job_id)
    if (job) this.jobs.set(event.job_id, advance(job, event))
    // Children of a batch are listed with it.
    else if (event.job_seq === 1 && !event.parent) this.jobs.set(event.job_id, recordOf(event))
    this.requestUpdate()
  }

  /** Bring the newest jobs of everybody up to date. */
  async #look(): Promise<void> {
    const {jobs} = await this.client.jobs({owner: null}).catch(() => ({jobs: []}))
    if (this.isEverybody) for (const job of jobs) this.jobs.set(job.job_id, job)
    this.requestUpdate()
  }

  #choose(event: Event): void {
    this.isEverybody = (event.target as HTMLInputElement).checked
    void this.#firstPage.load()
  }

  async #more(): Promise<void> {
    if (this.#next === null) return
    this.isLoadingMore = true
    try {
      const {jobs, next} = await this.client.jobs({owner: this.#owner, before: this.#next})
      for (const job of jobs) this.jobs.set(job.job_id, job)
      this.#next = next
    } finally {
      this.isLoadingMore = false
    }
  }

  protected override render(): TemplateResult {
    return html`
      <div class="row">
        <h1>Jobs</h1>
        ${
          OVERSEERS.has(this.client.role)
            ? html`<label class="tick">
                <input type="checkbox" .checked=${this.isEverybody} @change=${this.#choose} />
                Everybody’s
              </label>`
            : ""
        }
      </div>
      ${this.#content()}
    `
  }

  #content(): TemplateResult {
    const {value, error} = this.#firstPage
    if (value === undefined && this.jobs.size === 0) {
      return error ? problem(error) : loading("jobs")
    }
    if (this.jobs.size === 0) {
      return html`<div class="notice"><p>No jobs yet. <a href="#/tasks">Run a task</a>.</p></div>`
    }
    // Ids are sortable by time.
    const jobs = [...this.jobs.values()].sort((a, b) => (a.job_id < b.job_id ? 1 : -1))
    return html`
      <ul class="jobs" data-testid="jobs-list">
        ${repeat(
          jobs,
          job => job.job_id,
          job => this.#row(job),
        )}
      </ul>
      ${
        this.#next === null
          ? ""
          : html`<button ?disabled=${this.isLoadingMore} @click=${this.#more}>Load more</button>`
      }
    `
  }

  #row(job: JobRecord): TemplateResult {
    const title = titleOf(this.catalog, job.task)
    const {progress} = job
    return html`
      <li data-job=${job.job_id}>
        ${stateBadge(job.state)}
        <span class="name">
          <a href=${jobLink(job.job_id)}>${title}</a>
          ${job.owner === this.client.authid ? "" : html`<span class="quiet">${job.owner}</span>`}
        </span>
        <span class="what">
          ${
            progress && isGoing(job)
              ? html`${progressBar(progress, `Progress of ${title}`)}
                  <span class="quiet">${progressText(progress)}</span>`
              : html`<span class="quiet">${summary(job)}</span>`
          }
        </span>
        <span class="when quiet">
          <time datetime=${job.submitted_at}>${moment(job.submitted_at)}</time>
          ${took(job)}
        </span>
      </li>
    `
  }
}

function isGoing({state}: JobRecord): boolean {
  return state === "running" || state === "stopping"
}

function summary({state, error, cancel, by, reason}: JobRecord): string {
  switch (state) {
    case "failed":
      return error ?? ""
    case "cancelled":
      return `by ${by ?? cancel?.by ?? "somebody"}${reason ? `: ${reason}` : ""}`
    case "lost":
      return reason ?? ""
    default:
      return ""
  }
}

function took(job: JobRecord): string {
  if (isGoing(job) && job.started_at) return `· ${duration(Math.floor(since(job.started_at)))}`
  return typeof job.duration === "number" ? `· ${duration(job.duration)}` : ""
}

function since(iso: string): number {
  return Math.max(0, (Date.now() - Date.parse(iso)) / 1000)
}
