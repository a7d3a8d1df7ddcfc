/** Controls that one types into. */

import {html, nothing, type TemplateResult} from "lit"
import type {Draft} from "../../drafts/draft"
import type {Field} from "../../schema"
import {words} from "../../words"
import type {Marks} from "../field"

/** A control for *field*, whatever it is, that holds text. */
export function typedControl(
  field: Field,
  draft: string,
  marks: Marks,
  onInput: (draft: Draft) => void,
): TemplateResult {
  const onText = (event: Event) => onInput((event.target as HTMLInputElement).value)
  const isLong = ["multiline", "lines", "json"].includes(field.kind) || draft.includes("\n")
  return isLong ? area(field, draft, marks, onText) : line(field, draft, marks, onText, onInput)
}

function area(
  field: Field,
  draft: string,
  {id, describedBy, invalid}: Marks,
  onText: (event: Event) => void,
): TemplateResult {
  const isJson = field.kind === "json"
  return html`<textarea
    id=${id}
    part="control"
    rows=${field.kind === "multiline" ? 5 : 3}
    spellcheck=${field.kind === "multiline" ? "true" : "false"}
    class=${isJson ? "code" : nothing}
    placeholder=${field.placeholder || (isJson ? words.form.json : nothing)}
    aria-required=${field.required}
    aria-invalid=${invalid}
    aria-describedby=${describedBy}
    .value=${draft}
    @input=${onText}
  ></textarea>`
}

function line(
  field: Field,
  draft: string,
  {id, describedBy, invalid}: Marks,
  onText: (event: Event) => void,
  onInput: (draft: Draft) => void,
): TemplateResult {
  const note = noteOf(field)
  return html`<span class="beside"
    ><input
      id=${id}
      part="control"
      type=${inputType(field)}
      class=${`is-${field.kind}`}
      inputmode=${inputMode(field)}
      step=${field.kind === "datetime" || field.kind === "time" ? "any" : nothing}
      placeholder=${field.placeholder || placeholderOf(field)}
      autocomplete=${field.kind === "secret" ? "new-password" : "off"}
      spellcheck=${field.kind === "text" ? nothing : "false"}
      autocapitalize=${field.kind === "text" ? nothing : "off"}
      aria-required=${field.required}
      aria-invalid=${invalid}
      aria-describedby=${describedBy}
      .value=${draft}
      @input=${onText}
      @keydown=${(event: KeyboardEvent) => step(event, field, onInput)}
    />${note ? html`<span class="range">${note}</span>` : ""}</span
  >`
}

function inputType({kind}: Field): string {
  if (kind === "secret") return "password"
  if (kind === "datetime") return "datetime-local"
  return kind === "date" || kind === "time" ? kind : "text"
}

/** The keyboard of a phone; those for numbers have no minus. */
function inputMode({kind, whole, minimum, above}: Field): string | typeof nothing {
  const least = minimum ?? above
  if (kind !== "number" || least === undefined || least < 0) return nothing
  return whole ? "numeric" : "decimal"
}

function placeholderOf({kind}: Field): string | typeof nothing {
  return kind === "duration" ? words.form.durationExample : nothing
}

/** What stands beside a control: its unit, its range, its zone. */
function noteOf({kind, unit, minimum, maximum, above, below}: Field): string {
  if (kind === "datetime") return words.form.zone(zone())
  if (kind === "path") return words.form.serverFile
  if (kind === "secret") return words.form.secretKept
  if (kind !== "number") return unit
  const text = words.form
  const range =
    minimum !== undefined && maximum !== undefined
      ? [text.between(minimum, maximum)]
      : [
          minimum === undefined ? "" : text.fromOn(minimum),
          above === undefined ? "" : text.moreThan(above),
          maximum === undefined ? "" : text.upTo(maximum),
          below === undefined ? "" : text.lessThan(below),
        ]
  return [unit, ...range].filter(Boolean).join(" · ")
}

function zone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone.replaceAll("_", " ")
}

/** Arrow keys make a whole number larger or smaller, within its range. */
function step(event: KeyboardEvent, field: Field, onInput: (draft: Draft) => void): void {
  const direction = {ArrowUp: 1, ArrowDown: -1}[event.key]
  if (direction === undefined || field.kind !== "number" || !field.whole) return
  const {value} = event.target as HTMLInputElement
  if (value !== "" && !Number.isInteger(Number(value))) return
  event.preventDefault()
  const {minimum, maximum, multipleOf} = field
  const next = value === "" ? (minimum ?? 0) : Number(value) + direction * (multipleOf ?? 1)
  const {POSITIVE_INFINITY: endless} = Number
  onInput(String(Math.min(Math.max(next, minimum ?? -endless), maximum ?? endless)))
}
