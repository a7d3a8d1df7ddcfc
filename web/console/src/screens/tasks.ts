/** What can be run. */

import {type Client, isTerminal, type JobState, type Task} from "@taskrealm/client"
import {
  words as elementWords,
  loading,
  moment,
  PageElement,
  problem,
  stateIcon,
} from "@taskrealm/elements/base"
import {html, type TemplateResult} from "lit"
import {customElement, property, state} from "lit/decorators.js"
import {repeat} from "lit/directives/repeat.js"
import type {Account} from "../account"
import type {Catalog} from "../catalog"
import {Memory} from "../memory"
import {icon} from "../parts/icon"
import {jobLink, taskLink} from "../route"
import {heading, hue, initials, matches, shelfOf, shelves, usually} from "../shelf"
import type {Tally} from "../tally"
import {words} from "../words"

const texts = words.tasks

const VIEWS = ["cards", "rows"] as const
type View = (typeof VIEWS)[number]

/** What each user has chosen in this browser. */
const chosenView = new Memory<View>("tasks.view", "cards")
const favourites = new Memory<string[]>("tasks.favourites", [])
const isFamiliar = new Memory("tasks.familiar", false)

/** What a newcomer runs first, where it is to be had. */
const FIRST = "demo.count"

@customElement("tr-tasks")
export class TasksScreen extends PageElement {
  @property({attribute: false}) account!: Account
  @property({attribute: false}) client!: Client
  @property({attribute: false}) catalog!: Catalog
  @property({attribute: false}) tally!: Tally
  @state() private search = ""
  @state() private failure: Error | null = null
  @state() private isBusy = false
  #stop = () => {}

  override connectedCallback(): void {
    super.connectedCallback()
    this.#stop = this.tally.on(() => this.requestUpdate())
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#stop()
  }

