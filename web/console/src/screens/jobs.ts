/** Jobs, newest first, live: mine, or as operators like everybody's; found by a typed query. */

import type {Client, JobState, JobsFilter} from "@taskrealm/client"
import {words as elementWords, PageElement} from "@taskrealm/elements/base"
import type {JobsElement} from "@taskrealm/elements/jobs"
import "@taskrealm/elements/jobs"
import {html, nothing, type PropertyValues, type TemplateResult} from "lit"
import {customElement, query as part, property, state} from "lit/decorators.js"
import type {Catalog} from "../catalog"
import {cancelAll, collect, type Outcome, runAgain} from "../jobs/bulk"
import {csvOf, jsonOf} from "../jobs/export"
import {
  EVERYBODY,
  filterOf,
  format,
  localOf,
  type Problem,
  parse,
  type Query,
  STATES,
} from "../jobs/query"
import {forget, type Saved, save, savedBy} from "../jobs/saved"
import {words} from "../words"

/** Roles that may see everybody's jobs. */
const OVERSEERS = new Set(["operator", "backend"])

/** Seconds between two counts of the jobs in each state, while they change. */
const COUNT = 2

/** Jobs of one state that the node counts at most. */
const COUNTED = 1000

type Counts = Partial<Record<JobState, number>>

@customElement("tr-jobs")
export class JobsScreen extends PageElement {
  @property({attribute: false}) client!: Client
  @property({attribute: false}) catalog!: Catalog
  /** What stands behind the `?` of the address. */
  @property({attribute: false}) query = new URLSearchParams()
  /** What stands in the box. */
  @state() private typed = ""
  @state() private wanted: Query = parse("").query
  @state() private problems: Problem[] = []
  @state() private counts: Counts | null = null
  @state() private selected: string[] = []
  @state() private saved: Saved[] = []
  @state() private isPaused = false
  @state() private isSaving = false
  @state() private isBusy = false
  @state() private notice: string[] = []
  @part("taskrealm-jobs") private list!: JobsElement
  @part("dialog") private dialog!: HTMLDialogElement
  #filter: JobsFilter = {}
  #counting: ReturnType<typeof setTimeout> | undefined
  #asked = 0
  #stops: (() => void)[] = []

  override connectedCallback(): void {
    super.connectedCallback()
    this.saved = savedBy(this.client.authid)
    this.#stops = [
      this.client.on("event", ({type}) => {
        if (type !== "progress" && type !== "updated") this.#countSoon()
      }),
      this.client.on("status", status => {
        if (status !== "live") return
        this.saved = savedBy(this.client.authid)
        this.#apply(this.typed)
      }),
    ]
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    clearTimeout(this.#counting)
    for (const stop of this.#stops) stop()
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("query")) this.#apply(this.query.get("q") ?? "")
  }

