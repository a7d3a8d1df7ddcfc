/** Fields made of fields: groups, lists, names with values, and one of several. */

import {html, nothing, type TemplateResult} from "lit"
import {isOptional, newItem} from "../../drafts"
import type {Draft, GroupDraft, ListDraft, PairsDraft, VariantDraft} from "../../drafts/draft"
import type {Field} from "../../schema"
import {words} from "../../words"
import type {Binding, Marks} from "../field"

/** Shows a field within another one. */
type Show = (field: Field, id: string, binding: Binding) => unknown

/** Up to this many alternatives are shown at once. */
const RADIOS = 4

export function isCompound({kind}: Field): boolean {
  return ["group", "list", "pairs", "variant"].includes(kind)
}

/** A field with others in it, each with its own label and error. */
export function compoundTemplate(
  field: Field,
  marks: Marks,
  binding: Binding,
  label: unknown,
  notes: unknown,
  show: Show,
): TemplateResult {
  const inside = new Inside(field, marks.id, binding, show)
  const content = {
    group: () => inside.group(binding.draft as GroupDraft),
    list: () => inside.list(binding.draft as ListDraft),
    pairs: () => inside.pairs(binding.draft as PairsDraft),
    variant: () => inside.variant(binding.draft as VariantDraft),
  }[field.kind as "group" | "list" | "pairs" | "variant"]
  return html`<fieldset
    class=${`field compound is-${field.kind}`}
    part="field group"
    id=${marks.id}
    tabindex="-1"
    aria-describedby=${marks.describedBy}
  >
    <legend part="label">${label}</legend>
    ${notes}${content()}
  </fieldset>`
}

class Inside {
  readonly #place: string

  constructor(
    private readonly field: Field,
    private readonly id: string,
    private readonly binding: Binding,
    private readonly show: Show,
  ) {
    this.#place = binding.place ?? field.name
  }

