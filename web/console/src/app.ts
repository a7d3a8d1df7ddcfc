/** The page: who is signed in sees the desk, everybody else where to sign in. */

import {PageElement} from "@taskrealm/elements/base"
import {html} from "lit"
import {customElement, property} from "lit/decorators.js"
import {keyed} from "lit/directives/keyed.js"
import {until} from "lit/directives/until.js"
import type {Account} from "./account"
import "./desk"
import {instanceOf} from "./instance"
import {brand, environmentStrip} from "./parts/brand"
import "./screens/sign-in"
import {words} from "./words"

@customElement("tr-app")
export class App extends PageElement {
  @property({attribute: false}) account!: Account
  #instance = instanceOf(document)

  override connectedCallback(): void {
    super.connectedCallback()
    this.account.start(() => this.requestUpdate())
  }

  protected override render(): unknown {
    const {account} = this
    const {client} = account
    const instance = this.#instance
    if (client && account.isShared) {
      const shared = () => html`<tr-shared .account=${account} .client=${client}></tr-shared>`
      return keyed(client, html`${until(import("./screens/shared").then(shared))}`)
    }
    if (client) {
      return keyed(
        client,
        html`<tr-desk .account=${account} .client=${client} .instance=${instance}></tr-desk>`,
      )
    }
    document.title = words.frame.title(words.signIn.title, instance.name)
    return html`
      ${environmentStrip(instance)}
      <div class="welcome">
        <header>${brand(instance)}</header>
        <main>
          <tr-sign-in
            .account=${account}
            .instance=${instance}
            .isRedeeming=${account.isRedeeming}
            .refusal=${account.refusal}
          ></tr-sign-in>
        </main>
      </div>
    `
  }
}