  get #isOverseer(): boolean {
    return OVERSEERS.has(this.client.role)
  }

  /** Find what is *typed*; if that makes no sense, say why and go on as before. */
  #apply(typed: string): void {
    this.typed = typed
    const {query, problems} = parse(typed)
    this.problems = problems
    if (problems.length > 0) return
    this.wanted = query
    this.#filter = filterOf(query, this.client.authid || null)
    this.counts = null
    void this.#count()
  }

  /** Find by *query*, and let the address say so. */
  #find(typed: string): void {
    this.#apply(typed)
    if (this.problems.length > 0) return
    const address = typed === "" ? "#/jobs" : `#/jobs?q=${encodeURIComponent(typed)}`
    history.replaceState(null, "", address)
  }

  #change(change: Partial<Query>): void {
    this.#find(format({...this.wanted, ...change}))
  }

  #countSoon(): void {
    this.#counting ??= setTimeout(() => {
      this.#counting = undefined
      if (!this.isPaused) void this.#count()
    }, COUNT * 1000)
  }

  async #count(): Promise<void> {
    const {state: _, ...filter} = this.#filter
    const isCounted = filter.text === undefined && filter.tag === undefined
    // Only operators may have the jobs of others counted.
    const isAllowed = this.client.role === "operator" || filter.owner === this.client.authid
    if (!isCounted || !isAllowed || this.client.authid === "") return
    this.#asked += 1
    const asked = this.#asked
    const page = await this.client.jobs({...filter, limit: 1, counts: true}).catch(() => null)
    if (page && asked === this.#asked) this.counts = page.counts ?? null
    if (filter.owner !== this.client.authid) this.#countSoon()
  }

  protected override render(): TemplateResult {
    const texts = words.jobs
    return html`
      <div class="row">
        <h1>${texts.title}</h1>
        ${
          this.#isOverseer
            ? html`<label class="tick">
                <input
                  type="checkbox"
                  .checked=${this.wanted.user === EVERYBODY}
                  @change=${(event: Event) =>
                    this.#change({
                      user: (event.target as HTMLInputElement).checked ? EVERYBODY : "",
                    })}
                />
                ${texts.everybody}
              </label>`
            : nothing
        }
        <span class="spring"></span>
        <button aria-pressed=${this.isPaused} @click=${this.#pause}>
          ${this.isPaused ? texts.goOn : texts.pause}
        </button>
        ${this.#exports()}
      </div>
      ${this.#search()} ${this.#chips()} ${this.isPaused ? html`<p class="quiet">${texts.paused}</p>` : ""}
      <div role="status" class="notices">
        ${this.notice.map(each => html`<p class="notice">${each}</p>`)}
      </div>
      ${this.#bulk()}
      <taskrealm-jobs
        .client=${this.client}
        .filter=${this.#filter}
        .titles=${titlesOf(this.catalog)}
        .limit=${50}
        .paused=${this.isPaused}
        selectable
        @taskrealm-select=${(event: CustomEvent<{job_ids: string[]}>) => {
          this.selected = event.detail.job_ids
        }}
        @taskrealm-listed=${() => this.requestUpdate()}
      >
        <p slot="empty" class="notice">${this.#empty()}</p>
      </taskrealm-jobs>
      ${this.#dialog()}
    `
  }

  #empty(): TemplateResult {
    return format(this.wanted) === ""
      ? html`${words.jobs.noneYet}<a href="#/tasks">${words.jobs.runOne}</a>.`
      : html`${words.jobs.none} <button class="plain" @click=${() => this.#find("")}>${words.jobs.showAll}</button>`
  }

  #search(): TemplateResult {
    const texts = words.jobs
    const isOther = this.typed.trim() !== ""
    return html`
      <form class="finder" role="search" @submit=${this.#submit}>
        <div class="box">
          <input
            type="search"
            name="q"
            aria-label=${texts.query}
            aria-describedby=${this.problems.length > 0 ? "finder-problems" : nothing}
            aria-invalid=${this.problems.length > 0}
            placeholder=${texts.placeholder}
            autocomplete="off"
            autocapitalize="off"
            spellcheck="false"
            .value=${this.typed}
            @search=${this.#submitCleared}
          />
          <button class="primary">${texts.find}</button>
          ${isOther ? html`<button type="button" @click=${() => this.#find("")}>${texts.clear}</button>` : nothing}
        </div>
        <div id="finder-problems" role="alert">
          ${this.problems.map(each => html`<p class="error">${sentence(each)}</p>`)}
        </div>
      </form>
      <div class="row searches">
        <details class="controls">
          <summary>${texts.filters}</summary>
          ${this.#controls()}
        </details>
        ${this.saved.map(
          ({name, query}) => html`<span class="saved">
            <button
              class="plain"
              aria-current=${query === this.typed ? "true" : "false"}
              @click=${() => this.#find(query)}
            >
              ★ ${name}</button
            ><button
              class="plain gone"
              aria-label=${texts.forget(name)}
              @click=${() => {
                this.saved = forget(this.client.authid, name)
              }}
            >
              ×
            </button>
          </span>`,
        )}
        ${
          this.isSaving
            ? html`<form class="row" @submit=${this.#save}>
                <input name="name" required maxlength="40" aria-label=${texts.saveAs} placeholder=${texts.saveAs} />
                <button>${texts.save}</button>
              </form>`
            : isOther && this.problems.length === 0
              ? html`<button class="plain" @click=${this.#beginSaving}>☆ ${texts.save}</button>`
              : nothing
        }
      </div>
    `
  }

  #controls(): TemplateResult {
    const texts = words.jobs
    const {tasks, tag, user, after, before, text, children} = this.wanted
    const onText = (name: "tag" | "user" | "after" | "before" | "text") => (event: Event) =>
      this.#change({[name]: (event.target as HTMLInputElement).value.trim()})
    const field = (
      label: string,
      name: "tag" | "user" | "after" | "before" | "text",
      value: string,
      type = "text",
    ) => html`<label>
      <span>${label}</span>
      <input type=${type} .value=${value} @change=${onText(name)} />
    </label>`
    return html`
      <div class="fields">
        <label>
          <span>${texts.task}</span>
          <select
            @change=${(event: Event) => {
              const {value} = event.target as HTMLSelectElement
              this.#change({tasks: value === "" ? [] : [value]})
            }}
          >
            <option value="" ?selected=${tasks.length === 0}>${texts.anyTask}</option>
            ${
              tasks.length > 1 ||
              (tasks[0] && !this.catalog.tasks?.some(each => each.name === tasks[0]))
                ? html`<option value=${tasks.join(",")} selected>${tasks.join(", ")}</option>`
                : nothing
            }
            ${this.catalog.tasks?.map(
              ({name, title}) =>
                html`<option value=${name} ?selected=${tasks.length === 1 && tasks[0] === name}>
                  ${title || name}
                </option>`,
            )}
          </select>
        </label>
        ${field(texts.tag, "tag", tag)} ${this.#isOverseer ? field(texts.user, "user", user) : nothing}
        ${field(texts.after, "after", localOf(after), "datetime-local")}
        ${field(texts.before, "before", localOf(before), "datetime-local")}
        <div class="wide">
          ${field(texts.text, "text", text)}
          <p class="help">${texts.textHelp}</p>
        </div>
        <label class="tick wide">
          <input
            type="checkbox"
            .checked=${children}
            @change=${(event: Event) => this.#change({children: (event.target as HTMLInputElement).checked})}
          />
          ${texts.children}
        </label>
      </div>
    `
  }

  #chips(): TemplateResult {
    const {states} = this.wanted
    const {counts} = this
    // What there is none of needs no chip, unless it is looked for.
    const shown = STATES.filter(each => !counts || counts[each] || states.includes(each))
    const count = (each: JobState) => {
      const number = counts?.[each]
      if (number === undefined) return nothing
      return html`<span class="count">${number >= COUNTED ? words.jobs.atLeast(COUNTED) : number}</span>`
    }
    return html`
      <div class="chips" role="group" aria-label=${words.jobs.states}>
        <button class="chip" aria-pressed=${states.length === 0} @click=${() => this.#change({states: []})}>
          ${words.jobs.all}
        </button>
        ${shown.map(each => {
          const isOn = states.includes(each)
          const others = isOn ? states.filter(other => other !== each) : [...states, each]
          return html`<button
            class="chip"
            data-state=${each}
            aria-pressed=${isOn}
            @click=${() => this.#change({states: others})}
          >
            ${elementWords.states[each]} ${count(each)}
          </button>`
        })}
      </div>
    `
  }

  #bulk(): TemplateResult | typeof nothing {
    const count = this.selected.length
    const texts = words.jobs
    if (count === 0) return nothing
    return html`
      <div class="bulk row" role="toolbar" aria-label=${texts.selected(count)}>
        <strong>${texts.selected(count)}</strong>
        <button class="danger" ?disabled=${this.isBusy} @click=${() => this.dialog.showModal()}>
          ${texts.cancel(count)}
        </button>
        <button ?disabled=${this.isBusy} @click=${this.#again}>${texts.again(count)}</button>
        <button @click=${this.#copy}>${texts.copy}</button>
        <button class="plain" @click=${() => this.list.select(this.list.jobs.map(job => job.job_id))}>
          ${texts.selectAll}
        </button>
        <button class="plain" @click=${() => this.list.select([])}>${texts.selectNone}</button>
      </div>
    `
  }

  #dialog(): TemplateResult {
    const texts = words.jobs
    const count = this.selected.length
    return html`
      <dialog aria-labelledby="sure" @close=${this.#closed}>
        <form method="dialog" class="stack">
          <h2 id="sure">${texts.sureToCancel(count)}</h2>
          <label>
            <span>${texts.reason}</span>
            <input name="reason" maxlength="1000" />
          </label>
          <div class="row">
            <button class="danger" value="yes">${texts.yes}</button>
            <button value="no">${texts.no}</button>
          </div>
        </form>
      </dialog>
    `
  }

  #exports(): TemplateResult {
    const texts = words.jobs
    return html`
      <span class="row" role="group" aria-label=${texts.download}>
        <span class="quiet">${texts.download}</span>
        <button ?disabled=${this.isBusy} @click=${() => this.#export("csv")}>${texts.asCsv}</button>
        <button ?disabled=${this.isBusy} @click=${() => this.#export("json")}>${texts.asJson}</button>
      </span>
    `
  }

  #submit(event: Event): void {
    event.preventDefault()
    this.#find(String(new FormData(event.target as HTMLFormElement).get("q") ?? "").trim())
  }

  /** The browser's own button for it has emptied the box. */
  #submitCleared(event: Event): void {
    if ((event.target as HTMLInputElement).value === "") this.#find("")
  }

  async #beginSaving(): Promise<void> {
    this.isSaving = true
    await this.updateComplete
    this.querySelector<HTMLInputElement>(".searches [name=name]")?.focus()
  }

  #save(event: Event): void {
    event.preventDefault()
    const name = String(new FormData(event.target as HTMLFormElement).get("name")).trim()
    if (name !== "") this.saved = save(this.client.authid, {name, query: this.typed})
    this.isSaving = false
  }

  #pause(): void {
    this.isPaused = !this.isPaused
    if (!this.isPaused) void this.#count()
  }

  async #closed(): Promise<void> {
    if (this.dialog.returnValue !== "yes") return
    const reason = String(
      new FormData(this.dialog.querySelector("form") ?? undefined).get("reason"),
    )
    const ids = this.selected
    await this.#do(async () => {
      const {done, idle, failures} = await cancelAll(this.client, ids, reason.trim())
      const texts = words.jobs
      return [
        ...(done > 0 ? [texts.cancelled(done)] : []),
        ...(idle > 0 ? [texts.overAlready(idle)] : []),
        ...failed(failures),
      ]
    })
    this.list.select([])
  }

  async #again(): Promise<void> {
    const ids = this.selected
    await this.#do(async () => {
      const tasks = this.catalog.tasks ?? []
      const {done, failures} = await runAgain(this.client, ids, tasks, words.jobs.secret)
      return [...(done > 0 ? [words.jobs.startedAgain(done)] : []), ...failed(failures)]
    })
    this.list.select([])
  }

  async #copy(): Promise<void> {
    await navigator.clipboard.writeText(this.selected.join("\n"))
    this.notice = [words.jobs.copied(this.selected.length)]
  }

  async #export(kind: "csv" | "json"): Promise<void> {
    await this.#do(async () => {
      const onCount = (count: number) => {
        this.notice = [words.jobs.exporting(count)]
      }
      const {jobs, hasMore} = await collect(this.client, this.#filter, onCount)
      const [text, type] =
        kind === "csv" ? [csvOf(jobs), "text/csv"] : [jsonOf(jobs), "application/json"]
      offer(new Blob([text], {type}), `jobs.${kind}`)
      return [hasMore ? words.jobs.exportedPart(jobs.length) : words.jobs.exported(jobs.length)]
    })
  }

  /** Do something that takes a while, and say what came of it. */
  async #do(action: () => Promise<string[]>): Promise<void> {
    this.isBusy = true
    this.notice = []
    try {
      this.notice = await action()
    } catch (error) {
      this.notice = [(error as Error).message]
    } finally {
      this.isBusy = false
    }
  }
}

/** Let the browser save *blob* as a file called *name*. */
function offer(blob: Blob, name: string): void {
  const link = document.createElement("a")
  link.href = URL.createObjectURL(blob)
  link.download = name
  link.click()
  // Not before the browser has taken it up.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}

function failed(failures: Outcome["failures"]): string[] {
  const reasons = new Map<string, number>()
  for (const {reason} of failures) reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
  return [...reasons].map(([reason, count]) => words.jobs.failed(count, reason))
}

function sentence({kind, key, value}: Problem): string {
  const texts = words.jobs
  if (kind === "unknown") return texts.unknown(key)
  if (kind === "twice") return texts.twice(key)
  if (key === "state") return texts.badState(value)
  return key === "after" || key === "before" ? texts.badMoment(value) : texts.badValue(key, value)
}

let titles: {of: Catalog["tasks"]; map: ReadonlyMap<string, string>} | null = null

/** The titles of tasks by their names; the same map for the same tasks. */
function titlesOf({tasks}: Catalog): ReadonlyMap<string, string> {
  if (titles?.of !== tasks || !titles) {
    titles = {of: tasks, map: new Map(tasks?.map(({name, title}) => [name, title]))}
  }
  return titles.map
}
