/** The form of one task. */

import {type Client, type ExecOptions, type Task, TaskRealmError} from "@taskrealm/client"
import {html, type PropertyValues, type TemplateResult} from "lit"
import {customElement, property, state} from "lit/decorators.js"
import {type Catalog, taskNamed} from "../catalog"
import {PageElement} from "../element"
import {duration} from "../format"
import {controlId, fieldTemplate} from "../parts/field"
import {loading, problem} from "../parts/notice"
import {jobLink} from "../route"
import {type Draft, draftOf, type Field, fieldsOf, readAll} from "../schema"

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

  @state() private fields: Field[] = []
  @state() private drafts: Record<string, Draft> = {}
  @state() private errors: Record<string, string> = {}
  @state() private failure: Error | null = null
  @state() private preview: string | null = null
  @state() private isBusy = false
  #filledFor: string | null = null

  get #task(): Task | undefined {
    return taskNamed(this.catalog, this.name)
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("name") || changed.has("from")) this.#filledFor = null
    const task = this.#task
    if (task && this.#filledFor === null) void this.#fill(task)
  }

  async #fill(task: Task): Promise<void> {
    this.#filledFor = task.name
    this.fields = fieldsOf(task.parameters)
    this.errors = {}
    this.failure = null
    this.preview = null
    this.drafts = {}
    for (const field of [...this.fields, ...OPTIONS]) {
      this.drafts[field.name] = draftOf(field, field.preset)
    }
    if (this.from === null) return
    try {
      const {arguments: before} = await this.client.job(this.from).details()
      const entries = this.fields.map(field => [
        field.name,
        draftOf(field, field.name in before ? before[field.name] : field.preset),
      ])
      this.drafts = {...this.drafts, ...Object.fromEntries(entries)}
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
    const own = new Set(this.fields.map(field => field.name))
    const options = OPTIONS.filter(field => !own.has(field.name))
    return html`
      <p class="quiet"><a href="#/tasks">Tasks</a></p>
      <h1>${task.title || task.name}</h1>
      ${task.help ? html`<p class="prose">${task.help}</p>` : ""}
      <form class="stack" data-testid="task-form" novalidate @submit=${this.#run}>
        ${this.#summary()}
        ${this.fields.map(field => this.#field(field))}
        <details ?open=${options.some(({name}) => this.errors[name])}>
          <summary>Options</summary>
          ${options.map(field => this.#field(field))}
        </details>
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

  #field(field: Field): TemplateResult {
    const draft = this.drafts[field.name] ?? draftOf(field, field.preset)
    return fieldTemplate(field, draft, this.errors[field.name], next => {
      this.drafts = {...this.drafts, [field.name]: next}
      this.preview = null
    })
  }

  /** Errors that belong to no field of the form, and how many others there are. */
  #summary(): TemplateResult | string {
    if (this.failure) return problem(this.failure)
    const names = Object.keys(this.errors)
    if (names.length === 0) return ""
    const shown = new Set([...this.fields, ...OPTIONS].map(field => field.name))
    return html`
      <div class="notice bad" role="alert">
        <p>${names.length === 1 ? "One field needs" : `${names.length} fields need`} a change.</p>
        ${names
          .filter(name => !shown.has(name))
          .map(name => html`<p><strong>${name}</strong>: ${this.errors[name]}</p>`)}
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
      const {argv, position} = await this.client.check(this.name, args, options)
      const place =
        position === 0 ? "It would start at once." : `It would be number ${position} in line.`
      this.preview = `${argv.map(quoted).join(" ")}\n\n${place}`
    })
  }

  async #submit(
    act: (args: Record<string, unknown>, options: ExecOptions) => Promise<void>,
  ): Promise<void> {
    const {args, errors} = readAll(this.fields, this.drafts)
    const options = readAll(OPTIONS, this.drafts)
    this.errors = {...errors, ...options.errors}
    this.failure = null
    this.preview = null
    if (Object.keys(this.errors).length > 0) return this.#focusError()
    this.isBusy = true
    try {
      await act(args, options.args)
    } catch (error) {
      this.errors = error instanceof TaskRealmError ? byField(error.fields) : {}
      if (Object.keys(this.errors).length === 0) this.failure = error as Error
      await this.#focusError()
    } finally {
      this.isBusy = false
    }
  }

  /** Put the focus on the first field that needs a change. */
  async #focusError(): Promise<void> {
    await this.updateComplete
    const wrong = [...this.fields, ...OPTIONS].find(({name}) => this.errors[name])
    const control = wrong && this.querySelector(`#${CSS.escape(controlId(wrong.name))}`)
    const target = control?.matches("fieldset") ? control.querySelector("input") : control
    ;(target as HTMLElement | null | undefined)?.focus()
  }
}

function unknown(name: string): string {
  return `There is no task ${name}, or you may not run it.`
}

/** Errors of parts of a field (`sizes.0`) count for the field. */
function byField(fields: Readonly<Record<string, string>>): Record<string, string> {
  const errors: Record<string, string> = {}
  for (const [path, sentence] of Object.entries(fields)) {
    const name = path.split(/[.[]/, 1)[0] ?? path
    errors[name] = errors[name] ? `${errors[name]}; ${sentence}` : sentence
  }
  return errors
}

/** *word* as a shell would need it, for reading only. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
