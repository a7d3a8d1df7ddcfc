/** Who has access, and to what: for operators. */

import type {Client, JobState, OwnSession, OwnToken} from "@taskrealm/client"
import {loading, moment, PageElement, problem} from "@taskrealm/elements/base"
import {html, nothing, type PropertyValues, type TemplateResult} from "lit"
import {customElement, property, state} from "lit/decorators.js"
import type {Account} from "../account"
import {type Catalog, titleOf} from "../catalog"
import "../parts/confirm"
import {limitsText} from "../parts/limits"
import "../styles/operations.css"
import {access as words} from "../words/access"

const TABS = ["people", "sessions", "tokens", "rights"] as const

type Tab = (typeof TABS)[number]

const ROLES = ["user", "backend", "operator"] as const

const RIGHTS = ["see", "run", "output", "cancel"] as const

/** Names of teams that are shown, and of people, sessions and tokens that are asked for at once. */
const PAGE = 100

interface Person {
  authid: string
  roles: string[]
  teams: string[]
  tokens: number
  methods: string[]
  sessions: number
  jobs: Partial<Record<JobState, number>>
}

type Session = Omit<OwnSession, "is_current">

type Token = Omit<OwnToken, "is_current">

interface Rights {
  asks: boolean
  tasks: {
    task: string
    rights: Partial<Record<(typeof RIGHTS)[number], {rules: number[]; because: string | null}>>
  }[]
}

/** What one part of the screen shows. */
interface Shown {
  people: Person[]
  sessions: Session[]
  tokens: Token[]
  rights: Rights | null
}

@customElement("tr-access")
export class AccessScreen extends PageElement {
  @property({attribute: false}) account!: Account
  @property({attribute: false}) client!: Client
  @property({attribute: false}) catalog!: Catalog
  /** `show`, `user`, `role` and `teams`, as they stand in the address. */
  @property({attribute: false}) query = new URLSearchParams()
  @state() private shown: Partial<Shown> = {}
  @state() private failure: Error | null = null
  @state() private note = ""
  @state() private search = ""
  #next: unknown = null
  /** Sessions that were ended here; the node may take a moment to notice that they are gone. */
  #ended = new Set<number>()
  #asked = 0

