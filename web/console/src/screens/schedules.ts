/** What runs by the clock: when next, what came of it last, and steering it. */

import type {Client, JobDetails, JobState} from "@taskrealm/client"
import {
  Clock,
  duration,
  loading,
  moment,
  PageElement,
  problem,
  Resource,
  stateBadge,
} from "@taskrealm/elements/base"
import {html, nothing, type TemplateResult} from "lit"
import {customElement, property, state} from "lit/decorators.js"
import type {Account} from "../account"
import {type Catalog, titleOf} from "../catalog"
import {jobLink, taskLink} from "../route"
import {words} from "../words"

/** Seconds between two looks: jobs of schedules are mostly those of others. */
const LOOK = 5

const EXAMPLE = `[[schedules]]
name = "nightly"
task = "cleanup"
cron = "0 3 * * *"
zone = "Europe/Berlin"`

const FULLY = new Intl.DateTimeFormat(undefined, {dateStyle: "full", timeStyle: "long"})

interface Schedule {
  name: string
  task: string
  cron: string
  zone: string
  owner: string
  missed: string
  paused: boolean
  job_id: string | null
  error: {at: string; error: string} | null
  next: string[]
}

/** How the last job of a schedule stands; null where it is not to be had any more. */
type Last = {state: JobState; at: string} | null

@customElement("tr-schedules")
export class SchedulesScreen extends PageElement {
  @property({attribute: false}) account!: Account
  @property({attribute: false}) client!: Client
  @property({attribute: false}) catalog!: Catalog
  /** What stands behind the `?` of the address. */
  @property({attribute: false}) query = new URLSearchParams()
  @state() private lasts = new Map<string, Last>()
  @state() private made = new Map<string, string>()
  @state() private refusal: Error | null = null
  #stop = () => {}

  #list = new Resource<Schedule[]>(this, async () => {
    const found = (await this.client.call("taskrealm.admin.schedules")) as Schedule[]
    const ids = found.flatMap(({job_id}) => (job_id === null ? [] : [job_id]))
    this.lasts = new Map(
      await Promise.all(ids.map(async id => [id, await this.#last(id)] as const)),
    )
    return found
  })

  constructor() {
    super()
    new Clock(this, () => this.#list.value !== undefined)
  }

  override connectedCallback(): void {
    super.connectedCallback()
    const looking = setInterval(() => {
      if (document.visibilityState === "visible") void this.#list.load()
    }, LOOK * 1000)
    this.#stop = () => clearInterval(looking)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#stop()
  }

  async #last(id: string): Promise<Last> {
    try {
      const job = (await this.client.call("taskrealm.job", [id])) as JobDetails
      return {state: job.state, at: job.ended_at ?? job.started_at ?? job.submitted_at}
    } catch {
      return null
    }
  }

  async #steer(name: string, action: "pause" | "resume" | "run"): Promise<void> {
    try {
      const kwargs = {name, action}
      const told = (await this.client.call("taskrealm.admin.schedule", [], kwargs)) as Schedule
      if (action === "run" && told.job_id) this.made = new Map(this.made).set(name, told.job_id)
      this.refusal = null
      await this.#list.load()
    } catch (error) {
      this.refusal = error as Error
    }
  }

  protected override render(): TemplateResult {
    const texts = words.schedules
    const {value, error} = this.#list
    const {timeZone} = Intl.DateTimeFormat().resolvedOptions()
    return html`
      <h1>${texts.title}</h1>
      ${error ? problem(error) : nothing} ${this.refusal ? problem(this.refusal) : nothing}
      ${value === undefined && !error ? loading(texts.what) : nothing}
      ${
        value && value.length > 0
          ? html`
              <p class="quiet">${texts.intro(timeZone)}</p>
              <ul class="schedules" data-testid="schedules">
                ${value.map(each => this.#schedule(each))}
              </ul>
              <details>
                <summary>${texts.add}</summary>
                <p>${texts.howTo}</p>
                ${this.#example()}
              </details>
            `
          : nothing
      }
      ${
        value?.length === 0
          ? html`<div class="notice">
              <p>${texts.none}</p>
              ${this.#example()}
            </div>`
          : nothing
      }
    `
  }

  #example(): TemplateResult {
    return html`<pre class="block">${EXAMPLE}</pre>
      <p class="quiet">${words.schedules.reload}</p>`
  }

  #schedule(schedule: Schedule): TemplateResult {
    const texts = words.schedules
    const {name, task, cron, zone, paused, error, owner, missed} = schedule
    const made = this.made.get(name)
    const [next, ...rest] = schedule.next
    return html`
      <li data-schedule=${name} ?data-paused=${paused}>
        <div>
          <h2>${name} ${paused ? html`<span class="mark">${texts.paused}</span>` : nothing}</h2>
          <p><a href=${taskLink(task)}>${titleOf(this.catalog, task)}</a></p>
          <p class="quiet">
            <code>${cron}</code> · ${texts.zone} ${zone} · ${texts.owner} ${owner} · ${texts.missed}
            ${texts.missedWays[missed] ?? missed}
          </p>
        </div>
        <div>
          ${
            next === undefined
              ? html`<p class="due">${texts.noNext}</p>`
              : html`<p class="due">
                    ${texts.next}:
                    <time datetime=${next} title=${FULLY.format(new Date(next))}>${moment(next)}</time>
                    ${paused ? nothing : html`<span class="quiet">(${ahead(next)})</span>`}
                  </p>
                  <ul aria-label=${texts.after}>
                    ${rest.map(
                      each => html`<li>
                        <time datetime=${each} title=${FULLY.format(new Date(each))}>${moment(each)}</time>
                      </li>`,
                    )}
                  </ul>`
          }
          <p>${texts.last}: ${this.#outcome(schedule.job_id)}</p>
        </div>
        <div class="row">
          <button
            aria-label=${paused ? texts.resume(name) : texts.pause(name)}
            @click=${() => this.#steer(name, paused ? "resume" : "pause")}
          >
            ${paused ? texts.resumeShort : texts.pauseShort}
          </button>
          <button aria-label=${texts.run(name)} @click=${() => this.#steer(name, "run")}>
            ${texts.runShort}
          </button>
        </div>
        ${error ? html`<p class="notice bad">${texts.failed(moment(error.at), error.error)}</p>` : nothing}
        ${
          made
            ? html`<p class="notice" role="status">
                ${texts.made}<a href=${jobLink(made)}>${texts.theJob}</a>
              </p>`
            : nothing
        }
      </li>
    `
  }

  #outcome(id: string | null): TemplateResult | string {
    if (id === null) return words.schedules.never
    const last = this.lasts.get(id)
    return html`<a href=${jobLink(id)}>
      ${last ? html`${stateBadge(last.state)} ${moment(last.at)}` : id.slice(0, 8)}
    </a>`
  }
}

/** How long it is until then: `"in 3 h 5 min"`. */
function ahead(iso: string): string {
  return words.schedules.ahead(
    duration(Math.max(0, Math.round((Date.parse(iso) - Date.now()) / 1000))),
  )
}
