/** The form of a task: filled in, checked, run. */

import {type ExecOptions, type Job, type Task, TaskRealmError} from "@taskrealm/client"
import {type CSSResultGroup, html, type PropertyValues, type TemplateResult} from "lit"
import {customElement, property, state} from "lit/decorators.js"
import {Resource} from "./controllers"
import type {Request} from "./copy-as"
import {Filling} from "./filling"
import type {Form} from "./form"
import {type FieldContext, fieldTemplate} from "./parts/field"
import {fieldStyles} from "./parts/field-styles"
import {loading, problem} from "./parts/notice"
import {type Check, preview} from "./parts/preview"
import {summary, type Wrong, wrongIn} from "./parts/summary"
import {RealmElement} from "./realm-element"
import type {Field} from "./schema"
import {basics, theme} from "./styles"
import {formStyles} from "./task-form-styles"
import {words} from "./words"

/** What a page is told when a job was accepted. */
export interface AcceptedDetail {
  job_id: string
  job: Job
}

/** What a page is told when a request was refused: a sentence for each field, or for all. */
export interface RefusedDetail {
  fields: Readonly<Record<string, string>>
  code: string
  message: string
}

/**
 * Shows the form of one task, whatever its parameters are, and runs it.
 *
 * What was typed survives errors and a reload of the page; secrets are kept nowhere. A file is
 * sent as soon as it is chosen.
 *
 * @fires taskrealm-accepted - `{job_id, job}`: there is a job
 * @fires taskrealm-refused - `{fields, code, message}`: the node has refused the request
 * @slot actions - beside the buttons
 * @csspart form field label control help error group drop-zone summary preview actions
 */
@customElement("taskrealm-form")
export class TaskForm extends RealmElement {
  static override styles: CSSResultGroup = [theme, basics, fieldStyles, formStyles]

  /** The name of the task. */
  @property() task = ""
  /** What the form is filled with, by the names of the parameters; as an attribute, JSON. */
  @property({converter: {fromAttribute: valuesFrom}}) values: Readonly<Record<string, unknown>> = {}
  /** What stands on the button; "Run" unless given. */
  @property({attribute: "submit-label"}) submitLabel: string | null = null
  /** Whether priority, time limit and the like are left out. */
  @property({attribute: "no-options", type: Boolean}) noOptions = false
  /** What is known of the task, where the page has asked already. */
  @property({attribute: false}) definition: Task | null = null
  /** Names what the form was filled with: only what was typed into the same form comes back. */
  @property({attribute: false}) source = ""