  get #user(): string {
    return this.client.authid
  }

  protected override render(): TemplateResult {
    return html`
      <h1>${words.frame.tasks}</h1>
      ${this.#content()}
    `
  }

  #content(): TemplateResult {
    const {tasks, error} = this.catalog
    if (tasks === undefined) return error ? problem(error) : loading(texts.what)
    if (tasks.length === 0) return this.#empty()
    const found = tasks.filter(task => matches(task, this.search))
    return html`
      ${this.#first(tasks)}
      <div class="tools">
        <label class="search">
          <span class="hidden">${texts.search}</span>
          <input
            type="search"
            placeholder=${texts.search}
            .value=${this.search}
            @input=${this.#find}
          />
        </label>
        ${this.#views()}
      </div>
      ${this.failure ? problem(this.failure) : ""}
      <div data-testid="task-list">${this.#shelves(found)}</div>
      <p class="hidden" role="status">${this.search ? texts.matches(found.length) : ""}</p>
      ${
        found.length === 0
          ? html`<div class="empty">
              ${icon("search")}
              <p>${texts.noMatch(this.search)}</p>
              <button @click=${this.#showAll}>${texts.showAll}</button>
            </div>`
          : ""
      }
    `
  }

  /** What to try first, until it is put away. */
  #first(tasks: readonly Task[]): TemplateResult | string {
    if (isFamiliar.of(this.#user) || this.search) return ""
    const [any] = tasks
    const task = tasks.find(({name}) => name === FIRST) ?? any
    if (!task) return ""
    return html`
      <section class="first" aria-labelledby="first">
        <h2 id="first">${texts.firstTitle}</h2>
        <ol>
          <li>
            <span>
              <a href=${taskLink(task.name)}>${texts.firstRun}</a>
              ${task.name === FIRST ? texts.firstRunWhy : ""}
            </span>
          </li>
          <li>${texts.firstSecond}</li>
          <li>${texts.firstCut}</li>
        </ol>
        <button
          class="icon-button"
          aria-label=${texts.firstDismiss}
          title=${texts.firstDismiss}
          @click=${this.#dismiss}
        >
          ${icon("close")}
        </button>
      </section>
    `
  }

  #empty(): TemplateResult {
    const mayAdd = this.client.role === "operator"
    return html`
      <div class="empty">
        ${icon("empty")}
        <h2>${texts.noneTitle}</h2>
        <p class="quiet">${mayAdd ? texts.none : texts.noneForYou}</p>
        ${
          mayAdd
            ? html`<p><code>${texts.file}</code></p>
                <pre class="block">${texts.example}</pre>`
            : ""
        }
      </div>
    `
  }

  #views(): TemplateResult {
    const view = chosenView.of(this.#user)
    return html`<div class="segments" role="radiogroup" aria-label=${texts.view}>
      ${VIEWS.map(
        each => html`<label>
          <input
            type="radio"
            name="view"
            .checked=${each === view}
            @change=${() => this.#look(each)}
          />${texts.views[each]}
        </label>`,
      )}
    </div>`
  }

  #shelves(found: readonly Task[]): unknown {
    const starred = new Set(favourites.of(this.#user))
    const ones = found.filter(({name}) => starred.has(name))
    const others = shelves(found.filter(({name}) => !starred.has(name)))
    return [
      ones.length > 0 ? this.#shelf("favourites", texts.favourites, ones) : "",
      ...others.map(({name, tasks}) =>
        this.#shelf(`shelf-${name}`, name === "" ? texts.others : heading(name), tasks),
      ),
    ]
  }

  #shelf(id: string, title: string, tasks: readonly Task[]): TemplateResult {
    return html`
      <section class="task-group" aria-labelledby=${id}>
        <h2 id=${id}>
          ${title} <span class="quiet" aria-hidden="true">${tasks.length}</span>
        </h2>
        <ul class="tasks" data-view=${chosenView.of(this.#user)}>
          ${repeat(
            tasks,
            ({name}) => name,
            task => this.#task(task),
          )}
        </ul>
      </section>
    `
  }

  #task(task: Task): TemplateResult {
    const {name, title, help} = task
    const called = title || name
    const isFavourite = favourites.of(this.#user).includes(name)
    const mayRun = task.rights?.includes("run") ?? true
    return html`
      <li class="task" data-task=${name} ?data-disabled=${!mayRun}>
        <span class="tile" aria-hidden="true" data-hue=${hue(shelfOf(task))}
          >${initials(task)}</span
        >
        <div class="title">
          <a href=${taskLink(name)}>${called}</a>
          ${called === name ? "" : html`<code>${name}</code>`}
        </div>
        <button
          class="icon-button star"
          aria-pressed=${isFavourite ? "true" : "false"}
          aria-label=${texts.star(called)}
          title=${texts.favourites}
          @click=${() => this.#star(name)}
        >
          ${icon("star")}
        </button>
        ${help ? html`<p class="about">${firstParagraph(help)}</p>` : ""}
        ${this.#facts(task, mayRun)}
      </li>
    `
  }

  #facts(task: Task, mayRun: boolean): TemplateResult | string {
    const {running, waiting} = this.tally.count(task.name)
    const usual = usually(task.usual)
    const facts = [
      running > 0 ? html`<span class="going">${texts.running(running)}</span>` : null,
      waiting > 0 ? html`<span>${texts.waiting(waiting)}</span>` : null,
      usual ? html`<span>${texts.usually(usual)}</span>` : null,
      this.#last(task),
      mayRun ? null : html`<span>${texts.mayNotRun}</span>`,
      mayRun && takesNothing(task) ? this.#runButton(task) : null,
    ].filter(fact => fact !== null)
    return facts.length > 0 ? html`<div class="facts">${facts}</div>` : ""
  }

  #runButton({name, title}: Task): TemplateResult {
    return html`<button
      aria-label=${texts.runNow(title || name)}
      ?disabled=${this.isBusy}
      @click=${() => this.#run(name)}
    >
      ${texts.run}
    </button>`
  }

  /** How its last job ended: as events have told, or as the node knew when it was asked. */
  #last({name, last}: Task): TemplateResult | null {
    const seen = this.tally.last(name)
    const isSeenLater = seen?.ended_at && (!last || seen.ended_at >= last.ended_at)
    const {job_id, state: end, ended_at} = (isSeenLater ? seen : last) ?? {}
    if (!job_id || !end || !ended_at || !isTerminal(end)) return null
    return html`<a class="last" data-state=${end} href=${jobLink(job_id)}>
      ${stateIcon(end as JobState)}${texts.lastTime(elementWords.states[end], moment(ended_at))}
    </a>`
  }

  #find(event: InputEvent): void {
    this.search = (event.target as HTMLInputElement).value
  }

  #showAll(): void {
    this.search = ""
    this.querySelector<HTMLElement>("input[type=search]")?.focus()
  }

  #look(view: View): void {
    chosenView.keep(this.#user, view)
    this.requestUpdate()
  }

  async #star(name: string): Promise<void> {
    const now = favourites.of(this.#user)
    const next = now.includes(name) ? now.filter(each => each !== name) : [...now, name]
    favourites.keep(this.#user, next)
    this.requestUpdate()
    await this.updateComplete
    // The card has moved to another shelf; the focus goes with it.
    this.querySelector<HTMLElement>(`[data-task="${CSS.escape(name)}"] .star`)?.focus()
  }

  async #dismiss(): Promise<void> {
    isFamiliar.keep(this.#user, true)
    this.requestUpdate()
    await this.updateComplete
    this.querySelector<HTMLElement>("input[type=search]")?.focus()
  }

  async #run(name: string): Promise<void> {
    this.isBusy = true
    this.failure = null
    try {
      const job = await this.client.exec(name)
      location.hash = jobLink(job.id)
    } catch (error) {
      this.failure = error as Error
    } finally {
      this.isBusy = false
    }
  }
}

/** Whether a job of the task can be started without asking anything. */
function takesNothing({parameters}: Task): boolean {
  const {properties = {}} = parameters as {properties?: Record<string, unknown>}
  return Object.keys(properties).length === 0
}

function firstParagraph(help: string): string {
  return help.split("\n\n", 1)[0] ?? ""
}
