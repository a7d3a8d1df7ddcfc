/** One's own account: sessions, tokens, and how this browser treats one. */

import type {Client, MintedToken, MintOptions, OwnSession, OwnToken} from "@taskrealm/client"
import {loading, moment, PageElement, problem, Resource} from "@taskrealm/elements/base"
import {html, nothing, type TemplateResult} from "lit"
import {customElement, property, state} from "lit/decorators.js"
import type {Account} from "../account"
import {APPEARANCES, appearanceOf, chooseAppearance} from "../appearance"
import type {Catalog} from "../catalog"
import {copy} from "../clipboard"
import {areKeysOn, turnKeys} from "../keys"
import {noticesOf, turnNotices} from "../notices"
import "../parts/confirm"
import {limitsText} from "../parts/limits"
import "../styles/operations.css"
import type {ShortcutList} from "../parts/shortcuts"
import {words as frame} from "../words"
import {access} from "../words/access"
import {account as words} from "../words/account"

/** Minutes that a token may last. */
const LIFETIMES = [15, 60, 480, 1440] as const

interface Mine {
  sessions: OwnSession[]
  tokens: OwnToken[]
}

@customElement("tr-account")
export class AccountScreen extends PageElement {
  @property({attribute: false}) account!: Account
  @property({attribute: false}) client!: Client
  @property({attribute: false}) catalog!: Catalog
  @property({attribute: false}) query = new URLSearchParams()
  @state() private what: "whole" | "looking" | "tasks" = "whole"
  @state() private minted: MintedToken | null = null
  @state() private failure: Error | null = null
  @state() private copied = ""
  @state() private isMinting = false

  /**
   * Sessions that were ended here, and tokens that were revoked; the node may take a moment to
   * notice that the sessions are gone.
   */
  #ended = new Set<number | string>()

