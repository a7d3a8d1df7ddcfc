/** A question of a running job, as a small form. */

import {type Job, type Question, TaskRealmError} from "@taskrealm/client"
import {css, html, LitElement, type TemplateResult} from "lit"
import {customElement, property, state} from "lit/decorators.js"
import {Form} from "../form"
import {moment, pretty} from "../format"
import {type Field, fieldsOf} from "../schema"
import {basics, theme} from "../styles"
import {words} from "../words"
import {fieldTemplate} from "./field"
import {fieldStyles} from "./field-styles"
import {problem} from "./notice"

@customElement("tr-question")
export class QuestionForm extends LitElement {
  static override styles = [
    theme,
    basics,
    fieldStyles,
    css`
      .question {
        background: var(--card);
        border: 1px solid var(--line);
        border-left: 4px solid var(--accent);
        overflow-wrap: anywhere;
      }

      h2 {
        font-size: 1.1rem;
        margin: 0 0 0.75rem;
      }

      .row + .quiet,
      form + .quiet {
        margin-top: 0.75rem;
      }
    `,
  ]

  @property({attribute: false}) job!: Job
  @property({attribute: false}) question!: Question
  @state() private failure: Error | null = null
  @state() private isBusy = false
  #form: Form | null = null

  protected override render(): TemplateResult {
    const {question, text} = this.question
    this.#form ??= new Form([fieldOf(this.question)])
    const [field] = this.#form.fields as [Field]
    const title = `question-${question}`
    return html`
      <section class="notice question" aria-labelledby=${title} data-testid="job-question">
        <h2 id=${title}>${text}</h2>
        ${this.failure ? problem(this.failure) : ""}
        ${isYesOrNo(field) ? this.#buttons() : this.#fields(this.#form, field)}
        ${this.#note()}
      </section>
    `
  }

  #buttons(): TemplateResult {
    return html`
      <div class="row">
        <button ?disabled=${this.isBusy} @click=${() => this.#answer(true)}>${words.job.yes}</button>
        <button ?disabled=${this.isBusy} @click=${() => this.#answer(false)}>${words.job.no}</button>
      </div>
    `
  }

  #fields(form: Form, field: Field): TemplateResult {
    const binding = {
      draft: form.draft(field),
      error: form.errors[field.name],
      onInput: (draft: ReturnType<Form["draft"]>) => {
        form.type(field, draft)
        this.requestUpdate()
      },
    }
    return html`
      <form class="stack" novalidate @submit=${this.#submit}>
        ${fieldTemplate(field, `answer-${this.question.question}`, binding)}
        <div class="row"><button class="primary" ?disabled=${this.isBusy}>${words.job.answer}</button></div>
      </form>
    `
  }

  /** Until when, and what then. */
  #note(): TemplateResult | string {
    const {expires_at} = this.question
    if (expires_at === null) return ""
    const until = moment(expires_at)
    const note =
      "default" in this.question
        ? words.job.untilDefault(until, inWords(this.question.default))
        : words.job.untilNobody(until)
    return html`<p class="quiet">${note}</p>`
  }

  async #submit(event: SubmitEvent): Promise<void> {
    event.preventDefault()
    const values = this.#form?.read()
    if (values) await this.#answer(values.value)
    else this.requestUpdate()
  }

  async #answer(value: unknown): Promise<void> {
    this.isBusy = true
    this.failure = null
    try {
      await this.job.answer(this.question.question, value)
    } catch (error) {
      const fields = error instanceof TaskRealmError ? error.fields : {}
      this.#form?.refuse(fields)
      if (Object.keys(fields).length === 0) this.failure = error as Error
    } finally {
      this.isBusy = false
    }
  }
}

/** The one field of the form; its value is sent as it stands there. */
function fieldOf({schema, ...question}: Question): Field {
  const preset = "default" in question ? {default: question.default} : {}
  const property = {title: words.job.yourAnswer, ...schema, ...preset}
  const [field] = fieldsOf({properties: {value: property}, required: ["value"]}) as [Field]
  return field
}

function isYesOrNo({kind, nullable}: Field): boolean {
  return kind === "boolean" && !nullable
}

/** An answer as people say it. */
export function inWords(value: unknown): string {
  if (typeof value === "boolean") return value ? words.job.yes : words.job.no
  return pretty(value)
}
