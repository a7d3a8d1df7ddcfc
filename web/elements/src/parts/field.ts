/** One field of a form. */

import {html, nothing, type TemplateResult} from "lit"
import {type Draft, isJson} from "../drafts/draft"
import type {Field} from "../schema"
import type {Sendings} from "../sending"
import {words} from "../words"
import {choiceControl, isShort, ticks} from "./fields/choices"
import {compoundTemplate, isCompound} from "./fields/compounds"
import {fileControl} from "./fields/files"
import {typedControl} from "./fields/typed"

/** What a field shows of the form around it. */
export interface FieldContext {
  /** What is wrong at a place, such as `size.width`. */
  errorAt(place: string): string | undefined
  /** Whether computed choices of the field are being asked for, and why they have not come. */
  offersOf?(field: Field): Offers | undefined
  /** Where chosen files are sent at once. */
  sendings?: Sendings
}

/** How things stand with the computed choices of a field. */
export interface Offers {
  isBusy: boolean
  error: Error | null
  /** Whether there are more than have come. */
  hasMore: boolean
  ask(): void
}

/** What stands in a field, and where what is typed goes. */
export interface Binding {
  draft: Draft
  error: string | undefined
  onInput(draft: Draft): void
  context?: FieldContext
  /** The place of the field in the form; its name unless given. */
  place?: string
}

/** What a control says about itself to assistive technology. */
export interface Marks {
  id: string
  describedBy: string | typeof nothing
  invalid: string | typeof nothing
}

/** A labelled control with its help and its error; *id* is unique in the page. */
export function fieldTemplate(field: Field, id: string, binding: Binding): unknown {
  if (field.kind === "constant") return nothing
  const {error, draft} = binding
  const help = helpOf(field)
  const describedBy =
    [error ? `${id}-error` : "", help ? `${id}-help` : ""].filter(Boolean).join(" ") || nothing
  const marks: Marks = {id, describedBy, invalid: error ? "true" : nothing}
  const offers = field.computed ? offersNote(binding.context?.offersOf?.(field), field) : ""
  const notes = html`${offers}
    ${help ? html`<p class="help" part="help" id=${`${id}-help`}>${help}</p>` : ""}
    ${error ? html`<p class="error" part="error" id=${`${id}-error`}>${error}</p>` : ""}`
  if (isJson(draft) || (isCompound(field) && field.kind !== "json")) {
    return isJson(draft)
      ? labelled(field, marks, jsonControl(draft.json, marks, binding), notes)
      : compoundTemplate(field, marks, binding, labelOf(field), notes, fieldTemplate)
  }
  const control = controlOf(field, binding, marks)
  if (field.kind === "choices" || (field.kind === "choice" && isShort(field))) {
    return html`
      <fieldset class="field" part="field" aria-describedby=${describedBy} id=${id} tabindex="-1">
        <legend part="label">${labelOf(field)}</legend>
        ${control}${notes}
      </fieldset>
    `
  }
  if (field.kind === "boolean") {
    return html`<div class="field" part="field">
      <div class="tick">${control}<label part="label" for=${id}>${labelOf(field)}</label></div>
      ${notes}
    </div>`
  }
  return labelled(field, marks, control, notes)
}

function labelled(field: Field, {id}: Marks, control: unknown, notes: unknown): TemplateResult {
  return html`<div class="field" part="field">
    <label part="label" for=${id}>${labelOf(field)}</label>${control}${notes}
  </div>`
}

function controlOf(field: Field, binding: Binding, marks: Marks): unknown {
  const {draft, onInput, context} = binding
  switch (field.kind) {
    case "boolean":
      return html`<input
        type="checkbox"
        role="switch"
        id=${marks.id}
        .checked=${draft === true}
        aria-invalid=${marks.invalid}
        aria-describedby=${marks.describedBy}
        @change=${(event: Event) => onInput((event.target as HTMLInputElement).checked)}
      />`
    case "choice":
      return choiceControl(field, draft as string, marks, onInput)
    case "choices":
      return ticks(field, draft as string[], marks, onInput)
    case "file":
    case "files":
      return fileControl(field, draft, marks, onInput, context?.sendings)
    default:
      return typedControl(field, draft as string, marks, onInput)
  }
}

function jsonControl(json: string, {id, describedBy, invalid}: Marks, {onInput}: Binding) {
  return html`<textarea
      id=${id}
      class="code"
      rows="4"
      spellcheck="false"
      aria-invalid=${invalid}
      aria-describedby=${describedBy}
      .value=${json}
      @input=${(event: Event) => onInput({json: (event.target as HTMLTextAreaElement).value})}
    ></textarea>
    <p class="help">${words.form.asJson}</p>`
}

function helpOf({help, kind}: Field): string {
  return kind === "lines" ? `${help} ${words.form.onePerLine}`.trim() : help
}

function labelOf({title, required, kind, preset}: Field): TemplateResult {
  // What has a default is filled in already.
  const isMarked = !required && kind !== "boolean" && (preset === undefined || preset === null)
  return html`${title}${isMarked ? html` <span class="quiet">${words.form.optional}</span>` : ""}`
}

function offersNote(offers: Offers | undefined, field: Field): TemplateResult | string {
  if (!offers) return ""
  if (offers.isBusy) return html`<p class="help busy" role="status">${words.form.looking}</p>`
  if (offers.error) {
    return html`<p class="error" part="error" role="status">${offers.error.message}</p>
      <button type="button" class="small" @click=${offers.ask}>${words.form.askAgain}</button>`
  }
  if (field.choices.length === 0) return html`<p class="help">${words.form.nothingOffered}</p>`
  return offers.hasMore ? html`<p class="help">${words.form.someOffered}</p>` : ""
}
