/** The children of a batch, live, in its order. */

import {
  advance,
  type Client,
  isTerminal,
  type JobEvent,
  type JobRecord,
  recordOf,
} from "@taskrealm/client"
import {css, html, LitElement, type TemplateResult} from "lit"
import {customElement, property, state} from "lit/decorators.js"
import {repeat} from "lit/directives/repeat.js"
import {Clock, Resource} from "../controllers"
import {duration} from "../format"
import "../progress"
import {basics, theme} from "../styles"
import {words} from "../words"
import {problem} from "./notice"
import {stateBadge, stateStyles} from "./state"

/** Children that are shown; of a larger batch the latest. */
const MOST = 100

@customElement("tr-children")
export class Children extends LitElement {
  @property({attribute: false}) client!: Client
  @property({attribute: false}) batch = ""
  /** What people call a task. */
  @property({attribute: false}) titleOf: (task: string) => string = task => task
  /** The address of a job's page; null where there is none. */
  @property({attribute: false}) linkOf: (job: string) => string | null = () => null
  @state() private jobs = new Map<string, JobRecord>()
  #stop = () => {}

  #page = new Resource(this, async () => {
    const {jobs} = await this.client.jobs({parent: this.batch, limit: MOST})
    this.jobs = new Map(jobs.map(job => [job.job_id, job]))
    return jobs
  })

  static override styles = [
    theme,
    basics,
    stateStyles,
    css`
      .jobs {
        background: var(--card);
        border: 1px solid var(--line);
        border-radius: var(--radius);
        list-style: none;
        margin: 0;
        max-height: 30rem;
        overflow: auto;
        padding: 0;
      }

      li {
        align-items: center;
        display: grid;
        gap: 0.25rem 1rem;
        grid-template-columns: 8rem minmax(6rem, 1fr) minmax(0, 2fr);
        padding: 0.5rem 1rem;
      }

      li + li {
        border-top: 1px solid var(--line);
      }

      .name {
        overflow-wrap: anywhere;
      }

      .what {
        font-size: 0.9rem;
        min-width: 0;
        overflow-wrap: anywhere;
      }

      .count {
        font-weight: 400;
      }

      @media (max-width: 44rem) {
        li {
          grid-template-columns: minmax(0, 1fr) max-content;
        }

        .name {
          grid-column: 1;
          grid-row: 1;
        }

        .state {
          grid-column: 2;
          grid-row: 1;
        }

        .what {
          grid-column: 1 / -1;
        }
      }
    `,
  ]

  constructor() {
    super()
    new Clock(this, () => [...this.jobs.values()].some(({state}) => state === "running"))
  }

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
    const ended = jobs.filter(({state}) => isTerminal(state)).length
    return html`
      <section>
        <h2>
          ${words.job.children}
          <span class="quiet count">${words.job.ended(ended, jobs.length)}</span>
        </h2>
        <ul class="jobs" data-testid="job-children">
          ${repeat(
            jobs,
            ({job_id}) => job_id,
            job => this.#row(job),
          )}
        </ul>
      </section>
    `
  }

  #row(job: JobRecord): TemplateResult {
    const {job_id, task, state, error, reason, duration: took} = job
    const title = this.titleOf(task)
    const link = this.linkOf(job_id)
    const ended = error ?? reason ?? (typeof took === "number" ? duration(took) : "")
    return html`
      <li data-job=${job_id}>
        ${stateBadge(state)}
        <span class="name">${link === null ? title : html`<a href=${link}>${title}</a>`}</span>
        <span class="what">
          ${
            state === "running" || state === "stopping"
              ? html`<taskrealm-progress
                  compact
                  .client=${this.client}
                  .record=${job}
                  .usual=${null}
                  .label=${title}
                ></taskrealm-progress>`
              : html`<span class="quiet">${ended}</span>`
          }
        </span>
      </li>
    `
  }
}
