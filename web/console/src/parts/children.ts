/** The children of a batch, live, in its order. */

import {advance, type Client, type JobEvent, type JobRecord, recordOf} from "@taskrealm/client"
import {html, type TemplateResult} from "lit"
import {customElement, property, state} from "lit/decorators.js"
import {repeat} from "lit/directives/repeat.js"
import {type Catalog, titleOf} from "../catalog"
import {PageElement, Resource} from "../element"
import {progressText} from "../format"
import {jobLink} from "../route"
import {problem} from "./notice"
import {progressBar} from "./progress"
import {stateBadge} from "./state"

/** Children that are shown; of a larger batch the latest. */
const MOST = 100

@customElement("tr-children")
export class Children extends PageElement {
  @property({attribute: false}) client!: Client
  @property({attribute: false}) catalog!: Catalog
  @property({attribute: false}) batch = ""
  @state() private jobs = new Map<string, JobRecord>()
  #stop = () => {}

  #page = new Resource(this, async () => {
    const {jobs} = await this.client.jobs({parent: this.batch, limit: MOST})
    this.jobs = new Map(jobs.map(job => [job.job_id, job]))
    return jobs
  })

  override connectedCallback(): void {
    this.#stop = this.client.on("event", event => this.#follow(event))
    super.connectedCallback()
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#stop()
  }

  #follow(event: JobEvent): void {
    if (event.parent !== this.batch) return
    const job = this.jobs.get(event.job_id)
    if (job) this.jobs.set(event.job_id, advance(job, event))
    else if (event.job_seq === 1 && this.jobs.size < MOST) {
      this.jobs.set(event.job_id, recordOf(event))
    }
    this.requestUpdate()
  }

  protected override render(): TemplateResult | string {
    if (this.#page.error) return problem(this.#page.error)
    if (this.jobs.size === 0) return ""
    // What was submitted first is first.
    const jobs = [...this.jobs.values()].sort((a, b) =>
      a.submitted_at.localeCompare(b.submitted_at),
    )
    return html`
      <section>
        <h2>Children</h2>
        <ul class="jobs" data-testid="job-children">
          ${repeat(
            jobs,
            job => job.job_id,
            job => this.#row(job),
          )}
        </ul>
      </section>
    `
  }

  #row({job_id, task, state: now, progress, error}: JobRecord): TemplateResult {
    const title = titleOf(this.catalog, task)
    return html`
      <li data-job=${job_id}>
        ${stateBadge(now)}
        <span class="name"><a href=${jobLink(job_id)}>${title}</a></span>
        <span class="what">
          ${
            progress && now === "running"
              ? html`${progressBar(progress, `Progress of ${title}`)}
                  <span class="quiet">${progressText(progress)}</span>`
              : html`<span class="quiet">${error ?? ""}</span>`
          }
        </span>
      </li>
    `
  }
}
