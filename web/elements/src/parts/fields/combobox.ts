/** One of many, found by typing a part of its name. */

import {html, nothing, type TemplateResult} from "lit"
import {customElement, property, state} from "lit/decorators.js"
import {PageElement} from "../../element"
import {words} from "../../words"
import type {Option} from "./choices"

/** Matches that are shown at most. */
const SHOWN = 100

/** Belongs to the tree around it, so that a label there can name its input. */
@customElement("taskrealm-combobox")
export class Combobox extends PageElement {
  @property({attribute: false}) inputId = ""
  @property({attribute: false}) label = ""
  @property({attribute: false}) options: readonly Option[] = []
  /** The JSON of the chosen value; empty for none. */
  @property({attribute: false}) value = ""
  @property({attribute: false}) describedBy = ""
  @property({attribute: false}) isInvalid = false
  @property({attribute: false}) isRequired = false
  @property({attribute: false}) onChoose: (json: string) => void = () => {}
  /** What is being typed; null while nothing is. */
  @state() private typed: string | null = null
  @state() private isOpen = false
  @state() private active = 0

  get #matches(): readonly Option[] {
    return matching(this.options, this.typed ?? "")
  }

  protected override render(): TemplateResult {
    const {inputId, isOpen, active} = this
    const chosen = this.options.find(([json]) => json === this.value)?.[1] ?? ""
    const matches = this.#matches
    const list = `${inputId}-list`
    return html`<div class="combobox" @focusout=${this.#leave}>
      <input
        id=${inputId}
        type="text"
        role="combobox"
        part="control"
        autocomplete="off"
        spellcheck="false"
        placeholder=${words.form.choose}
        aria-expanded=${isOpen}
        aria-controls=${list}
        aria-autocomplete="list"
        aria-activedescendant=${isOpen && matches.length > 0 ? `${list}-${active}` : nothing}
        aria-required=${this.isRequired}
        aria-invalid=${this.isInvalid ? "true" : nothing}
        aria-describedby=${this.describedBy || nothing}
        .value=${this.typed ?? (this.value === "" ? "" : chosen)}
        @input=${this.#type}
        @click=${() => this.#open()}
        @keydown=${this.#press}
      />
      <button
        type="button"
        tabindex="-1"
        class="arrow"
        aria-label=${words.form.openChoices(this.label)}
        @click=${this.#toggle}
      ></button>
      <ul id=${list} role="listbox" aria-label=${this.label} ?hidden=${!isOpen}>
        ${isOpen ? this.#options(matches, list) : ""}
      </ul>
    </div>`
  }

  #options(matches: readonly Option[], list: string): unknown {
    if (matches.length === 0) {
      return html`<li role="option" aria-disabled="true" aria-selected="false">${words.form.noMatch}</li>`
    }
    return html`${matches.slice(0, SHOWN).map(
      ([json, title], index) => html`<li
        id=${`${list}-${index}`}
        role="option"
        class=${index === this.active ? "active" : nothing}
        aria-selected=${json === this.value ? "true" : "false"}
        @mousedown=${(event: Event) => event.preventDefault()}
        @click=${() => this.#choose(json)}
      >${title}</li>`,
    )}
    ${
      matches.length > SHOWN
        ? html`<li role="option" aria-disabled="true" aria-selected="false">
            ${words.form.moreMatches(matches.length - SHOWN)}
          </li>`
        : ""
    }`
  }

  #type(event: Event): void {
    this.typed = (event.target as HTMLInputElement).value
    this.active = 0
    this.isOpen = true
  }

  #open(): void {
    if (this.isOpen) return
    this.isOpen = true
    this.active = Math.max(
      0,
      this.#matches.findIndex(([json]) => json === this.value),
    )
    void this.#scroll()
  }

  #toggle(): void {
    this.querySelector("input")?.focus()
    if (this.isOpen) this.#close()
    else this.#open()
  }

  #close(): void {
    this.isOpen = false
    this.typed = null
  }

  #choose(json: string): void {
    this.#close()
    this.onChoose(json)
  }

  /** What is left typed counts if it is the name of a choice, or nothing where that is one. */
  #leave(event: FocusEvent): void {
    if (this.contains(event.relatedTarget as Node | null)) return
    const typed = this.typed?.trim().toLowerCase()
    const named = this.options.find(
      ([json, title]) => title.toLowerCase() === typed || (json === "" && typed === ""),
    )
    this.#close()
    if (named && named[0] !== this.value) this.onChoose(named[0])
  }

  #press(event: KeyboardEvent): void {
    const matches = this.#matches.slice(0, SHOWN)
    const last = matches.length - 1
    const move = {ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10}[event.key]
    if (move !== undefined) {
      event.preventDefault()
      if (this.isOpen) this.active = Math.min(Math.max(this.active + move, 0), Math.max(last, 0))
      else this.#open()
      void this.#scroll()
    } else if (event.key === "Enter" && this.isOpen) {
      event.preventDefault()
      const match = matches[this.active]
      if (match) this.#choose(match[0])
    } else if (event.key === "Escape" && this.isOpen) {
      event.preventDefault()
      event.stopPropagation()
      this.#close()
    }
  }

  async #scroll(): Promise<void> {
    await this.updateComplete
    this.querySelector(".active")?.scrollIntoView({block: "nearest"})
  }
}

/** Those of *options* whose title has *typed* in it, those that begin with it first. */
export function matching(options: readonly Option[], typed: string): readonly Option[] {
  const wanted = typed.trim().toLowerCase()
  if (wanted === "") return options
  const begins = (title: string) => title.toLowerCase().startsWith(wanted)
  const found = options.filter(([, title]) => title.toLowerCase().includes(wanted))
  return [
    ...found.filter(([, title]) => begins(title)),
    ...found.filter(([, title]) => !begins(title)),
  ]
}
