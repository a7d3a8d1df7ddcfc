/** Who is signed in, and what is theirs to choose. */

import type {Client} from "@taskrealm/client"
import {PageElement} from "@taskrealm/elements/base"
import {html, type TemplateResult} from "lit"
import {customElement, property} from "lit/decorators.js"
import type {Account} from "../account"
import {APPEARANCES, type Appearance, appearanceOf, chooseAppearance} from "../appearance"
import {words} from "../words"
import {icon} from "./icon"

@customElement("tr-account-menu")
export class AccountMenu extends PageElement {
  @property({attribute: false}) account!: Account
  @property({attribute: false}) client!: Client
  @property({attribute: false}) user = ""

  protected override render(): TemplateResult | string {
    const {user, client, account} = this
    if (user === "") return ""
    return html`
      <button class="who" popovertarget="account-menu" data-initial=${[...user][0] ?? ""}>
        <span class="hidden">${words.frame.accountMenuOf}</span>
        <span class="name">${user}</span>
      </button>
      <div class="menu" id="account-menu" popover>
        <p class="head">
          <strong>${user}</strong>
          <span class="quiet">${words.frame.roleIs(client.role)}</span>
        </p>
        <fieldset>
          <legend>${words.frame.appearance}</legend>
          <div class="segments">${APPEARANCES.map(each => this.#choice(each))}</div>
        </fieldset>
        <ul>
          <li>
            <a class="place" href="#/account">${icon("account")}${words.frame.account}</a>
          </li>
          <li>
            <button class="place" @click=${this.#explainKeys}>
              ${icon("keyboard")}${words.frame.shortcuts}
            </button>
          </li>
          <li>
            <button class="place" @click=${() => account.signOut()}>
              ${icon("leave")}${words.frame.signOut}
            </button>
          </li>
        </ul>
      </div>
    `
  }

  #choice(appearance: Appearance): TemplateResult {
    return html`<label>
      <input
        type="radio"
        name="appearance"
        .checked=${appearance === appearanceOf(this.user)}
        @change=${() => this.#choose(appearance)}
      />${words.frame.appearances[appearance]}
    </label>`
  }

  #choose(appearance: Appearance): void {
    chooseAppearance(this.user, appearance)
    this.requestUpdate()
  }

  #explainKeys(): void {
    this.querySelector<HTMLElement>("[popover]")?.hidePopover()
    this.dispatchEvent(new CustomEvent("keys", {bubbles: true}))
  }
}
