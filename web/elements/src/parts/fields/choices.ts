/** Controls to choose with: buttons for few, a list for some, a search among many. */

import {html, nothing, type TemplateResult} from "lit"
import type {Draft} from "../../drafts/draft"
import {type Field, isSame, titleOf} from "../../schema"
import {words} from "../../words"
import type {Marks} from "../field"
import "./checklist"
import "./combobox"

/** Up to this many choices are shown at once. */
const RADIOS = 4

/** Up to this many stand in a list without a search. */
const LISTED = 10

/** A choice as a control has it: the JSON of its value, and its title. */
export type Option = readonly [json: string, title: string]

/** Whether all choices are shown at once. */
export function isShort({choices, computed}: Field): boolean {
  return choices.length <= RADIOS && computed === null
}

/** A control for a `choice`. */
export function choiceControl(
  field: Field,
  draft: string,
  marks: Marks,
  onInput: (draft: Draft) => void,
): TemplateResult {
  const options = offers(field, draft)
  if (isShort(field)) return radios(options, marks, draft, onInput)
  if (field.choices.length <= LISTED) return select(field, options, draft, marks, onInput)
  return html`<taskrealm-combobox
    .inputId=${marks.id}
    .label=${field.title}
    .options=${options}
    .value=${draft}
    .describedBy=${marks.describedBy === nothing ? "" : marks.describedBy}
    .isInvalid=${marks.invalid !== nothing}
    .isRequired=${field.required}
    .onChoose=${onInput}
  ></taskrealm-combobox>`
}

/** A control for `choices`. */
export function ticks(
  field: Field,
  draft: string[],
  {id}: Marks,
  onInput: (draft: Draft) => void,
): TemplateResult {
  const known = field.choices.map((choice): Option => [JSON.stringify(choice.value), choice.title])
  const gone = draft
    .filter(json => !known.some(([each]) => each === json))
    .map((json): Option => [json, titleOf(JSON.parse(json))])
  return html`<taskrealm-checklist
    .name=${id}
    .label=${field.title}
    .options=${[...known, ...gone]}
    .value=${draft}
    .isSearched=${known.length > LISTED}
    .onChoose=${onInput}
  ></taskrealm-checklist>`
}

/** What there is to choose; no choice at all where that is allowed, and what was chosen before. */
function offers(field: Field, draft: string): Option[] {
  const {choices, required, nullable, preset} = field
  const all = choices.map((choice): Option => [jsonOf(choice.value, draft), choice.title])
  const isGone = draft !== "" && !all.some(([json]) => json === draft)
  const gone: Option[] = isGone ? [[draft, titleOf(JSON.parse(draft))]] : []
  const canBeNone = nullable || (!required && preset === undefined)
  return [...(canBeNone ? [["", words.form.none] as const] : []), ...all, ...gone]
}

/** The draft that stands for *value*; the same value may be written in another order. */
function jsonOf(value: unknown, draft: string): string {
  return draft !== "" && isSame(JSON.parse(draft), value) ? draft : JSON.stringify(value)
}

function radios(
  options: readonly Option[],
  {id}: Marks,
  draft: string,
  onInput: (draft: Draft) => void,
): TemplateResult {
  return html`<div class="options">
    ${options.map(
      ([json, title]) => html`
        <label class="option">
          <input
            type="radio"
            name=${id}
            value=${json}
            .checked=${draft === json}
            @change=${() => onInput(json)}
          />
          <span>${title}</span>
        </label>
      `,
    )}
  </div>`
}

function select(
  field: Field,
  options: readonly Option[],
  draft: string,
  {id, describedBy, invalid}: Marks,
  onInput: (draft: Draft) => void,
): TemplateResult {
  const mustChoose = draft === "" && !options.some(([json]) => json === "")
  return html`<select
    id=${id}
    part="control"
    aria-required=${field.required}
    aria-invalid=${invalid}
    aria-describedby=${describedBy}
    @change=${(event: Event) => onInput((event.target as HTMLSelectElement).value)}
  >
    ${mustChoose ? html`<option value="" selected disabled>${words.form.choose}</option>` : ""}
    ${options.map(
      ([json, title]) => html`<option value=${json} .selected=${draft === json}>${title}</option>`,
    )}
  </select>`
}
