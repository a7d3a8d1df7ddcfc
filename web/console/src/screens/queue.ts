/** What runs in which slots, and what waits, why, and in which order. */

import {type Client, isTerminal, type JobRecord, type ListedJob} from "@taskrealm/client"
import {Clock, duration, moment, PageElement, problem} from "@taskrealm/elements/base"
import {html, nothing, type TemplateResult} from "lit"
import {customElement, query as part, property, state} from "lit/decorators.js"
import {repeat} from "lit/directives/repeat.js"
import type {Account} from "../account"
import {type Catalog, titleOf} from "../catalog"
import {type Lane, lanesOf, linesOf, type Sizes} from "../queue/lanes"
import {jobLink} from "../route"
import {words} from "../words"

/** Seconds between looks, of those who see the jobs of others, and of those who hear of all theirs. */
const LOOK = {operator: 2, user: 10}

/** Seconds after an event until the queue is looked at. */
const SOON = 0.4

/** Jobs that are shown of each kind. */
const MOST = 200

interface Limits extends Sizes {
  slots_per_user: number | null
}

interface View {
  running: ListedJob[]
  waiting: ListedJob[]
  hasMore: boolean
  limits: Limits | null
  intake: string
}

@customElement("tr-queue")
export class QueueScreen extends PageElement {
  @property({attribute: false}) account!: Account
  @property({attribute: false}) client!: Client
  @property({attribute: false}) catalog!: Catalog
  /** What stands behind the `?` of the address. */
  @property({attribute: false}) query = new URLSearchParams()
  @state() private view: View | null = null
  @state() private error: Error | null = null
  @state() private isBusy = false
  @part("dialog") private dialog!: HTMLDialogElement
  #soon: ReturnType<typeof setTimeout> | undefined
  #stops: (() => void)[] = []
  #isLooking = false
  #looked = 0

  constructor() {
    super()
    new Clock(this, () => this.view !== null)
  }

