/** Where somebody who is not signed in lands. */

import {html, type TemplateResult} from "lit"
import {customElement, property} from "lit/decorators.js"
import type {Account} from "../account"
import {PageElement} from "../element"

@customElement("tr-sign-in")
export class SignInScreen extends PageElement {
  @property({attribute: false}) account!: Account
  @property({attribute: false}) isRedeeming = false
  @property({attribute: false}) refusal: string | null = null

  protected override render(): TemplateResult {
    if (this.isRedeeming) {
      return html`<p class="quiet" role="status">Signing in …</p>`
    }
    return html`
      <h1>Sign in</h1>
      ${this.refusal ? html`<p class="notice bad" role="alert">${this.refusal}</p>` : ""}
      <p>
        Open the sign-in link that <code>taskrealm up</code> has printed, or paste a token that
        you were given.
      </p>
      <form class="stack" @submit=${this.#submit}>
        <label for="token">Token</label>
        <input id="token" name="token" type="password" autocomplete="off" required />
        <div><button class="primary">Sign in</button></div>
      </form>
    `
  }

  #submit(event: SubmitEvent): void {
    event.preventDefault()
    const form = event.target as HTMLFormElement
    const token = String(new FormData(form).get("token")).trim()
    if (token !== "") this.account.signIn(token)
  }
}
