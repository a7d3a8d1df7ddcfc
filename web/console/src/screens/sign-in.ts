/** Where somebody who is not signed in lands. */

import {PageElement} from "@taskrealm/elements/base"
import {html, type TemplateResult} from "lit"
import {customElement, property} from "lit/decorators.js"
import type {Account} from "../account"
import type {Instance} from "../instance"
import {words} from "../words"

const texts = words.signIn

@customElement("tr-sign-in")
export class SignInScreen extends PageElement {
  @property({attribute: false}) account!: Account
  @property({attribute: false}) instance!: Instance
  @property({attribute: false}) isRedeeming = false
  @property({attribute: false}) refusal: string | null = null

  protected override render(): TemplateResult {
    const {name, hasPasswords} = this.instance
    const [first, second] = hasPasswords
      ? [this.#password(true), this.#token(false)]
      : [this.#token(true), this.#password(false)]
    return html`
      <h1>${texts.to(name)}</h1>
      ${this.isRedeeming ? html`<p class="quiet" role="status">${texts.busy}</p>` : ""}
      ${this.refusal ? html`<p class="notice bad" role="alert">${this.refusal}</p>` : ""}
      <div ?hidden=${this.isRedeeming}>
        ${first}
        <details>
          <summary>${hasPasswords ? texts.byToken : texts.byPassword}</summary>
          ${second}
        </details>
      </div>
    `
  }

  #token(isFirst: boolean): TemplateResult {
    return html`
      <p>${texts.link} <code>${texts.command}</code>${texts.linkOrToken}</p>
      <form @submit=${this.#submit}>
        <label for="token">${texts.token}</label>
        <input id="token" name="token" type="password" autocomplete="off" required />
        <button class=${isFirst ? "primary" : ""}>${texts.submit}</button>
      </form>
    `
  }

  #password(isFirst: boolean): TemplateResult {
    return html`
      <form @submit=${this.#submitPassword}>
        <label for="user">${texts.name}</label>
        <input
          id="user"
          name="user"
          autocomplete="username"
          autocapitalize="none"
          spellcheck="false"
          required
        />
        <label for="password">${texts.password}</label>
        <input
          id="password"
          name="password"
          type="password"
          autocomplete="current-password"
          required
        />
        <button class=${isFirst ? "primary" : ""}>
          ${isFirst ? texts.submit : texts.submitPassword}
        </button>
      </form>
    `
  }

  #submit(event: SubmitEvent): void {
    event.preventDefault()
    const form = event.target as HTMLFormElement
    const token = String(new FormData(form).get("token")).trim()
    if (token !== "") this.account.signIn(token)
  }

  #submitPassword(event: SubmitEvent): void {
    event.preventDefault()
    const given = new FormData(event.target as HTMLFormElement)
    void this.account.signInByPassword(String(given.get("user")), String(given.get("password")))
  }
}
