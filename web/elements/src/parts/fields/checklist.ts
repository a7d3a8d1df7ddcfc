/** Some of several; among many, what is typed narrows them down. */

import {html, type TemplateResult} from "lit"
import {customElement, property, state} from "lit/decorators.js"
import {PageElement} from "../../element"
import {words} from "../../words"
import type {Option} from "./choices"
import {matching} from "./combobox"

/** Ticks that are shown at most. */
const SHOWN = 200

@customElement("taskrealm-checklist")
export class Checklist extends PageElement {
  /** Unique in the page. */
  @property({attribute: false}) name = ""
  @property({attribute: false}) label = ""
  @property({attribute: false}) options: readonly Option[] = []
  /** The JSON of each chosen value, in the order of choosing. */
  @property({attribute: false}) value: readonly string[] = []
  @property({attribute: false}) isSearched = false
  @property({attribute: false}) onChoose: (json: string[]) => void = () => {}
  @state() private typed = ""

  protected override render(): TemplateResult {
    const {options, value, isSearched} = this
    const matches = isSearched ? matching(options, this.typed) : options
    const left = matches.length - SHOWN
    return html`
      ${isSearched ? this.#search() : ""}
      <div class=${isSearched ? "options many" : "options"}>
        ${matches.slice(0, SHOWN).map(
          ([json, title]) => html`
            <label class="option">
              <input
                type="checkbox"
                .checked=${value.includes(json)}
                @change=${() => this.#toggle(json)}
              />
              <span>${title}</span>
            </label>
          `,
        )}
        ${matches.length === 0 && isSearched ? html`<p class="help">${words.form.noMatch}</p>` : ""}
        ${left > 0 ? html`<p class="help">${words.form.moreMatches(left)}</p>` : ""}
      </div>
      ${
        isSearched
          ? html`<p class="help" aria-live="polite">
              ${words.form.chosen(value.length, options.length)}
            </p>`
          : ""
      }
    `
  }

  #search(): TemplateResult {
    return html`<input
      type="search"
      class="filter"
      aria-label=${words.form.filter(this.label)}
      placeholder=${words.form.filter(this.label)}
      .value=${this.typed}
      @input=${(event: Event) => {
        this.typed = (event.target as HTMLInputElement).value
      }}
      @keydown=${(event: KeyboardEvent) => {
        if (event.key === "Enter") event.preventDefault()
      }}
    />`
  }

  #toggle(json: string): void {
    const {value} = this
    this.onChoose(value.includes(json) ? value.filter(each => each !== json) : [...value, json])
  }
}