  @state() private failure: Error | null = null
  /** Refused fields that the form does not have. */
  @state() private others: Record<string, string> = {}
  @state() private preview: Check | null = null
  @state() private isBusy = false
  #filling = new Filling(
    () => this.client,
    () => this.requestUpdate(),
  )
  #schema = ""
  #isPressed = false
  #tasks = new Resource<readonly Task[]>(this, async () =>
    this.definition ? [this.definition] : await this.client.tasks(),
  )
  #stops: (() => void)[] = []

  override connectedCallback(): void {
    super.connectedCallback()
    this.#stops = [
      this.client.on("catalog", () => void this.#tasks.load()),
      this.client.on("status", () => this.requestUpdate()),
    ]
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    for (const stop of this.#stops) stop()
    this.#filling.stop()
  }

  get #task(): Task | undefined {
    const found = this.#tasks.value?.find(({name}) => name === this.task)
    return this.definition?.name === this.task ? this.definition : found
  }

  /** What would be run as the form stands: what does not fit is left out, and so are secrets. */
  get request(): Request {
    const {args, options, secrets} = this.#filling.request
    return {task: this.task, args, options: this.noOptions ? {} : options, secrets}
  }

  /** Let the form have *values*, and the task's defaults for what is not among them. */
  fill(values: Readonly<Record<string, unknown>>): void {
    this.#filling.fill(values)
    this.failure = null
    this.others = {}
    this.#touched()
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    const task = this.#task
    if (!task) return
    const schema = JSON.stringify([task.parameters, task.retries])
    const isOther = changed.has("task") || changed.has("values") || changed.has("source")
    if (schema !== this.#schema || isOther) this.#begin(task, schema)
  }

  /** Make the form of *task*, filled with what was given or typed before. */
  #begin(task: Task, schema: string): void {
    this.#schema = schema
    this.failure = null
    this.others = {}
    this.preview = null
    this.#filling.begin(task, {values: this.values, source: this.source, schema})
  }

  protected override render(): TemplateResult {
    const task = this.#task
    if (!task) {
      const {value, error} = this.#tasks
      if (value) return problem(new Error(words.form.unknown(this.task)))
      return error ? problem(error) : loading(words.form.what)
    }
    const refusal = this.#refusal(task)
    return html`
      <form
        part="form"
        data-testid="task-form"
        novalidate
        @submit=${this.#run}
        @pointerdown=${this.#press}
        @keydown=${this.#type}
      >
        ${this.#summary()}
        ${this.#filling.form.fields.length > 0 ? this.#sections() : ""}
        ${
          this.noOptions
            ? ""
            : html`<details ?open=${this.#filling.options.firstWrong !== undefined}>
                <summary>${words.form.options}</summary>
                <div class="fields">${this.#fields(this.#filling.options, this.#filling.options.fields, "option")}</div>
              </details>`
        }
        ${this.preview ? preview(this.preview) : ""}
        <div class="actions" part="actions">
          <button class="primary" aria-disabled=${this.isBusy} ?disabled=${refusal !== null}>
            ${this.submitLabel ?? words.form.run}
          </button>
          <button type="button" aria-disabled=${this.isBusy} @click=${this.#check}>
            ${words.form.check}
          </button>
          <slot name="actions"></slot>
          ${refusal ? html`<span class="quiet" role="status">${refusal}</span>` : ""}
          ${
            this.isBusy && this.#filling.sendings.isBusy
              ? html`<span class="quiet" role="status">${words.form.whenSent}</span>`
              : ""
          }
        </div>
      </form>
    `
  }

  /** Why the visitor may not run it; null if that is possible. */
  #refusal(task: Task): string | null {
    const isBarred = task.rights !== undefined && !task.rights.includes("run")
    return isBarred || this.client.scope.read_only ? words.form.mayNotRun : null
  }

  /** The fields, those of one heading together. */
  #sections(): TemplateResult {
    const sections: {heading: string; fields: Field[]}[] = []
    for (const field of this.#filling.form.fields) {
      const known = sections.find(({heading}) => heading !== "" && heading === field.heading)
      const last = sections.at(-1)
      if (known) known.fields.push(field)
      else if (last?.heading === "" && field.heading === "") last.fields.push(field)
      else sections.push({heading: field.heading, fields: [field]})
    }
    return html`<div class="fields">
      ${sections.map(({heading, fields}) => {
        const shown = this.#fields(this.#filling.form, fields, "argument")
        return heading === ""
          ? shown
          : html`<fieldset class="heading"><legend>${heading}</legend>${shown}</fieldset>`
      })}
    </div>`
  }

  #fields(form: Form, fields: readonly Field[], prefix: string): unknown[] {
    const context: FieldContext = {
      errorAt: place => form.errors[place],
      offersOf: field => this.#filling.choices?.of(field),
      sendings: this.#filling.sendings,
    }
    return fields.map(
      field => html`<div
        data-field=${field.name}
        @focusout=${(event: FocusEvent) => this.#leave(event, form, field)}
      >
        ${fieldTemplate(field, `${prefix}-${field.name}`, {
          draft: form.draft(field),
          error: form.errors[field.name],
          context,
          onInput: draft => {
            form.type(field, draft)
            const isFile = field.kind === "file" || field.kind === "files"
            if (form.isWrong(field) || isFile) form.check(field)
            this.#touched()
          },
        })}
      </div>`,
    )
  }

  #touched(): void {
    this.preview = null
    this.#filling.touched()
  }

  /** What was typed is checked when one goes on; nothing may move away below a pressed button. */
  #leave(event: FocusEvent, form: Form, field: Field): void {
    const home = event.currentTarget as HTMLElement
    if (this.#isPressed || home.contains(event.relatedTarget as Node | null)) return
    // What the node has refused stays refused until it is changed.
    if (!form.isTyped(field) || form.isWrong(field)) return
    form.check(field)
    this.requestUpdate()
  }

  #press(event: Event): void {
    if (!event.composedPath().some(each => each instanceof HTMLButtonElement)) return
    this.#isPressed = true
    const release = () => {
      this.#isPressed = false
    }
    for (const end of ["pointerup", "pointercancel"]) addEventListener(end, release, {once: true})
  }

  /** Ctrl+Enter runs from wherever one types. */
  #type(event: KeyboardEvent): void {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return
    event.preventDefault()
    this.renderRoot.querySelector("form")?.requestSubmit()
  }

  #summary(): TemplateResult | string {
    if (this.failure) return html`<div part="summary">${problem(this.failure)}</div>`
    const others = Object.entries(this.others)
    return summary(this.#wrong, others, id => this.#focus(id))
  }

  /** What needs a change, in the order in which it stands there. */
  get #wrong(): Wrong[] {
    const {form, options} = this.#filling
    return [...wrongIn(form, "argument"), ...(this.noOptions ? [] : wrongIn(options, "option"))]
  }

  async #run(event: SubmitEvent): Promise<void> {
    event.preventDefault()
    const task = this.#task
    if (this.isBusy || !task || this.#refusal(task)) return
    await this.#submit(async (args, options) => {
      const job = await this.client.exec(this.task, args, options)
      this.#filling.forget()
      this.tell<AcceptedDetail>("taskrealm-accepted", {job_id: job.id, job})
    })
  }

  async #check(): Promise<void> {
    if (this.isBusy) return
    await this.#submit(async (args, options) => {
      this.preview = await this.client.check(this.task, args, options)
    })
    await this.updateComplete
    this.renderRoot.querySelector(".preview")?.scrollIntoView({block: "nearest"})
  }

  async #submit(
    act: (args: Record<string, unknown>, options: ExecOptions) => Promise<void>,
  ): Promise<void> {
    const args = this.#filling.form.read()
    const options = this.noOptions ? {} : this.#filling.options.read()
    this.failure = null
    this.others = {}
    this.preview = null
    if (args === null || options === null) return this.#focusError()
    this.isBusy = true
    try {
      const ready = await this.#filling.sendings.settled(args)
      if (ready !== null) await act(ready, options as ExecOptions)
    } catch (error) {
      const refused = error instanceof TaskRealmError ? error.fields : {}
      this.others = this.#filling.options.refuse(this.#filling.form.refuse(refused))
      if (Object.keys(refused).length === 0) this.failure = error as Error
      const {message} = error as Error
      const code = error instanceof TaskRealmError ? error.code : "not_sent"
      this.tell<RefusedDetail>("taskrealm-refused", {fields: refused, code, message})
      await this.#focusError()
    } finally {
      this.isBusy = false
    }
  }

  /** Put the focus on the first field that needs a change, or on what went wrong. */
  async #focusError(): Promise<void> {
    this.requestUpdate()
    await this.updateComplete
    const [first] = this.#wrong
    if (first) this.#focus(first.id)
    else this.renderRoot.querySelector("[part=summary]")?.scrollIntoView({block: "nearest"})
  }

  /** Focus the control for the place *id*, or the innermost one around it. */
  #focus(id: string): void {
    for (
      let place = id;
      place !== "";
      place = place.slice(0, Math.max(place.lastIndexOf("."), 0))
    ) {
      const found = this.renderRoot.querySelector<HTMLElement>(`#${CSS.escape(place)}`)
      if (!found) continue
      found.closest("details")?.setAttribute("open", "")
      const inner = found.querySelector<HTMLElement>("input, select, textarea, button")
      ;(found.matches("fieldset") ? (inner ?? found) : found).focus()
      return
    }
  }
}

/** @throws {SyntaxError} the attribute is not JSON */
function valuesFrom(text: string | null): Readonly<Record<string, unknown>> {
  return text ? JSON.parse(text) : {}
}

declare global {
  interface HTMLElementTagNameMap {
    "taskrealm-form": TaskForm
  }
}
