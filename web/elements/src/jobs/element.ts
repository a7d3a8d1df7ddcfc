/** `<taskrealm-jobs>`: a live list of jobs. */

import {
  advance,
  type JobDetails,
  type JobEvent,
  type JobState,
  type JobsFilter,
  type ListedJob,
  recordOf,
} from "@taskrealm/client"
import {html, nothing, type PropertyValues, type TemplateResult} from "lit"
import {customElement, property, state} from "lit/decorators.js"
import {repeat} from "lit/directives/repeat.js"
import {Clock} from "../controllers"
import {moment} from "../format"
import {loading, problem} from "../parts/notice"
import {stateBadge, stateStyles} from "../parts/state"
import {RealmElement} from "../realm-element"
import {basics, theme} from "../styles"
import {words} from "../words"
import {JobList} from "./list"
import {fits, stateAfter} from "./matching"
import {courseOf, isGoing, timesOf} from "./row"
import {jobsStyles} from "./styles"

/** Seconds between looks at the jobs of others, whose events are not followed here. */
const LOOK = 3

/** Jobs that go on and are looked at one by one, because they are not among the newest. */
const LOOKED_AT = 20

/** Roles that may see the jobs of others. */
const OVERSEERS = new Set(["operator", "backend"])

/**
 * A live list of jobs, newest first.
 *
 * While the pointer or the focus is in it, or its top is out of sight, no row moves: new jobs
 * wait behind a button that says how many.
 *
 * Parts: `list`, `row`, `state`, `name`, `progress`, `when`, `new`, `more`.
 *
 * @fires taskrealm-open - a job is opened, `{job_id}`; cancel it to stay on the page
 * @fires taskrealm-select - other jobs are selected, `{job_ids}`
 * @fires taskrealm-listed - the list was read, or read on: `{count, next, searched}`
 */
@customElement("taskrealm-jobs")
export class JobsElement extends RealmElement {
  static override styles = [theme, basics, stateStyles, jobsStyles]

  /** Only jobs of these tasks, by name, `*` for any text; several are divided by commas. */
  @property() task: string | null = null
  /** Only jobs in these states, divided by commas. */
  @property() state: string | null = null
  @property() tag: string | null = null
  /** How many jobs are read at once, 1 to 200. */
  @property({type: Number}) limit = 20
  /** Only my own jobs, also for those who may see everybody's. */
  @property({type: Boolean}) mine = false
  /** Where a job is, `{job}` for its id. */
  @property() href = "#/jobs/{job}"
  /** Whether rows can be selected. */
  @property({type: Boolean}) selectable = false
  /** Whether nothing is to change before it is asked for. */
  @property({type: Boolean}) paused = false
  /** Which jobs, instead of what the attributes say. */
  @property({attribute: false}) filter: JobsFilter | null = null
  /** What people call tasks, by name. */
  @property({attribute: false}) titles: ReadonlyMap<string, string> | null = null

  @state() private error: Error | null = null
  @state() private isLoading = false
  @state() private searched: string | null = null

  #list = new JobList(job => fits(job, this.#wanted))
  #selected = new Set<string>()
  #anchor: string | null = null
  #next: string | null = null
  #asked = 0
  #isKnown = false
  #isInside = false
  #stops: (() => void)[] = []
  #known: ReadonlyMap<string, string> = new Map()

