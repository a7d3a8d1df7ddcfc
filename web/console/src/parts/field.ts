/** One field of a task's form. */

import {html, nothing, type TemplateResult} from "lit"
import {pretty} from "../format"
import type {Draft, Field, FileDraft} from "../schema"

/** Up to this many choices are shown at once. */
const RADIOS = 4

/** What stands in a field, and where what is typed goes. */
export interface Binding {
  draft: Draft
  error: string | undefined
  onInput(draft: Draft): void
}

/** A labelled control with its help and its error; *id* is unique in the page. */
export function fieldTemplate(field: Field, id: string, binding: Binding): TemplateResult {
  const {error} = binding
  const describedBy =
    [error ? `${id}-error` : "", field.help ? `${id}-help` : ""].filter(Boolean).join(" ") ||
    nothing
  const control = controlOf(field, binding, {
    id,
    describedBy,
    invalid: error ? "true" : nothing,
  })
  const notes = html`
    ${field.help ? html`<p class="help" id=${`${id}-help`}>${field.help}</p>` : ""}
    ${error ? html`<p class="error" id=${`${id}-error`}>${error}</p>` : ""}
  `
  if (field.kind === "choices" || (field.kind === "choice" && isShort(field))) {
    return html`
      <fieldset class="field" aria-describedby=${describedBy}>
        <legend>${labelOf(field)}</legend>
        ${control}${notes}
      </fieldset>
    `
  }
  const label = html`<label for=${id}>${labelOf(field)}</label>`
  return field.kind === "boolean"
    ? html`<div class="field"><div class="tick">${control}${label}</div>${notes}</div>`
    : html`<div class="field">${label}${control}${notes}</div>`
}

function labelOf({title, required, kind}: Field): TemplateResult {
  const isMarked = !required && kind !== "boolean"
  return html`${title}${isMarked ? html` <span class="quiet">(optional)</span>` : ""}`
}

function isShort({choices}: Field): boolean {
  return choices.length <= RADIOS
}

/** What a control says about itself to assistive technology. */
interface Marks {
  id: string
  describedBy: string | typeof nothing
  invalid: string | typeof nothing
}

function controlOf(field: Field, {draft, onInput}: Binding, marks: Marks): TemplateResult {
  const {id, describedBy, invalid} = marks
  const onText = (event: Event) => onInput((event.target as HTMLInputElement).value)
  switch (field.kind) {
    case "boolean":
      return html`<input
        type="checkbox"
        id=${id}
        .checked=${draft === true}
        aria-invalid=${invalid}
        aria-describedby=${describedBy}
        @change=${(event: Event) => onInput((event.target as HTMLInputElement).checked)}
      />`
    case "choice":
      return isShort(field)
        ? radios(field, id, draft, onInput)
        : select(field, draft, marks, onText)
    case "choices":
      return ticks(field, draft as number[], onInput)
    case "file":
    case "files":
      return fileInput(field, draft as FileDraft, marks, onInput)
    case "multiline":
    case "lines":
    case "json":
      return html`<textarea
        id=${id}
        rows=${field.kind === "multiline" ? 5 : 3}
        spellcheck=${field.kind === "multiline"}
        class=${field.kind === "json" ? "code" : nothing}
        placeholder=${field.kind === "json" ? "JSON" : field.placeholder}
        aria-required=${field.required}
        aria-invalid=${invalid}
        aria-describedby=${describedBy}
        .value=${draft as string}
        @input=${onText}
      ></textarea>`
    default:
      return html`<input
          id=${id}
          type=${field.kind === "secret" ? "password" : field.kind}
          inputmode=${inputMode(field)}
          step=${field.kind === "number" && !field.whole ? "any" : nothing}
          min=${field.minimum ?? nothing}
          max=${field.maximum ?? nothing}
          placeholder=${field.placeholder || nothing}
          autocomplete="off"
          aria-required=${field.required}
          aria-invalid=${invalid}
          aria-describedby=${describedBy}
          .value=${draft as string}
          @input=${onText}
        />
        ${field.kind === "number" ? html`<span class="range">${range(field)}</span>` : ""}`
  }
}

/** Chooses files; what is dropped on it is taken too, as browsers do. */
function fileInput(
  {kind, accept, required}: Field,
  {files}: FileDraft,
  {id, describedBy, invalid}: Marks,
  onInput: (draft: Draft) => void,
): TemplateResult {
  const onChoose = ({target}: Event) =>
    onInput({files: [...((target as HTMLInputElement).files ?? [])]})
  const kept = files.filter(file => typeof file === "string").length
  return html`<input
      type="file"
      id=${id}
      accept=${accept.length > 0 ? accept.join(",") : nothing}
      ?multiple=${kind === "files"}
      aria-required=${required}
      aria-invalid=${invalid}
      aria-describedby=${describedBy}
      @change=${onChoose}
    />
    ${kept > 0 ? html`<p class="help">${kept === 1 ? "The file" : `The ${kept} files`} of that job, if none is chosen.</p>` : ""}`
}

function inputMode({kind, whole, minimum}: Field): string | typeof nothing {
  if (kind !== "number" || minimum === undefined || minimum < 0) return nothing
  return whole ? "numeric" : "decimal"
}

function range({minimum, maximum}: Field): string {
  if (minimum === undefined) return maximum === undefined ? "" : `at most ${maximum}`
  return maximum === undefined ? `at least ${minimum}` : `${minimum} to ${maximum}`
}

/** The choices with their indexes as values; no choice at all where that is allowed. */
function offers({choices, required, nullable, preset}: Field): [value: string, label: string][] {
  const all = choices.map((choice, index): [string, string] => [`${index}`, pretty(choice)])
  const canBeNone = nullable || (!required && preset === undefined)
  return canBeNone ? [["", "none"], ...all] : all
}

function radios(
  field: Field,
  id: string,
  draft: Draft,
  onInput: (draft: Draft) => void,
): TemplateResult {
  return html`<div class="options">
    ${offers(field).map(
      ([value, label]) => html`
        <label>
          <input
            type="radio"
            name=${id}
            value=${value}
            .checked=${draft === value}
            @change=${() => onInput(value)}
          />
          ${label}
        </label>
      `,
    )}
  </div>`
}

function select(
  field: Field,
  draft: Draft,
  {id, describedBy, invalid}: Marks,
  onText: (event: Event) => void,
): TemplateResult {
  const mustChoose = draft === "" && !offers(field).some(([value]) => value === "")
  return html`<select
    id=${id}
    aria-required=${field.required}
    aria-invalid=${invalid}
    aria-describedby=${describedBy}
    @change=${onText}
  >
    ${mustChoose ? html`<option value="" selected disabled>Choose …</option>` : ""}
    ${offers(field).map(
      ([value, label]) =>
        html`<option value=${value} .selected=${draft === value}>${label}</option>`,
    )}
  </select>`
}

function ticks(field: Field, draft: number[], onInput: (draft: Draft) => void): TemplateResult {
  const toggle = (index: number) =>
    onInput(draft.includes(index) ? draft.filter(each => each !== index) : [...draft, index])
  return html`<div class="options">
    ${field.choices.map(
      (choice, index) => html`
        <label>
          <input
            type="checkbox"
            .checked=${draft.includes(index)}
            @change=${() => toggle(index)}
          />
          ${pretty(choice)}
        </label>
      `,
    )}
  </div>`
}