  group({isGiven, parts}: GroupDraft): unknown {
    const {field, id, binding} = this
    const mayLack = isOptional(field)
    const give = html`<label class="option">
      <input
        type="checkbox"
        role="switch"
        .checked=${isGiven}
        @change=${(event: Event) =>
          binding.onInput({parts, isGiven: (event.target as HTMLInputElement).checked})}
      />
      <span>${words.form.give(field.title)}</span>
    </label>`
    const isShown = isGiven || !mayLack
    return html`${mayLack ? give : ""}
    ${
      isShown
        ? html`<div class="parts">
            ${field.fields.map(part =>
              this.#inner(part, part.name, `${id}.${part.name}`, parts[part.name] ?? "", draft =>
                binding.onInput({isGiven: true, parts: {...parts, [part.name]: draft}}),
              ),
            )}
          </div>`
        : ""
    }`
  }

  list({items}: ListDraft): unknown {
    const {field, id, binding} = this
    const item = field.item as Field
    const all = items ?? []
    const change = (items: Draft[]) => binding.onInput({items})
    const rows = all.map((draft, index) => {
      const titled = {...item, title: words.form.item(field.title, index + 1)}
      return html`<div class="item">
        ${this.#inner(titled, String(index), `${id}.${index}`, draft, next =>
          change(all.with(index, next)),
        )}
        <div class="row tools">
          ${
            index > 0
              ? html`<button
                  type="button"
                  class="small"
                  aria-label=${words.form.up(field.title, index + 1)}
                  @click=${() => change(all.with(index, all[index - 1] as Draft).with(index - 1, draft))}
                >↑</button>`
              : ""
          }
          ${this.#remove(index, () => change(all.toSpliced(index, 1)))}
        </div>
      </div>`
    })
    return html`${rows}${this.#add(all.length, () => change([...all, newItem(field)]))}`
  }

  pairs({pairs}: PairsDraft): unknown {
    const {field, id, binding} = this
    const item = field.item as Field
    const all = pairs ?? []
    const change = (pairs: [string, Draft][]) => binding.onInput({pairs})
    const rows = all.map(
      ([name, draft], index) => html`<div class="item pair">
        <div class="field">
          <label for=${`${id}.${index}-name`}>
            ${words.form.pairName}<span class="hidden"> ${index + 1} · ${field.title}</span>
          </label>
          <input
            id=${`${id}.${index}-name`}
            type="text"
            autocomplete="off"
            spellcheck="false"
            .value=${name}
            @input=${(event: Event) =>
              change(all.with(index, [(event.target as HTMLInputElement).value, draft]))}
          />
        </div>
        ${this.#inner(
          {...item, title: words.form.pairValue},
          name,
          `${id}.${index}-value`,
          draft,
          next => change(all.with(index, [name, next])),
        )}
        <div class="row tools">
          ${this.#remove(index, () => change(all.toSpliced(index, 1)))}
        </div>
      </div>`,
    )
    return html`${rows}${this.#add(all.length, () => change([...all, ["", newItem(field)]]))}`
  }

  variant({chosen, drafts}: VariantDraft): unknown {
    const {field, id, binding} = this
    const canBeNone = isOptional(field)
    const titles = field.variants.map((each, index): [number, string] => [index, each.title])
    const all: [number, string][] = canBeNone ? [[-1, words.form.none], ...titles] : titles
    const choose = (index: number) => binding.onInput({chosen: index, drafts})
    const variant = field.variants[chosen]
    const show = (next: Draft) => binding.onInput({chosen, drafts: drafts.with(chosen, next)})
    return html`${
      field.variants.length <= RADIOS
        ? html`<div class="options">
            ${all.map(
              ([index, title]) => html`<label class="option">
                <input
                  type="radio"
                  name=${`${id}-kind`}
                  .checked=${chosen === index}
                  @change=${() => choose(index)}
                />
                <span>${title}</span>
              </label>`,
            )}
          </div>`
        : html`<select
            aria-label=${words.form.kindOf(field.title)}
            @change=${(event: Event) => choose(Number((event.target as HTMLSelectElement).value))}
          >
            ${all.map(
              ([index, title]) =>
                html`<option value=${index} .selected=${chosen === index}>${title}</option>`,
            )}
          </select>`
    }
    ${variant ? this.#alternative(variant, id, drafts[chosen] ?? "", show) : nothing}`
  }

  /** The parts of a group stand right below the choice of it. */
  #alternative(variant: Field, id: string, draft: Draft, onInput: (draft: Draft) => void): unknown {
    const {binding, show} = this
    if (variant.kind === "constant") return nothing
    const isGroup = typeof draft === "object" && "parts" in draft
    const context = binding.context ? {context: binding.context} : {}
    const inner = {draft, error: undefined, onInput, ...context, place: this.#place}
    if (isGroup) return new Inside(variant, id, inner, show).group({...draft, isGiven: true})
    return show(variant, `${id}.value`, inner)
  }

  #inner(
    field: Field,
    step: string,
    id: string,
    draft: Draft,
    onInput: (draft: Draft) => void,
  ): unknown {
    const {context} = this.binding
    const place = `${this.#place}.${step}`
    return this.show(field, id, {
      draft,
      error: context?.errorAt(place),
      onInput,
      place,
      ...(context ? {context} : {}),
    })
  }

  #remove(index: number, remove: () => void): unknown {
    const go = (event: Event) => {
      refocus(event)
      remove()
    }
    const label = words.form.remove(this.field.title, index + 1)
    return html`<button type="button" class="small" aria-label=${label} @click=${go}>✕</button>`
  }

  #add(count: number, add: () => void): unknown {
    if (count >= this.field.maxItems) return nothing
    return html`<button type="button" class="small add" aria-label=${words.form.add(this.field.title)} @click=${add}>
      + ${words.form.addItem}
    </button>`
  }
}

/** What had the focus goes away: it stays in the list. */
function refocus(event: Event): void {
  const list = (event.currentTarget as HTMLElement).closest("fieldset")
  list?.querySelector<HTMLElement>(":scope > .add")?.focus()
}