  #mine = new Resource<Mine>(this, async () => {
    const [sessions, tokens] = await Promise.all([this.client.sessions(), this.client.tokens()])
    const here = sessions.filter(
      ({session, token}) => !this.#ended.has(session) && !this.#ended.has(token ?? ""),
    )
    return {sessions: here, tokens}
  })

  /** Whether the session speaks for all of its user, and so may end and make something. */
  get #isWhole(): boolean {
    return Object.keys(this.client.scope).length === 0
  }

  protected override render(): TemplateResult {
    const {value, error} = this.#mine
    return html`
      <h1>${words.title}</h1>
      ${this.failure ? problem(this.failure) : nothing}
      ${value === undefined ? (error ? problem(error) : loading(words.title.toLowerCase())) : this.#content(value)}
      ${this.#preferences()}
    `
  }

  #content({sessions, tokens}: Mine): TemplateResult {
    const current = sessions.find(({is_current}) => is_current)
    return html`
      <section class="panel" aria-label=${words.me}>
        <dl class="particulars">
          <dt>${words.name}</dt>
          <dd><strong>${this.client.authid}</strong></dd>
          <dt>${words.role}</dt>
          <dd>${this.client.role}</dd>
          <dt>${words.teams}</dt>
          <dd>${current?.teams.join(", ") || words.noTeams}</dd>
          <dt>${words.limits}</dt>
          <dd>${limitsText(this.client.scope)}</dd>
          <dt>${words.until}</dt>
          <dd>${current?.expires_at ? moment(current.expires_at) : words.forever}</dd>
        </dl>
      </section>
      <section class="panel" aria-label=${words.sessions}>
        <header>
          <h2>${words.sessions}</h2>
          <span class="quiet">${words.sessionsWhy}</span>
        </header>
        ${this.#sessions(sessions)}
      </section>
      <section class="panel" aria-label=${words.tokens}>
        <header>
          <h2>${words.tokens}</h2>
          <span class="quiet">${this.#isWhole ? words.tokensWhy : words.limited}</span>
        </header>
        ${this.#tokens(tokens)} ${this.#isWhole ? this.#mint() : nothing}
      </section>
    `
  }

  #sessions(sessions: readonly OwnSession[]): TemplateResult {
    const current = sessions.find(({is_current}) => is_current)
    return html`
      <div class="wide stacked">
        <table data-testid="own-sessions">
          <thead>
            <tr>
              <th scope="col">${access.address}</th>
              <th scope="col">${access.role}</th>
              <th scope="col">${access.method}</th>
              <th scope="col">${access.since}</th>
              <th scope="col">${access.until}</th>
              <th scope="col">${access.limits}</th>
              <td></td>
            </tr>
          </thead>
          <tbody>
            ${sessions.map(session => this.#session(session, current))}
          </tbody>
        </table>
      </div>
    `
  }

  #session(told: OwnSession, current: OwnSession | undefined): TemplateResult {
    const {session, address, role, method, token, since, expires_at, scope, is_current} = told
    const isHere = is_current || (token !== null && token === current?.token)
    const from = address ?? access.machine
    return html`
      <tr data-session=${session}>
        <th scope="row">
          ${from}
          ${isHere ? html`<span class="tag" data-tone="good">${words.here}</span>` : nothing}
        </th>
        <td data-label=${access.role}>${role}</td>
        <td data-label=${access.method}>
          ${method ?? "–"} ${token === null ? nothing : html`<code>${token.slice(0, 8)}</code>`}
        </td>
        <td data-label=${access.since}>${since === null ? "–" : moment(since)}</td>
        <td data-label=${access.until}>${expires_at === null ? "–" : moment(expires_at)}</td>
        <td data-label=${access.limits} class="break">${limitsText(scope)}</td>
        <td class="act">
          ${
            isHere || !this.#isWhole
              ? nothing
              : html`<tr-confirm
                  .text=${words.end}
                  .label=${words.endOther(from)}
                  .warning=${token === null ? "" : words.sureEnd}
                  .action=${() => this.#do(() => this.#signOut(told))}
                ></tr-confirm>`
          }
        </td>
      </tr>
    `
  }

  /** End a session; its client would join again by a token that is valid still. */
  async #signOut({session, token}: OwnSession): Promise<void> {
    if (token !== null) return await this.#revoke(token)
    await this.client.endSession(session)
    this.#ended.add(session)
  }

  async #revoke(token: string): Promise<void> {
    await this.client.revoke(token)
    this.#ended.add(token)
  }

  #tokens(tokens: readonly OwnToken[]): TemplateResult {
    if (tokens.length === 0) return html`<p class="quiet">${access.noTokens}</p>`
    return html`
      <div class="wide stacked">
        <table data-testid="own-tokens">
          <thead>
            <tr>
              <th scope="col">${access.token}</th>
              <th scope="col">${access.limits}</th>
              <th scope="col">${access.uses}</th>
              <th scope="col">${access.created}</th>
              <th scope="col">${access.used}</th>
              <th scope="col">${access.until}</th>
              <td></td>
            </tr>
          </thead>
          <tbody>
            ${tokens.map(
              ({
                id,
                authid,
                scope,
                uses,
                single_use,
                created,
                used_at,
                expires_at,
                is_current,
              }) => html`
                <tr data-token=${id}>
                  <th scope="row">
                    <code>${id.slice(0, 8)}</code>
                    ${is_current ? html`<span class="tag" data-tone="good">${access.current}</span>` : nothing}
                  </th>
                  <td data-label=${access.limits} class="break">${limitsText(scope)}</td>
                  <td data-label=${access.uses}>${single_use ? access.once : (uses ?? "–")}</td>
                  <td data-label=${access.created}>${moment(created)}</td>
                  <td data-label=${access.used}>${used_at === null ? access.never : moment(used_at)}</td>
                  <td data-label=${access.until}>${moment(expires_at)}</td>
                  <td class="act">
                    ${
                      this.#isWhole && !is_current
                        ? html`<tr-confirm
                            .text=${access.revoke}
                            .label=${access.revokeOf(id, authid)}
                            .action=${() => this.#do(() => this.#revoke(id))}
                          ></tr-confirm>`
                        : nothing
                    }
                  </td>
                </tr>
              `,
            )}
          </tbody>
        </table>
      </div>
    `
  }

  #mint(): TemplateResult {
    if (this.minted) return this.#shown(this.minted)
    return html`
      <details class="mint">
        <summary>${words.mint}</summary>
        <form class="stack" aria-label=${words.mint} @submit=${this.#make}>
          <fieldset class="field">
            <legend>${words.what}</legend>
<div class="options column">
            ${(
              [
                ["whole", words.whole],
                ["looking", words.looking],
                ["tasks", words.onlyTasks],
              ] as const
            ).map(
              ([value, text]) => html`
                <label>
                  <input
                    type="radio"
                    name="what"
                    value=${value}
                    .checked=${value === this.what}
                    @change=${() => {
                      this.what = value
                    }}
                  />
                  ${text}
                </label>
              `,
            )}
</div>
          </fieldset>
          ${
            this.what === "tasks"
              ? html`
                  <fieldset class="field">
                    <legend>${words.tasks}</legend>
                    <div class="options">
                      ${(this.catalog.tasks ?? []).map(
                        ({name, title}) => html`
                          <label><input type="checkbox" name="task" value=${name} /> ${title || name}</label>
                        `,
                      )}
                    </div>
                  </fieldset>
                `
              : nothing
          }
          <label class="field">
            ${words.lasts}
            <select name="minutes">
              ${LIFETIMES.map(
                minutes => html`<option value=${minutes} ?selected=${minutes === 60}>
                  ${words.lifetimes[minutes]}
                </option>`,
              )}
            </select>
          </label>
          <label class="field">
            ${words.uses}
            <input type="number" name="uses" min="1" max="1000000" placeholder=${words.anyNumber} />
          </label>
          <div><button class="primary" ?disabled=${this.isMinting}>${words.make}</button></div>
        </form>
      </details>
    `
  }

  #shown({token, expires_at}: MintedToken): TemplateResult {
    return html`
      <div class="notice minted" role="status" data-testid="minted">
        <p>${words.minted} ${words.mintedUntil(moment(expires_at))}</p>
        <code>${token}</code>
        <div class="row">
          <button class="primary" @click=${() => this.#copy(token)}>${words.copy}</button>
          <button
            @click=${() => {
              this.minted = null
              this.copied = ""
            }}
          >
            ${words.done}
          </button>
          <span class="quiet">${this.copied}</span>
        </div>
      </div>
    `
  }

  #preferences(): TemplateResult {
    const user = this.client.authid
    const notices = noticesOf(user)
    return html`
      <section class="panel" aria-label=${words.preferences}>
        <header><h2>${words.preferences}</h2></header>
        <dl class="particulars">
          <dt>${frame.frame.appearance}</dt>
          <dd>
            <div class="spans" role="radiogroup" aria-label=${frame.frame.appearance}>
              ${APPEARANCES.map(
                each => html`
                  <label>
                    <input
                      type="radio"
                      name="look"
                      .checked=${each === appearanceOf(user)}
                      @change=${() => {
                        chooseAppearance(user, each)
                        this.requestUpdate()
                      }}
                    />${frame.frame.appearances[each]}
                  </label>
                `,
              )}
            </div>
          </dd>
          <dt>${words.notifications}</dt>
          <dd>
            ${
              notices === "absent" || notices === "denied"
                ? html`<span class="quiet"
                    >${notices === "absent" ? words.noNotifications : words.notifyDenied}</span
                  >`
                : html`<label class="tick">
                    <input
                      type="checkbox"
                      .checked=${notices === "on"}
                      @change=${(event: Event) => this.#notify(event)}
                    />
                    ${words.notify}
                  </label>`
            }
          </dd>
          <dt>${words.shortcuts}</dt>
          <dd>
            <label class="tick">
              <input
                type="checkbox"
                .checked=${areKeysOn(user)}
                @change=${(event: Event) => turnKeys(user, (event.target as HTMLInputElement).checked)}
              />
              ${frame.jump.singleKeys}
            </label>
            <button @click=${showShortcuts}>${words.allShortcuts}</button>
          </dd>
        </dl>
      </section>
    `
  }

  async #notify(event: Event): Promise<void> {
    await turnNotices(this.client.authid, (event.target as HTMLInputElement).checked)
    this.requestUpdate()
  }

  async #make(event: SubmitEvent): Promise<void> {
    event.preventDefault()
    const form = new FormData(event.target as HTMLFormElement)
    const wish: MintOptions = {minutes: Number(form.get("minutes"))}
    if (form.get("uses")) wish.uses = Number(form.get("uses"))
    if (this.what === "looking") wish.read_only = true
    if (this.what === "tasks") {
      wish.tasks = form.getAll("task").map(String)
      if (wish.tasks.length === 0) {
        this.failure = new Error(words.chooseTask)
        return
      }
    }
    this.isMinting = true
    await this.#do(async () => {
      this.minted = await this.client.mint(wish)
    })
    this.isMinting = false
  }

  async #copy(token: string): Promise<void> {
    this.copied = (await copy(token)) ? words.copied : words.notCopied
  }

  /** Do something, and show how things are then, or why it could not be done. */
  async #do(step: () => Promise<void>): Promise<void> {
    this.failure = null
    try {
      await step()
      await this.#mine.load()
    } catch (error) {
      this.failure = error as Error
    }
  }
}

/** The frame has the list. */
function showShortcuts(): void {
  document.querySelector<ShortcutList>("tr-shortcuts")?.open()
}