  constructor() {
    super()
    new Clock(this, () => !this.paused && this.#list.rows.some(isGoing))
    this.addEventListener("pointerenter", event => {
      if (event.pointerType === "mouse") this.#stay(true)
    })
    this.addEventListener("pointerleave", () => this.#stay(false))
    this.addEventListener("focusin", () => this.#settle())
    this.addEventListener("focusout", () => this.#settle())
  }

  /** The ids of what is selected, as the rows are ordered. */
  get selected(): string[] {
    return this.#list.rows.map(job => job.job_id).filter(id => this.#selected.has(id))
  }

  /** The jobs that are shown, as they are now. */
  get jobs(): readonly ListedJob[] {
    return this.#list.rows
  }

  /** Select these jobs, as far as they are shown, and no others. */
  select(ids: Iterable<string>): void {
    this.#selected = new Set(ids)
    this.#chosen()
  }

  /** Read the list anew. */
  async reload(): Promise<void> {
    this.#next = null
    this.#isKnown = false
    this.searched = null
    if (this.#selected.size > 0) this.select([])
    await this.#read(false)
  }

  /** Read on, where the list does not end. */
  async more(): Promise<void> {
    if (this.#next !== null) await this.#read(true)
  }

  override connectedCallback(): void {
    super.connectedCallback()
    const looking = setInterval(() => {
      if (this.#isOfOthers && !this.paused && document.visibilityState === "visible") {
        void this.#look()
      }
    }, LOOK * 1000)
    const onScroll = () => this.#settle()
    addEventListener("scroll", onScroll, {passive: true})
    this.#stops = [
      () => clearInterval(looking),
      () => removeEventListener("scroll", onScroll),
      this.client.on("event", event => this.#follow(event)),
      this.client.on("positions", places => this.#place(places)),
      this.client.on("status", status => {
        if (status === "live" && !this.#isKnown) void this.reload()
      }),
      // Events are missing for good: what is shown may be wrong.
      this.client.on("snapshot", ({isFirst}) => {
        if (!isFirst && !this.paused) void this.reload()
      }),
    ]
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#asked += 1
    for (const stop of this.#stops) stop()
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    const names = ["task", "state", "tag", "limit", "mine", "filter", "client"] as const
    const isOther = names.some(name => changed.has(name))
    if (this.isConnected && this.client.authid !== "" && (isOther || !this.hasUpdated)) {
      void this.reload()
    }
    if (changed.get("paused") === true && !this.paused) void this.reload()
  }

  /** What the list is of; whose, if that is not only what the node would say anyway. */
  get #wanted(): JobsFilter {
    const wanted: JobsFilter = this.filter ?? {
      ...(this.task && {task: namesIn(this.task)}),
      ...(this.state && {state: namesIn(this.state) as JobState[]}),
      ...(this.tag && {tag: this.tag}),
    }
    return {...wanted, owner: this.mine ? this.client.authid : (wanted.owner ?? null)}
  }

  /** Whether there may be jobs of others, whose events we do not hear. */
  get #isOfOthers(): boolean {
    return OVERSEERS.has(this.client.role) && this.#wanted.owner !== this.client.authid
  }

  async #read(isOn: boolean): Promise<void> {
    this.#asked += 1
    const asked = this.#asked
    this.isLoading = true
    let count = 0
    try {
      // A page may have few jobs, or none, and yet a next one.
      do {
        const before = this.#next
        const wanted = {...this.#asking(), limit: this.limit, ...(before !== null && {before})}
        const {jobs, next, searched} = await this.client.jobs(wanted)
        if (asked !== this.#asked) return
        if (!isOn && count === 0 && !this.#isKnown) this.#list.begin(jobs)
        else this.#list.append(jobs)
        this.#isKnown = true
        this.#next = next
        if (searched) this.searched = searched
        count += jobs.length
        this.error = null
        this.requestUpdate()
        this.tell("taskrealm-listed", {
          count: this.#list.rows.length,
          next,
          searched: searched ?? null,
        })
      } while (this.#next !== null && count < this.limit)
      if (!this.titles && this.#known.size === 0) await this.#learn()
    } catch (error) {
      if (asked !== this.#asked) return
      this.error = error as Error
      // What is shown is not what is looked for.
      if (!this.#isKnown) this.#list.begin([])
    } finally {
      if (asked === this.#asked) this.isLoading = false
    }
  }

  /** What is asked of the node: who may see only own jobs need not say so. */
  #asking(): JobsFilter {
    const {owner, ...wanted} = this.#wanted
    return OVERSEERS.has(this.client.role) ? {...wanted, owner: owner ?? null} : wanted
  }

  async #learn(): Promise<void> {
    const tasks = await this.client.tasks()
    this.#known = new Map(tasks.map(({name, title}) => [name, title]))
    this.requestUpdate()
  }

  #stopSearch(): void {
    this.#asked += 1
    this.isLoading = false
  }

  #follow(event: JobEvent): void {
    if (this.paused || !this.#isKnown) return
    const known = this.#list.get(event.job_id)
    this.#settle()
    if (known) {
      const {waiting, position, ...rest} = known
      const stays = event.type === "progress" || event.type === "updated"
      this.#list.put(advance(stays ? known : rest, event))
      this.requestUpdate()
    } else if (this.#concerns(event)) {
      void this.#fetch(event)
    }
  }

  /** Whether a job that is not listed may belong here after *event*. */
  #concerns(event: JobEvent): boolean {
    const {text, state: states} = this.#wanted
    if (text !== undefined) return false
    if (event.job_seq === 1) return states === undefined || fits(recordOf(event), this.#loosely)
    const after = stateAfter(event.type)
    return after !== null && states !== undefined && [states].flat().includes(after)
  }

  /** What is wanted, but for what the first event of a job does not tell. */
  get #loosely(): JobsFilter {
    const {tag, ...rest} = this.#wanted
    return rest
  }

  /** Take a job that is new here: with a filter by tag only the node knows whether it belongs. */
  async #fetch(event: JobEvent): Promise<void> {
    const asked = this.#asked
    if (event.job_seq === 1 && this.#wanted.tag === undefined) {
      this.#list.put(recordOf(event))
      this.requestUpdate()
      return
    }
    try {
      const job = (await this.client.call("taskrealm.job", [event.job_id])) as JobDetails
      if (asked === this.#asked) this.#list.put(listed(job))
    } catch {
      // The next event, or the next look, tells of it.
    }
    this.requestUpdate()
  }

  #place(places: Record<string, number>): void {
    for (const [id, position] of Object.entries(places)) {
      const job = this.#list.get(id)
      if (job && !this.paused) this.#list.put({...job, position})
    }
    this.requestUpdate()
  }

  /** Bring what others do up to date: the newest jobs, and those that go on. */
  async #look(): Promise<void> {
    const asked = this.#asked
    if (!this.#isKnown || this.isLoading || this.#wanted.text !== undefined) return
    try {
      const {jobs} = await this.client.jobs({...this.#asking(), limit: this.limit})
      const fresh = new Set(jobs.map(job => job.job_id))
      const rest = this.#list.rows.filter(job => !fresh.has(job.job_id) && job.ended_at === null)
      const old = await Promise.all(
        rest
          .slice(0, LOOKED_AT)
          .map(({job_id}) => this.client.call("taskrealm.job", [job_id]) as Promise<JobDetails>),
      )
      if (asked !== this.#asked || this.paused) return
      this.#settle()
      for (const job of jobs) this.#list.put(job)
      for (const job of old) this.#list.put(listed(job))
      this.requestUpdate()
    } catch {
      // The next look may have more luck.
    }
  }

  #stay(isInside: boolean): void {
    this.#isInside = isInside
    this.#settle()
  }

  /** Hold the rows, or let them go, as people need it just now. */
  #settle(): void {
    const isBusy =
      this.#isInside ||
      this.#selected.size > 0 ||
      this.#hasFocus ||
      this.getBoundingClientRect().top < 0
    if (isBusy) this.#list.hold()
    else if (this.#list.isHeld) {
      this.#list.release()
      this.requestUpdate()
    }
  }

  /** Whether the keyboard is somewhere in the rows. */
  get #hasFocus(): boolean {
    return this.shadowRoot?.activeElement?.closest("ul") != null
  }

  #showFresh(): void {
    this.#list.release()
    this.requestUpdate()
    if (this.getBoundingClientRect().top < 0) this.scrollIntoView({block: "start"})
    this.#settle()
  }

  #open(event: MouseEvent, job_id: string): void {
    const opening = new CustomEvent("taskrealm-open", {
      detail: {job_id},
      bubbles: true,
      composed: true,
      cancelable: true,
    })
    if (!this.dispatchEvent(opening)) event.preventDefault()
  }

  #tick(event: MouseEvent, id: string): void {
    const {checked} = event.target as HTMLInputElement
    const ids = this.#list.rows.map(job => job.job_id)
    const from = this.#anchor === null ? -1 : ids.indexOf(this.#anchor)
    const to = ids.indexOf(id)
    const range =
      event.shiftKey && from !== -1 ? ids.slice(Math.min(from, to), Math.max(from, to) + 1) : [id]
    for (const each of range) {
      if (checked) this.#selected.add(each)
      else this.#selected.delete(each)
    }
    this.#anchor = id
    this.#chosen()
  }

  #chosen(): void {
    this.requestUpdate()
    this.#settle()
    this.tell("taskrealm-select", {job_ids: this.selected})
  }

  /** Arrows go from row to row, a space selects, Shift with an arrow selects on the way. */
  #onKey(event: KeyboardEvent): void {
    const steps: Record<string, number> = {
      ArrowDown: 1,
      ArrowUp: -1,
      Home: -Infinity,
      End: Infinity,
    }
    const step = steps[event.key]
    const rows = [...(this.shadowRoot?.querySelectorAll("li") ?? [])]
    const at = rows.findIndex(row => row.contains(event.target as Node))
    const here = rows[at]
    if (!here) return
    if (event.key === " " && this.selectable && !(event.target instanceof HTMLInputElement)) {
      event.preventDefault()
      here.querySelector("input")?.click()
    }
    if (step === undefined) return
    event.preventDefault()
    const there = rows[Math.max(0, Math.min(rows.length - 1, at + step))]
    const goal = (event.target as Element).matches("input") ? "input" : "a"
    there?.querySelector<HTMLElement>(goal)?.focus()
    if (event.shiftKey && this.selectable) {
      for (const row of [here, there]) if (row?.dataset.job) this.#selected.add(row.dataset.job)
      this.#chosen()
    }
  }

  protected override render(): unknown {
    const rows = this.#list.rows
    return html`
      ${this.error ? problem(this.error) : nothing}
      ${
        this.#list.waiting > 0
          ? html`<div class="fresh">
              <button class="primary" part="new" data-testid="jobs-new" @click=${this.#showFresh}>
                ↑ ${words.jobs.fresh(this.#list.waiting)}
              </button>
            </div>`
          : nothing
      }
      ${
        rows.length > 0
          ? html`<ul part="list" aria-label=${words.jobs.list} data-testid="jobs-list" @keydown=${this.#onKey}>
              ${repeat(
                rows,
                job => job.job_id,
                job => this.#row(job),
              )}
            </ul>`
          : this.#nothing()
      }
      ${this.#foot()}
    `
  }

  #nothing(): TemplateResult | typeof nothing {
    if (this.error) return nothing
    if (!this.#isKnown) return loading(words.jobs.what)
    if (this.isLoading) return html``
    return html`<slot name="empty"><p class="quiet">${words.jobs.noneFit}</p></slot>`
  }

  #foot(): TemplateResult | typeof nothing {
    const isSearch = this.#wanted.text !== undefined
    if (!isSearch && this.#next === null) return nothing
    return html`
      <div class="row foot">
        ${
          isSearch && this.isLoading
            ? html`<button @click=${this.#stopSearch}>${words.jobs.stopSearch}</button>`
            : this.#next === null
              ? nothing
              : html`<button part="more" ?disabled=${this.isLoading} @click=${this.more}>
                  ${this.isLoading ? words.jobs.loadingMore : isSearch ? words.jobs.searchOn : words.jobs.more}
                </button>`
        }
        ${
          isSearch
            ? html`<span class="quiet" role="status">
                ${this.isLoading ? words.jobs.searching : ""}
                ${this.searched ? words.jobs.searchedTo(moment(this.searched)) : ""}
              </span>`
            : nothing
        }
      </div>
    `
  }

  #row(job: ListedJob): TemplateResult {
    const title = this.titles?.get(job.task) || this.#known.get(job.task) || job.task
    const isSelected = this.#selected.has(job.job_id)
    return html`
      <li part="row" class=${isSelected ? "selected" : ""} data-job=${job.job_id}>
        ${
          this.selectable
            ? html`<label class="tick">
                <input
                  type="checkbox"
                  aria-label=${words.jobs.select(title, moment(job.submitted_at))}
                  .checked=${isSelected}
                  @click=${(event: MouseEvent) => this.#tick(event, job.job_id)}
                />
              </label>`
            : nothing
        }
        ${stateBadge(job.state)}
        <span class="name">
          <a
            part="name"
            href=${this.href.replace("{job}", encodeURIComponent(job.job_id))}
            @click=${(event: MouseEvent) => this.#open(event, job.job_id)}
            >${title}</a
          >
          ${
            job.owner === this.client.authid
              ? nothing
              : html`<span class="quiet small">${words.jobs.ofUser(job.owner)}</span>`
          }
          <span class="tags">${job.tags.map(tag => html`<span class="tag">${tag}</span>`)}</span>
        </span>
        <span class="what" part="progress">${courseOf(job, title)}</span>
        <span class="when" part="when">${timesOf(job)}</span>
      </li>
    `
  }
}

/** *job* as lists have it. */
function listed({waiting, ...job}: JobDetails): ListedJob {
  return waiting ? {...job, waiting} : job
}

function namesIn(text: string): string[] {
  return text
    .split(",")
    .map(each => each.trim())
    .filter(each => each !== "")
}

declare global {
  interface HTMLElementTagNameMap {
    "taskrealm-jobs": JobsElement
  }
}
