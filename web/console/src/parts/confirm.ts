/** A button that asks once more before it does what cannot be undone. */

import {PageElement} from "@taskrealm/elements/base"
import {html, type PropertyValues, type TemplateResult} from "lit"
import {customElement, property, state} from "lit/decorators.js"
import {access as words} from "../words/access"

@customElement("tr-confirm")
export class Confirm extends PageElement {
  /** What stands on the button. */
  @property({attribute: false}) text = ""
  /** What it does, for who hears it without what is around it. */
  @property({attribute: false}) label = ""
  /** What happens then, if that is not plain. */
  @property({attribute: false}) warning = ""
  @property({attribute: false}) action: () => Promise<void> = async () => {}
  @state() private isAsking = false
  @state() private isDoing = false

  /** What was asked about something else is not asked about this. */
  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("label")) this.isAsking = false
  }

  protected override render(): TemplateResult {
    if (!this.isAsking) {
      return html`<button class="danger" aria-label=${this.label} @click=${this.#ask}>
        ${this.text}
      </button>`
    }
    return html`
      <div class="row" role="group" aria-label=${this.label} @keydown=${this.#press}>
        ${this.warning ? html`<span>${this.warning}</span>` : ""}
        <button class="danger" ?disabled=${this.isDoing} @click=${this.#do}>${words.sure}</button>
        <button ?disabled=${this.isDoing} @click=${this.#leave}>${words.not}</button>
      </div>
    `
  }

  async #ask(): Promise<void> {
    this.isAsking = true
    await this.updateComplete
    // On what does no harm.
    this.querySelector<HTMLElement>("button:last-of-type")?.focus()
  }

  async #leave(): Promise<void> {
    this.isAsking = false
    await this.updateComplete
    this.querySelector("button")?.focus()
  }

  #press(event: KeyboardEvent): void {
    if (event.key !== "Escape") return
    event.stopPropagation()
    void this.#leave()
  }

  async #do(): Promise<void> {
    this.isDoing = true
    try {
      await this.action()
    } finally {
      this.isDoing = false
      this.isAsking = false
    }
  }
}
