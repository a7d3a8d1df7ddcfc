/** The form of one task. */

import {type Client, type ExecOptions, type Task, TaskRealmError} from "@taskrealm/client"
import {html, type PropertyValues, type TemplateResult} from "lit"
import {customElement, property, state} from "lit/decorators.js"
import {type Catalog, taskNamed} from "../catalog"
import {PageElement} from "../element"
import {Form} from "../form"
import {duration, percent} from "../format"
import {fieldTemplate} from "../parts/field"
import {loading, problem} from "../parts/notice"
import {progressBar} from "../parts/progress"
import {jobLink} from "../route"
import {fieldsOf} from "../schema"
import {type Sending, sent} from "../sending"

/** What every task can be run with; their names are those of the options of `exec`. */
const OPTIONS = fieldsOf({
  properties: {
    priority: {
      type: "integer",
      title: "Priority",
      description: "Higher starts first.",
      minimum: -1000,
      maximum: 1000,
      default: 0,
    },
    timeout: {
      anyOf: [{type: "number", exclusiveMinimum: 0}, {type: "null"}],
      title: "Time limit",
      description: "Seconds that the job may run; can only shorten the task's own limit.",
      default: null,
    },
    tags: {
      type: "array",
      items: {type: "string"},
      title: "Tags",
      default: [],
    },
  },
})

@customElement("tr-task")
export class TaskScreen extends PageElement {
  @property({attribute: false}) client!: Client
  @property({attribute: false}) catalog!: Catalog
  @property({attribute: false}) name = ""
  /** The job whose arguments fill the form. */
  @property({attribute: false}) from: string | null = null

  @state() private failure: Error | null = null
  /** Refused fields that the form does not have. */
  @state() private others: Record<string, string> = {}
  @state() private preview: string | null = null
  @state() private isBusy = false
  /** The file that is being sent. */
  @state() private sending: Sending | null = null
  #stop = new AbortController()
  #form = new Form([])
  #options = new Form(OPTIONS)
  #isFilled = false

  get #task(): Task | undefined {
    return taskNamed(this.catalog, this.name)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#stop.abort()
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("name") || changed.has("from")) this.#isFilled = false
    const task = this.#task
    if (task && !this.#isFilled) void this.#fill(task)
  }

  async #fill(task: Task): Promise<void> {
    const form = new Form(fieldsOf(task.parameters))
    this.#form = form
    this.#options = new Form(OPTIONS)
    this.#isFilled = true
    this.failure = null
    this.others = {}
    this.preview = null
    if (this.from === null) return
    try {
      const {arguments: before} = await this.client.job(this.from).details()
      form.fill(before)
      this.requestUpdate()
    } catch (error) {
      this.failure = error as Error
    }
  }

  protected override render(): TemplateResult {
    const task = this.#task
    if (!task) {
      const {tasks, error} = this.catalog
      if (tasks) return html`<h1>${this.name}</h1>${problem(new Error(unknown(this.name)))}`
      return error ? problem(error) : loading("the task")
    }
    return html`
      <p class="quiet"><a href="#/tasks">Tasks</a></p>
      <h1>${task.title || task.name}</h1>
      ${task.help ? html`<p class="prose">${task.help}</p>` : ""}
      <form class="stack" data-testid="task-form" novalidate @submit=${this.#run}>
        ${this.#summary()}
        ${this.#fields(this.#form, "argument")}
        <details ?open=${this.#options.firstWrong !== undefined}>
          <summary>Options</summary>
          ${this.#fields(this.#options, "option")}
        </details>
        ${this.#sendingBar()}
        <div class="row">
          <button class="primary" ?disabled=${this.isBusy}>Run</button>
          <button type="button" ?disabled=${this.isBusy} @click=${this.#check}>Check only</button>
          ${task.timeout ? html`<span class="quiet">Limit ${duration(task.timeout)}</span>` : ""}
        </div>
      </form>
      ${
        this.preview === null
          ? ""
          : html`<section aria-label="Check" role="status">
              <h2>Would run</h2>
              <pre class="block">${this.preview}</pre>
            </section>`
      }
    `
  }

  #fields(form: Form, prefix: string): TemplateResult[] {
    return form.fields.map(field =>
      fieldTemplate(field, `${prefix}-${field.name}`, {
        draft: form.draft(field),
        error: form.errors[field.name],
        onInput: draft => {
          form.type(field, draft)
          this.preview = null
          this.requestUpdate()
        },
      }),
    )
  }

  #sendingBar(): TemplateResult | string {
    if (this.sending === null) return ""
    const {name, fraction} = this.sending
    return html`<div class="progress" data-testid="sending">
      ${progressBar({fraction, message: null, eta: null}, `Sending ${name}`)}
      <p>Sending ${name}: ${percent(fraction)}</p>
      <button type="button" @click=${() => this.#stop.abort()}>Stop</button>
    </div>`
  }

  /** How many fields need a change, and what is wrong besides. */
  #summary(): TemplateResult | string {
    if (this.failure) return problem(this.failure)
    const others = Object.entries(this.others)
    const wrong = [this.#form, this.#options].flatMap(form => Object.keys(form.errors))
    const count = wrong.length + others.length
    if (count === 0) return ""
    return html`
      <div class="notice bad" role="alert">
        <p>${count === 1 ? "One field needs" : `${count} fields need`} a change.</p>
        ${others.map(([name, sentence]) => html`<p><strong>${name}</strong>: ${sentence}</p>`)}
      </div>
    `
  }

  async #run(event: SubmitEvent): Promise<void> {
    event.preventDefault()
    await this.#submit(async (args, options) => {
      const job = await this.client.exec(this.name, args, options)
      location.hash = jobLink(job.id)
    })
  }

  async #check(): Promise<void> {
    await this.#submit(async (args, options) => {
      const {argv = [], position, waiting} = await this.client.check(this.name, args, options)
      const place =
        position === 0
          ? "It would start at once."
          : `It would be number ${position} in line. ${waiting ? `${waiting.text}.` : ""}`
      this.preview = [argv.map(quoted).join(" "), place].filter(Boolean).join("\n\n")
    })
  }

  async #submit(
    act: (args: Record<string, unknown>, options: ExecOptions) => Promise<void>,
  ): Promise<void> {
    const args = this.#form.read()
    const options = this.#options.read()
    this.failure = null
    this.others = {}
    this.preview = null
    if (args === null || options === null) return this.#focusError()
    this.isBusy = true
    this.#stop = new AbortController()
    const show = (sending: Sending) => {
      this.sending = sending
    }
    try {
      const ready = await sent(this.client, args, show, this.#stop.signal)
      this.sending = null
      await act(ready, options)
    } catch (error) {
      if (this.#stop.signal.aborted) return
      const fields = error instanceof TaskRealmError ? error.fields : {}
      this.others = this.#options.refuse(this.#form.refuse(fields))
      if (Object.keys(fields).length === 0) this.failure = error as Error
      await this.#focusError()
    } finally {
      this.isBusy = false
      this.sending = null
    }
  }

  /** Put the focus on the first field that needs a change. */
  async #focusError(): Promise<void> {
    this.requestUpdate()
    await this.updateComplete
    const wrong = this.querySelector(".field:has(.error)")
    wrong?.querySelector<HTMLElement>("input, select, textarea")?.focus()
  }
}

function unknown(name: string): string {
  return `There is no task ${name}, or you may not run it.`
}

/** *word* as a shell would need it, for reading only. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
