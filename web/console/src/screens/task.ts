/** The screen of one task: its form, and what it was run with before. */

import type {Client, Task} from "@taskrealm/client"
import {duration, loading, PageElement, problem} from "@taskrealm/elements/base"
import type {AcceptedDetail, TaskForm} from "@taskrealm/elements/form"
import "@taskrealm/elements/form"
import {html, type PropertyValues, type TemplateResult} from "lit"
import {customElement, property, state} from "lit/decorators.js"
import {type Catalog, taskNamed} from "../catalog"
import "../parts/arguments"
import "../parts/copy-as"
import "../parts/share"
import {jobLink} from "../route"
import {usually} from "../shelf"
import {words} from "../words"

@customElement("tr-task")
export class TaskScreen extends PageElement {
  @property({attribute: false}) client!: Client
  @property({attribute: false}) catalog!: Catalog
  @property({attribute: false}) name = ""
  /** The job whose arguments fill the form. */
  @property({attribute: false}) from: string | null = null
  /** What stands behind the `?` of the address: `args` fills the form. */
  @property({attribute: false}) query = new URLSearchParams()

  /** What the form is filled with; null until that is known. */
  @state() private values: Record<string, unknown> | null = null
  /** Whether somebody has asked how its jobs went. */
  @state() private isHistoryShown = false
  @state() private failure: Error | null = null

  protected override willUpdate(changed: PropertyValues<this>): void {
    const args = changed.get("query")?.get("args")
    const isOther = changed.has("name") || changed.has("from")
    if (isOther || (changed.has("query") && args !== this.query.get("args"))) void this.#find()
  }

  get #source(): string {
    const {from, query} = this
    return from === null ? `args:${query.get("args") ?? ""}` : `from:${from}`
  }

  /** Find what the address fills the form with. */
  async #find(): Promise<void> {
    const {from} = this
    const source = this.#source
    this.failure = null
    this.values = from === null ? this.#linked() : null
    if (from === null) return
    try {
      const {arguments: before} = await this.client.job(from).details()
      if (source === this.#source) this.values = before
    } catch (error) {
      if (source !== this.#source) return
      this.failure = error as Error
      this.values = {}
    }
  }

  #linked(): Record<string, unknown> {
    const text = this.query.get("args")
    if (text === null) return {}
    try {
      const found = JSON.parse(text)
      if (typeof found === "object" && found !== null) return found
    } catch {
      // Told below.
    }
    this.failure = new Error(words.task.badLink)
    return {}
  }

  protected override render(): TemplateResult {
    const task = taskNamed(this.catalog, this.name)
    if (!task) {
      const {tasks, error} = this.catalog
      if (tasks) {
        return html`<h1>${this.name}</h1>${problem(new Error(words.task.unknown(this.name)))}`
      }
      return error ? problem(error) : loading(words.task.what)
    }
    const facts = factsOf(task)
    const isShared = this.client.scope.tasks !== undefined
    return html`
      ${isShared ? "" : html`<p class="quiet"><a href="#/tasks">${words.task.tasks}</a></p>`}
      <div class="task-head">
        <h1>${task.title || task.name}</h1>
        ${facts ? html`<p class="quiet">${facts}</p>` : ""}
      </div>
      ${task.help ? html`<p class="prose">${task.help}</p>` : ""}
      ${this.failure ? problem(this.failure) : ""}
      <div class="beside-form">
        ${this.values === null ? loading(words.task.earlier) : this.#form(task, this.values)}
        ${isShared ? "" : this.#earlier()}
      </div>
      ${isShared ? "" : this.#history(task)}
    `
  }

  #history(task: Task): TemplateResult {
    const onToggle = async ({target}: Event) => {
      if (!(target as HTMLDetailsElement).open) return
      await import("../plots/task-plots")
      this.isHistoryShown = true
    }
    return html`<details class="task-history" @toggle=${onToggle}>
      <summary>${words.task.history}</summary>
      ${
        this.isHistoryShown
          ? html`<tr-task-plots
              .client=${this.client}
              .task=${this.name}
              .heading=${task.title || task.name}
            ></tr-task-plots>`
          : ""
      }
    </details>`
  }

  /** What it was run with before; who has a link to this form only has nothing to do with that. */
  #earlier(): TemplateResult {
    return html`<tr-arguments
      .client=${this.client}
      .task=${this.name}
      .current=${() => this.#element?.request.args}
    ></tr-arguments>`
  }

  #form(task: Task, values: Record<string, unknown>): TemplateResult {
    return html`<taskrealm-form
      class="card"
      .client=${this.client}
      .task=${this.name}
      .definition=${task}
      .values=${values}
      .source=${this.#source}
      @taskrealm-accepted=${({detail}: CustomEvent<AcceptedDetail>) => {
        location.hash = jobLink(detail.job_id)
      }}
    >
      <tr-copy-as slot="actions" .request=${() => this.#element?.request}></tr-copy-as>
      <tr-share slot="actions" .client=${this.client} .task=${this.name}></tr-share>
    </taskrealm-form>`
  }

  get #element(): TaskForm | null {
    return this.querySelector("taskrealm-form")
  }
}

/** What one should know before running a task. */
function factsOf({usual, timeout, most_running, most_running_per_user, rate}: Task): string {
  const text = words.task
  const time = usually(usual)
  return [
    time === null ? "" : text.usually(time),
    timeout === null ? "" : text.limit(duration(timeout)),
    most_running === null ? "" : text.atOnce(most_running),
    most_running_per_user === null ? "" : text.atOncePerUser(most_running_per_user),
    rate === null ? "" : text.rate(rate.count, duration(rate.seconds)),
  ]
    .filter(Boolean)
    .join(" · ")
}
