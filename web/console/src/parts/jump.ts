/** The search that leads to any task, place or job. */

import {words as elementWords, moment, PageElement} from "@taskrealm/elements/base"
import {html, nothing, type TemplateResult} from "lit"
import {customElement, property, state} from "lit/decorators.js"
import {type Catalog, titleOf} from "../catalog"
import {type Destination, destinations} from "../destinations"
import type {ScreenName} from "../route"
import type {Tally} from "../tally"
import {words} from "../words"
import {icon} from "./icon"

@customElement("tr-jump")
export class JumpDialog extends PageElement {
  @property({attribute: false}) catalog!: Catalog
  @property({attribute: false}) places: readonly ScreenName[] = []
  @property({attribute: false}) tally!: Tally
  @state() private search = ""
  @state() private isOpen = false
  @state() private chosen = 0

  async open(): Promise<void> {
    this.search = ""
    this.chosen = 0
    this.isOpen = true
    await this.updateComplete
    const dialog = this.querySelector("dialog")
    if (!dialog?.open) dialog?.showModal()
  }

  get #found(): Destination[] {
    return destinations(this.search, {
      tasks: this.catalog.tasks ?? [],
      places: this.places.map(name => ({name, title: words.frame[name]})),
      jobs: this.tally.jobs.map(({job_id, task, state, submitted_at}) => ({
        id: job_id,
        title: titleOf(this.catalog, task),
        note: `${elementWords.states[state]} · ${moment(submitted_at)}`,
      })),
      jobOfId: words.jump.jobOfId,
    })
  }

  protected override render(): TemplateResult {
    return html`
      <dialog
        class="sheet"
        closedby="any"
        aria-label=${words.jump.label}
        @close=${this.#closed}
      >
        ${this.isOpen ? this.#content(this.#found) : ""}
      </dialog>
    `
  }

  #content(found: readonly Destination[]): TemplateResult {
    const {jump} = words
    return html`
      <div class="jump-field">
        ${icon("search")}
        <input
          autofocus
          role="combobox"
          aria-label=${jump.label}
          aria-expanded=${found.length > 0 ? "true" : "false"}
          aria-controls="jump-list"
          aria-autocomplete="list"
          aria-activedescendant=${found.length > 0 ? `jump-${this.chosen}` : nothing}
          autocomplete="off"
          spellcheck="false"
          placeholder=${jump.placeholder}
          .value=${this.search}
          @input=${this.#type}
          @keydown=${(event: KeyboardEvent) => this.#press(event, found)}
        />
        <button class="icon-button" aria-label=${jump.close} @click=${this.#close}>
          ${icon("close")}
        </button>
      </div>
      ${
        found.length === 0
          ? html`<p class="nothing quiet">${jump.nothing(this.search)}</p>`
          : html`<ul
              class="jump-list"
              id="jump-list"
              role="listbox"
              aria-label=${jump.results}
            >
              ${found.map((each, index) => this.#option(each, index))}
            </ul>`
      }
      <span class="hidden" role="status">${jump.found(found.length)}</span>
    `
  }

  #option({kind, title, note, href}: Destination, index: number): TemplateResult {
    return html`<li
      role="option"
      id=${`jump-${index}`}
      aria-selected=${index === this.chosen ? "true" : "false"}
      @click=${() => this.#follow(href)}
    >
      <span>${title} ${note ? html`<span class="quiet">${note}</span>` : ""}</span>
      <span class="quiet">${words.jump.kinds[kind]}</span>
    </li>`
  }

  #type(event: InputEvent): void {
    this.search = (event.target as HTMLInputElement).value
    this.chosen = 0
  }

  #press(event: KeyboardEvent, found: readonly Destination[]): void {
    const steps: Record<string, number> = {ArrowDown: 1, ArrowUp: -1}
    const step = steps[event.key]
    if (step !== undefined && found.length > 0) {
      event.preventDefault()
      this.chosen = (this.chosen + step + found.length) % found.length
      void this.updateComplete.then(() => {
        this.querySelector(`#jump-${this.chosen}`)?.scrollIntoView({block: "nearest"})
      })
    } else if (event.key === "Enter") {
      event.preventDefault()
      const choice = found[this.chosen]
      if (choice) this.#follow(choice.href)
    }
  }

  #follow(href: string): void {
    this.#close()
    location.hash = href
  }

  #close(): void {
    this.querySelector("dialog")?.close()
  }

  #closed(): void {
    this.isOpen = false
  }
}
