/** The list of shortcuts, and the switch of those that one key is enough for. */

import {PageElement} from "@taskrealm/elements/base"
import {html, type TemplateResult} from "lit"
import {customElement, property} from "lit/decorators.js"
import {areKeysOn, keyOf, turnKeys} from "../keys"
import type {ScreenName} from "../route"
import {words} from "../words"
import {icon} from "./icon"

@customElement("tr-shortcuts")
export class ShortcutList extends PageElement {
  @property({attribute: false}) user = ""
  @property({attribute: false}) places: readonly ScreenName[] = []

  open(): void {
    this.querySelector("dialog")?.showModal()
  }

  protected override render(): TemplateResult {
    const {jump, frame} = words
    return html`
      <dialog class="sheet" closedby="any" aria-labelledby="shortcuts-title">
        <div class="shortcuts">
          <div class="row">
            <h2 id="shortcuts-title">${jump.shortcutsTitle}</h2>
            <button class="icon-button" aria-label=${jump.close} @click=${this.#close}>
              ${icon("close")}
            </button>
          </div>
          <dl>
            <dt>${jump.find}</dt>
            <dd>${keys("/")} ${keys("Ctrl", "K")}</dd>
            ${this.places.map(
              place => html`<dt>${jump.go(frame[place])}</dt>
                <dd>${keys("g")} ${jump.afterwards} ${keys(keyOf(place))}</dd>`,
            )}
            <dt>${jump.list}</dt>
            <dd>${keys("?")}</dd>
            <dt>${jump.leave}</dt>
            <dd>${keys("Esc")}</dd>
          </dl>
          <label>
            <input type="checkbox" .checked=${areKeysOn(this.user)} @change=${this.#turn} />
            ${jump.singleKeys}
          </label>
        </div>
      </dialog>
    `
  }

  #close(): void {
    this.querySelector("dialog")?.close()
  }

  #turn(event: Event): void {
    turnKeys(this.user, (event.target as HTMLInputElement).checked)
  }
}

function keys(...names: string[]): TemplateResult[] {
  return names.map((name, index) => html`${index > 0 ? "+" : ""}<kbd>${name}</kbd>`)
}