  get #isOperator(): boolean {
    return this.client.role === "operator"
  }

  override connectedCallback(): void {
    super.connectedCallback()
    const ticking = setInterval(() => {
      const pause = this.#isOperator ? LOOK.operator : LOOK.user
      const isDue = Date.now() - this.#looked >= pause * 1000 - 100
      if (isDue && document.visibilityState === "visible") void this.#look()
    }, 1000)
    const soon = () => {
      this.#soon ??= setTimeout(() => void this.#look(), SOON * 1000)
    }
    this.#stops = [
      () => clearInterval(ticking),
      () => clearTimeout(this.#soon),
      this.client.on("event", ({type}) => {
        if (["delayed", "queued", "started", "retrying", "stopping"].includes(type)) soon()
        else if (isTerminal(type)) soon()
      }),
      this.client.on("positions", places => this.#place(places)),
      this.client.on("catalog", soon),
      this.client.on("status", status => {
        if (status === "live") soon()
      }),
    ]
    void this.#look()
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    for (const stop of this.#stops) stop()
  }

  async #look(): Promise<void> {
    clearTimeout(this.#soon)
    this.#soon = undefined
    if (this.#isLooking || this.client.authid === "") return
    this.#isLooking = true
    this.#looked = Date.now()
    try {
      const mine = this.#isOperator ? {owner: null} : {}
      const page = (states: ListedJob["state"][]) =>
        this.client.jobs({...mine, state: states, limit: MOST, children: true})
      const [running, waiting, limits, situation] = await Promise.all([
        page(["running", "stopping"]),
        page(["queued", "delayed"]),
        this.#isOperator ? (this.client.call("taskrealm.admin.limits") as Promise<Limits>) : null,
        this.#isOperator
          ? (this.client.call("taskrealm.admin.statistics") as Promise<{intake: string}>)
          : null,
      ])
      const closed = waiting.jobs.map(job => job.waiting?.code).find(isClosed)
      this.view = {
        running: running.jobs,
        waiting: waiting.jobs,
        hasMore: waiting.next !== null,
        limits,
        intake: situation?.intake ?? closed ?? "open",
      }
      this.error = null
    } catch (error) {
      this.error = error as Error
    } finally {
      this.#isLooking = false
    }
  }

  #place(places: Record<string, number>): void {
    if (!this.view) return
    const waiting = this.view.waiting.map(job => {
      const position = places[job.job_id]
      return position === undefined ? job : {...job, position}
    })
    this.view = {...this.view, waiting}
  }

  async #call(
    uri: string,
    kwargs: Record<string, unknown> = {},
    args: unknown[] = [],
  ): Promise<void> {
    this.isBusy = true
    try {
      await this.client.call(uri, args, kwargs)
      this.error = null
      await this.#look()
    } catch (error) {
      this.error = error as Error
    } finally {
      this.isBusy = false
    }
  }

  protected override render(): TemplateResult {
    const {view} = this
    return html`
      <div class="row">
        <h1>${words.queue.title}</h1>
        <span class="spring"></span>
        ${view && this.#isOperator ? this.#controls(view) : nothing}
      </div>
      ${this.error ? problem(this.error) : nothing}
      ${view ? this.#content(view) : nothing} ${this.#dialog()}
    `
  }

  #controls({intake}: View): TemplateResult {
    const texts = words.queue
    return html`
      ${
        intake === "open"
          ? html`<button ?disabled=${this.isBusy} @click=${() => this.#call("taskrealm.admin.pause")}>
              ${texts.pause}
            </button>`
          : html`<button
              class="primary"
              ?disabled=${this.isBusy}
              @click=${() => this.#call("taskrealm.admin.resume")}
            >
              ${texts.resume}
            </button>`
      }
      ${
        intake === "draining"
          ? nothing
          : html`<button class="danger" ?disabled=${this.isBusy} @click=${() => this.dialog.showModal()}>
              ${texts.drain}
            </button>`
      }
    `
  }

  #content(view: View): TemplateResult {
    const texts = words.queue
    const {line, later} = linesOf(view.waiting)
    return html`
      ${view.intake === "paused" ? html`<p class="notice" role="status">${texts.paused}</p>` : nothing}
      ${view.intake === "draining" ? html`<p class="notice" role="status">${texts.draining}</p>` : nothing}
      ${view.limits ? this.#slots(view.limits, view.running) : this.#running(view.running)}
      <section>
        <h2>${texts.waiting} <span class="quiet">${line.length || ""}</span></h2>
        ${
          line.length === 0
            ? html`<p class="quiet">${texts.noneWaits}</p>`
            : this.#table(line, "queue-line")
        }
        ${view.hasMore ? html`<p class="quiet">${texts.more(MOST)}</p>` : nothing}
      </section>
      ${
        later.length === 0
          ? nothing
          : html`<section>
              <h2>${texts.later} <span class="quiet">${later.length}</span></h2>
              ${this.#table(later, "queue-later")}
            </section>`
      }
    `
  }

  #slots(limits: Limits, running: readonly JobRecord[]): TemplateResult {
    const lanes = lanesOf(limits, running, this.catalog.tasks ?? [])
    return html`
      <div class="lanes">${lanes.map(lane => this.#lane(lane))}</div>
      <details>
        <summary>${words.queue.change}</summary>
        ${this.#limits(limits)}
      </details>
    `
  }

  #lane({group, size, used, slots}: Lane): TemplateResult {
    const texts = words.queue
    return html`
      <section class="lane" data-testid="lane">
        <h2>
          ${group === null ? texts.slots : texts.group(group)}
          <span class="quiet">${texts.used(used, size)}</span>
        </h2>
        <ul class="slots">
          ${slots.map(slot => {
            if (slot === null) return html`<li class="slot">${texts.free}</li>`
            if (slot === "other") return html`<li class="slot busy">${texts.somebody}</li>`
            return html`<li class="slot busy">
              <a href=${jobLink(slot.job_id)}>${titleOf(this.catalog, slot.task)}</a>
              ${texts.ofUser(slot.owner)}
            </li>`
          })}
        </ul>
      </section>
    `
  }

  #limits({slots, groups, slots_per_user}: Limits): TemplateResult {
    const texts = words.queue
    const field = (label: string, name: string, value: number, least: number) => html`<label>
      <span>${label}</span>
      <input type="number" name=${name} min=${least} max="1024" required .value=${String(value)} />
    </label>`
    return html`
      <form class="limits" @submit=${this.#apply}>
        ${field(texts.nodeSlots, "slots", slots, 1)} ${field(texts.perUser, "slots_per_user", slots_per_user ?? 0, 0)}
        ${Object.entries(groups).map(([name, size]) => field(texts.group(name), `group ${name}`, size, 1))}
        <button ?disabled=${this.isBusy}>${texts.apply}</button>
      </form>
      <p class="help">${texts.untilRestart}</p>
    `
  }

  #apply(event: Event): void {
    event.preventDefault()
    const form = new FormData(event.target as HTMLFormElement)
    const groups: Record<string, number> = {}
    for (const [name, value] of form) {
      if (name.startsWith("group ")) groups[name.slice("group ".length)] = Number(value)
    }
    void this.#call("taskrealm.admin.limits", {
      slots: Number(form.get("slots")),
      slots_per_user: Number(form.get("slots_per_user")),
      groups,
    })
  }

  #running(jobs: readonly ListedJob[]): TemplateResult {
    const texts = words.queue
    if (jobs.length === 0)
      return html`<h2>${texts.running}</h2><p class="quiet">${texts.noneRuns}</p>`
    return html`
      <section>
        <h2>${texts.running} <span class="quiet">${jobs.length}</span></h2>
        <ul class="slots">
          ${jobs.map(
            job => html`<li class="slot busy">
              <a href=${jobLink(job.job_id)}>${titleOf(this.catalog, job.task)}</a>
              ${job.started_at ? duration(secondsSince(job.started_at)) : ""}
            </li>`,
          )}
        </ul>
      </section>
    `
  }

  #table(jobs: readonly ListedJob[], testId: string): TemplateResult {
    const texts = words.queue
    return html`
      <table class="line" data-testid=${testId}>
        <thead>
          <tr>
            <th scope="col">${texts.place}</th>
            <th scope="col">${texts.job}</th>
            <th scope="col">${texts.why}</th>
            <th scope="col">${texts.since}</th>
            <th scope="col"><span class="hidden">${texts.cancelShort}</span></th>
          </tr>
        </thead>
        <tbody>
          ${repeat(
            jobs,
            job => job.job_id,
            job => this.#row(job),
          )}
        </tbody>
      </table>
    `
  }

  #row(job: ListedJob): TemplateResult {
    const texts = words.queue
    const title = titleOf(this.catalog, job.task)
    return html`
      <tr data-job=${job.job_id}>
        <td class="rank">${job.position ?? "–"}</td>
        <th scope="row" class="name">
          <a href=${jobLink(job.job_id)}>${title}</a>
          ${job.owner === this.client.authid ? nothing : html`<span class="quiet">${texts.ofUser(job.owner)}</span>`}
          ${job.priority === 0 ? nothing : html`<span class="quiet">· ${texts.priority} ${job.priority}</span>`}
        </th>
        <td class="why">${withTimes(job.waiting?.text ?? "")}</td>
        <td class="since quiet">
          <time datetime=${job.submitted_at}>${moment(job.submitted_at)}</time> ·
          ${duration(secondsSince(job.submitted_at))}
        </td>
        <td class="act">
          <button
            aria-label=${texts.cancel(title)}
            ?disabled=${this.isBusy}
            @click=${() => this.#call("taskrealm.cancel", {}, [job.job_id])}
          >
            ${texts.cancelShort}
          </button>
        </td>
      </tr>
    `
  }

  #dialog(): TemplateResult {
    const texts = words.queue
    return html`
      <dialog aria-labelledby="sure-drain" @close=${this.#closed}>
        <form method="dialog" class="stack">
          <h2 id="sure-drain">${texts.sureToDrain}</h2>
          <label>
            <span>${texts.limit}</span>
            <input type="number" name="limit" min="0" max="86400" value="60" required />
          </label>
          <div class="row">
            <button class="danger" value="yes">${texts.yes}</button>
            <button value="no" formnovalidate>${texts.no}</button>
          </div>
        </form>
      </dialog>
    `
  }

  #closed(): void {
    if (this.dialog.returnValue !== "yes") return
    const form = new FormData(this.dialog.querySelector("form") ?? undefined)
    void this.#call("taskrealm.admin.drain", {limit: Number(form.get("limit"))})
  }
}

function isClosed(code: string | undefined): boolean {
  return code === "paused" || code === "draining"
}

const ISO = /\d{4}-\d{2}-\d{2}T[\d:.]+(?:Z|[+-]\d{2}:\d{2})/g

/** *sentence* with the moments in it by the viewer's clock. */
function withTimes(sentence: string): string {
  return sentence.replace(ISO, iso => moment(iso))
}

function secondsSince(iso: string): number {
  return Math.floor(Math.max(0, (Date.now() - Date.parse(iso)) / 1000))
}