  get #tab(): Tab {
    return TABS.find(tab => tab === this.query.get("show")) ?? "people"
  }

  get #user(): string | null {
    return this.query.get("user") || null
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("query") || changed.has("client")) void this.#load()
  }

  /** Ask for what is shown; *more* is the page behind. */
  async #load(more = false): Promise<void> {
    this.#asked += 1
    const asked = this.#asked
    const tab = this.#tab
    try {
      const found = await this.#ask(tab, more ? this.#next : null)
      if (asked !== this.#asked) return
      const before = more ? ((this.shown[tab] ?? []) as unknown[]) : []
      this.shown = {[tab]: Array.isArray(found) ? [...before, ...found] : found}
      this.failure = null
    } catch (error) {
      if (asked === this.#asked) this.failure = error as Error
    }
  }

  async #ask(tab: Tab, after: unknown): Promise<unknown> {
    if (tab === "rights") {
      this.#next = null
      if (this.#user === null) return null
      const role = this.query.get("role") ?? "user"
      const teams = teamsIn(this.query.get("teams") ?? "")
      return await this.client.call("taskrealm.admin.rights", [this.#user, role, teams])
    }
    const page = (await this.client.call(
      `taskrealm.admin.${tab === "people" ? "users" : tab}`,
      [],
      {
        ...(tab === "people" ? {limit: PAGE} : {user: this.#user}),
        ...(after === null ? {} : {after}),
      },
    )) as Record<string, unknown>
    this.#next = page.next
    return page[tab === "people" ? "users" : tab]
  }

  protected override render(): TemplateResult {
    const tab = this.#tab
    return html`
      <h1>${words.title}</h1>
      <nav class="subnav" aria-label=${words.parts}>
        ${TABS.map(
          each => html`<a
            href=${linkTo({show: each, user: each === "people" ? null : this.#user})}
            aria-current=${each === tab ? "page" : "false"}
            >${words.tabs[each]}</a
          >`,
        )}
      </nav>
      <div role="status">${this.note ? html`<p class="notice">${this.note}</p>` : nothing}</div>
      ${this.failure ? problem(this.failure) : nothing} ${this.#content(tab)}
    `
  }

  #content(tab: Tab): unknown {
    if (tab === "rights") return this.#rights(this.shown.rights)
    const found = this.shown[tab]
    if (found === undefined) return this.failure ? nothing : loading(words.tabs[tab].toLowerCase())
    return html`
      ${this.#whose(tab)}
      <div class="panel">${this.#list(tab)}</div>
      ${
        this.#next === null
          ? nothing
          : html`<button @click=${() => this.#load(true)}>${words.more}</button>`
      }
    `
  }

  #whose(tab: Tab): unknown {
    if (tab === "people") {
      return html`
        <label class="access-search">
          <span class="hidden">${words.find}</span>
          <input
            type="search"
            placeholder=${words.find}
            @input=${(event: Event) => {
              this.search = (event.target as HTMLInputElement).value
            }}
          />
        </label>
      `
    }
    if (this.#user === null) return nothing
    return html`<p>
      ${words.only(this.#user)} · <a href=${linkTo({show: tab, user: null})}>${words.all}</a>
    </p>`
  }

  #list(tab: Exclude<Tab, "rights">): TemplateResult {
    switch (tab) {
      case "people":
        return this.#people(this.shown.people ?? [])
      case "sessions":
        return this.#sessions(
          (this.shown.sessions ?? []).filter(({session}) => !this.#ended.has(session)),
        )
      case "tokens":
        return this.#tokens(this.shown.tokens ?? [])
    }
  }

  #people(people: readonly Person[]): TemplateResult {
    const wanted = this.search.trim().toLowerCase()
    const found = people.filter(({authid}) => authid.toLowerCase().includes(wanted))
    if (found.length === 0) return html`<p class="quiet">${words.nobody}</p>`
    return table(
      "access-people",
      [
        words.name,
        words.roles,
        words.teams,
        words.joinsBy,
        words.sessionCount,
        words.tokenCount,
        words.jobCount,
        "",
      ],
      found.map(
        ({authid, roles, teams, methods, sessions, tokens, jobs}) => html`
          <tr data-user=${authid}>
            <th scope="row" class="break">${authid}</th>
            <td data-label=${words.roles}>${roles.map(roleTag)}</td>
            <td data-label=${words.teams} class=${teams.length === 0 ? "blank" : ""}>${teams.join(", ")}</td>
            <td data-label=${words.joinsBy} class=${methods.length === 0 ? "blank" : ""}>${methods.join(", ")}</td>
            <td data-label=${words.sessionCount} class="number">
              <a
                href=${linkTo({show: "sessions", user: authid})}
                aria-label=${words.showSessions(sessions, authid)}
                >${sessions}</a
              >
            </td>
            <td data-label=${words.tokenCount} class="number">
              <a
                href=${linkTo({show: "tokens", user: authid})}
                aria-label=${words.showTokens(tokens, authid)}
                >${tokens}</a
              >
            </td>
            <td data-label=${words.jobCount} class="number">
              ${Object.values(jobs).reduce((sum, count) => sum + count, 0)}
            </td>
            <td class="act">
              <div class="row">
                <a
                  href=${linkTo({show: "rights", user: authid, role: roles[0] ?? "user", teams: teams.join(",")})}
                  aria-label=${words.showRights(authid)}
                  >${words.rightsShort}</a
                >
                <tr-confirm
                  .text=${words.revokeUser}
                  .label=${words.revokeUserOf(authid)}
                  .warning=${words.sureUser(authid)}
                  .action=${() => this.#revoke({user: authid})}
                ></tr-confirm>
              </div>
            </td>
          </tr>
        `,
      ),
    )
  }

  #sessions(sessions: readonly Session[]): TemplateResult {
    if (sessions.length === 0) return html`<p class="quiet">${words.noSessions}</p>`
    return table(
      "access-sessions",
      [
        words.user,
        words.role,
        words.method,
        words.address,
        words.since,
        words.until,
        words.limits,
        "",
      ],
      sessions.map(
        ({session, authid, role, method, address, since, expires_at, scope}) => html`
          <tr data-session=${session}>
            <th scope="row" class="break">${authid}</th>
            <td data-label=${words.role}>${roleTag(role)}</td>
            <td data-label=${words.method}>${method ?? "–"}</td>
            <td data-label=${words.address}>${address ?? "–"}</td>
            <td data-label=${words.since}>${time(since)}</td>
            <td data-label=${words.until}>${time(expires_at)}</td>
            <td data-label=${words.limits} class="break">${limitsText(scope)}</td>
            <td class="act">
              <tr-confirm
                .text=${words.end}
                .label=${words.endOf(session, authid)}
                .action=${() => this.#end(session)}
              ></tr-confirm>
            </td>
          </tr>
        `,
      ),
    )
  }

  #tokens(tokens: readonly Token[]): TemplateResult {
    if (tokens.length === 0) return html`<p class="quiet">${words.noTokens}</p>`
    return table(
      "access-tokens",
      [
        words.token,
        words.user,
        words.role,
        words.limits,
        words.uses,
        words.used,
        words.until,
        words.madeBy,
        "",
      ],
      tokens.map(
        ({id, authid, role, scope, uses, single_use, used_at, expires_at, issued_by}) => html`
          <tr data-token=${id}>
            <th scope="row"><code>${id.slice(0, 8)}</code></th>
            <td data-label=${words.user} class="break">${authid}</td>
            <td data-label=${words.role}>${roleTag(role)}</td>
            <td data-label=${words.limits} class="break">${limitsText(scope)}</td>
            <td data-label=${words.uses}>${single_use ? words.once : (uses ?? "–")}</td>
            <td data-label=${words.used}>${used_at === null ? words.never : time(used_at)}</td>
            <td data-label=${words.until}>${time(expires_at)}</td>
            <td data-label=${words.madeBy}>${issued_by ?? words.machine}</td>
            <td class="act">
              <tr-confirm
                .text=${words.revoke}
                .label=${words.revokeOf(id, authid)}
                .action=${() => this.#revoke({token: id})}
              ></tr-confirm>
            </td>
          </tr>
        `,
      ),
    )
  }

  #rights(rights: Rights | null | undefined): TemplateResult {
    const {query} = this
    return html`
      <form class="filters" @submit=${this.#choose} aria-label=${words.who}>
        <label
          >${words.user}
          <input name="user" required autocomplete="off" .value=${query.get("user") ?? ""} />
        </label>
        <label
          >${words.role}
          <select name="role">
            ${ROLES.map(
              role =>
                html`<option ?selected=${role === (query.get("role") ?? "user")}>${role}</option>`,
            )}
          </select>
        </label>
        <label
          >${words.teams} <span class="quiet">(${words.teamsHelp.toLowerCase()})</span>
          <input name="teams" autocomplete="off" .value=${query.get("teams") ?? ""} />
        </label>
        <button class="primary">${words.show}</button>
      </form>
      ${rights ? this.#matrix(rights) : nothing}
    `
  }

  #matrix({tasks, asks}: Rights): TemplateResult {
    return html`
      <div class="panel">
        <div class="wide">
          <table class="matrix" data-testid="access-rights">
            <thead>
              <tr>
                <th scope="col">${words.task}</th>
                ${RIGHTS.map(right => html`<th scope="col">${words.rights[right]}</th>`)}
              </tr>
            </thead>
            <tbody>
              ${tasks.map(
                ({task, rights}) => html`
                  <tr data-task=${task}>
                    <th scope="row">${titleOf(this.catalog, task)}</th>
                    ${RIGHTS.map(right => html`<td>${mark(rights[right])}</td>`)}
                  </tr>
                `,
              )}
            </tbody>
          </table>
        </div>
        <p class="quiet plot-summary">${words.counted} ${asks ? words.asks : ""}</p>
      </div>
    `
  }

  #choose(event: SubmitEvent): void {
    event.preventDefault()
    const wanted = new FormData(event.target as HTMLFormElement)
    location.hash = linkTo({
      show: "rights",
      user: String(wanted.get("user")),
      role: String(wanted.get("role")),
      teams: String(wanted.get("teams")),
    })
  }

  async #end(session: number): Promise<void> {
    await this.#do(async () => {
      await this.client.call("taskrealm.admin.end_session", [session])
      this.#ended.add(session)
      return words.ended
    })
  }

  async #revoke(what: {token: string} | {user: string}): Promise<void> {
    await this.#do(async () => {
      const {tokens} = (await this.client.call("taskrealm.admin.revoke", [], what)) as {
        tokens: number
      }
      return words.revoked(tokens)
    })
  }

  /** Do something, tell what came of it, and show how things are then. */
  async #do(step: () => Promise<string>): Promise<void> {
    try {
      this.note = await step()
    } catch (error) {
      this.note = ""
      this.failure = error as Error
      return
    }
    await this.#load()
  }
}

/** The names that stand in *text*, separated by commas. */
function teamsIn(text: string): string[] {
  return text
    .split(",")
    .map(team => team.trim())
    .filter(team => team !== "")
}

function linkTo(query: Record<string, string | null>): string {
  const entries = Object.entries(query).filter(([, value]) => value) as [string, string][]
  return `#/access?${new URLSearchParams(entries)}`
}

function table(id: string, headings: readonly string[], rows: unknown): TemplateResult {
  return html`
    <div class="wide stacked">
      <table data-testid=${id}>
        <thead>
          <tr>
            ${headings.map(heading =>
              heading === "" ? html`<td></td>` : html`<th scope="col">${heading}</th>`,
            )}
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>
    </div>
  `
}

function roleTag(role: string): TemplateResult {
  return html`<span class="tag" data-tone=${role === "operator" ? "go" : "wait"}>${role}</span> `
}

function time(iso: string | null): unknown {
  return iso === null ? "–" : html`<time datetime=${iso}>${moment(iso)}</time>`
}

function mark(right: {rules: number[]; because: string | null} | undefined): TemplateResult {
  if (right === undefined) return html`<span class="no">✗ ${words.no}</span>`
  const why = right.because ?? words.rules(right.rules)
  return html`<span class="yes">✓ ${words.yes}</span> <small>${why}</small>`
}
