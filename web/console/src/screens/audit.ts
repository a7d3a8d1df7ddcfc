/** Who did what: for operators. */

import type {Client} from "@taskrealm/client"
import {loading, moment, PageElement, problem} from "@taskrealm/elements/base"
import {html, nothing, type PropertyValues, type TemplateResult} from "lit"
import {customElement, property, state} from "lit/decorators.js"
import type {Account} from "../account"
import type {Catalog} from "../catalog"
import {type AuditRecord, csvOf, instant, jsonLinesOf} from "../records"
import {jobLink} from "../route"
import "../styles/operations.css"
import {audit as words} from "../words/audit"

const PAGE = 100 // records
const EXPORT_PAGE = 1000 // records asked for at once
const EXPORT_MOST = 100_000 // records in one file

const TEXTS = ["actor", "owner", "action", "object"] as const

const OUTCOMES = [
  "ok",
  "not_authorized",
  "unknown_job",
  "unknown_task",
  "rate_limited",
  "invalid_token",
]

/** What only programs look for among the details. */
const NUMBERS = new Set(["session", "token", "client"])

const JOB_ID = /^[0-9a-f]{32}$/

interface Page {
  records: AuditRecord[]
  next: number | null
}

@customElement("tr-audit")
export class AuditScreen extends PageElement {
  @property({attribute: false}) account!: Account
  @property({attribute: false}) client!: Client
  @property({attribute: false}) catalog!: Catalog
  /** The filters and `before`, as they stand in the address. */
  @property({attribute: false}) query = new URLSearchParams()
  @state() private page: Page | null = null
  @state() private failure: Error | null = null
  @state() private note = ""
  @state() private isExporting = false
  #asked = 0

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("query") || changed.has("client")) void this.#load()
  }

  get #wanted(): Record<string, unknown> {
    const {query} = this
    const texts = [...TEXTS, "outcome"].flatMap(name => {
      const value = query.get(name)
      return value ? [[name, value] as const] : []
    })
    return {
      ...Object.fromEntries(texts),
      since: instant(query.get("since")),
      until: instant(query.get("until")),
    }
  }

  async #load(): Promise<void> {
    this.#asked += 1
    const asked = this.#asked
    try {
      const page = await this.#ask(Number(this.query.get("before")) || null, PAGE)
      if (asked !== this.#asked) return
      this.page = page
      this.failure = null
    } catch (error) {
      if (asked === this.#asked) this.failure = error as Error
    }
  }

  async #ask(before: number | null, limit: number): Promise<Page> {
    const place = before === null ? {} : {before}
    return (await this.client.call("taskrealm.admin.audit", [], {
      ...this.#wanted,
      ...place,
      limit,
    })) as Page
  }

  protected override render(): TemplateResult {
    return html`
      <div class="row headline">
        <h1>${words.title}</h1>
        <span class="quiet">${words.why}</span>
      </div>
      ${this.#filters()}
      <div class="row audit-tools">
        <button @click=${() => this.#load()}>${words.refresh}</button>
        <button ?disabled=${this.isExporting} @click=${() => this.#export("csv")}>
          ${words.exportCsv}
        </button>
        <button ?disabled=${this.isExporting} @click=${() => this.#export("jsonl")}>
          ${words.exportJson}
        </button>
        <span class="quiet" role="status">${this.note}</span>
      </div>
      ${this.failure ? problem(this.failure) : nothing}
      ${this.page === null ? (this.failure ? nothing : loading(words.title.toLowerCase())) : this.#records(this.page)}
    `
  }

  #filters(): TemplateResult {
    const {query} = this
    return html`
      <form class="filters" aria-label=${words.filters} @submit=${this.#filter} @change=${this.#filter}>
        ${TEXTS.map(
          name => html`<label
            >${words[name]}
            <input name=${name} autocomplete="off" .value=${query.get(name) ?? ""} />
          </label>`,
        )}
        <label
          >${words.outcome}
          <select name="outcome">
            <option value="">${words.any}</option>
            ${OUTCOMES.map(
              each => html`<option ?selected=${each === query.get("outcome")}>${each}</option>`,
            )}
          </select>
        </label>
        ${(["since", "until"] as const).map(
          name => html`<label
            >${words[name]}
            <input type="datetime-local" name=${name} .value=${query.get(name) ?? ""} />
          </label>`,
        )}
        <a class="button" href="#/audit">${words.clear}</a>
      </form>
    `
  }

  #filter(event: Event): void {
    event.preventDefault()
    const form = new FormData(event.currentTarget as HTMLFormElement)
    const entries = [...form].filter(([, value]) => value !== "") as [string, string][]
    location.hash = linkTo(entries)
  }

  #records({records, next}: Page): TemplateResult {
    if (records.length === 0) return html`<p class="quiet">${words.none}</p>`
    const filters = [...this.query].filter(([name]) => name !== "before")
    return html`
      <div class="panel">
        <div class="wide stacked">
          <table data-testid="audit-records">
            <thead>
              <tr>
                <th scope="col">${words.when}</th>
                <th scope="col">${words.actor}</th>
                <th scope="col">${words.action}</th>
                <th scope="col">${words.object}</th>
                <th scope="col">${words.owner}</th>
                <th scope="col">${words.address}</th>
                <th scope="col">${words.outcome}</th>
                <th scope="col">${words.details}</th>
              </tr>
            </thead>
            <tbody>
              ${records.map(row)}
            </tbody>
          </table>
        </div>
      </div>
      <p class="row">
        ${
          next === null
            ? nothing
            : html`<a class="button" href=${linkTo([...filters, ["before", String(next)]])}
                >${words.older}</a
              >`
        }
        ${
          this.query.has("before")
            ? html`<a class="button" href=${linkTo(filters)}>${words.newest}</a>`
            : nothing
        }
      </p>
    `
  }

  async #export(kind: "csv" | "jsonl"): Promise<void> {
    this.isExporting = true
    const found: AuditRecord[] = []
    try {
      let before: number | null = null
      do {
        const page: Page = await this.#ask(before, EXPORT_PAGE)
        found.push(...page.records)
        before = page.next
        this.note = words.exporting(found.length)
      } while (before !== null && found.length < EXPORT_MOST)
      save(`audit.${kind}`, kind === "csv" ? csvOf(found) : jsonLinesOf(found))
      this.note = before === null ? words.exported(found.length) : words.exportedPart(found.length)
    } catch (error) {
      this.note = ""
      this.failure = error as Error
    } finally {
      this.isExporting = false
    }
  }
}

function row({id, at, actor, role, owner, action, object, address, outcome, detail}: AuditRecord) {
  const more = detailText(detail)
  return html`
    <tr data-record=${id}>
      <td data-label=${words.when} class="when">
        <time datetime=${at} title=${at}>${moment(at)}</time>
      </td>
      <th scope="row" class="break">
        ${actor || words.router} ${role && role !== actor ? html`<small class="quiet">${role}</small>` : nothing}
      </th>
      <td data-label=${words.action}>${action}</td>
      <td data-label=${words.object} class=${object === null ? "blank" : "break"}>${objectOf(object)}</td>
      <td data-label=${words.owner} class=${owner === null || owner === actor ? "blank" : "break"}>${owner === actor ? "" : owner}</td>
      <td data-label=${words.address} class=${address === null ? "blank" : ""}>${address}</td>
      <td data-label=${words.outcome}>
        <span class="tag" data-tone=${outcome === "ok" ? "good" : "bad"}>${outcome}</span>
      </td>
      <td data-label=${words.details} class=${more === "" ? "blank" : "break"}>
        <p class="detail">${more}</p>
      </td>
    </tr>
  `
}

function objectOf(object: string | null): unknown {
  if (object === null) return ""
  if (!JOB_ID.test(object)) return object
  return html`<a href=${jobLink(object)} title=${object}><code>…${object.slice(-6)}</code></a>`
}

/** What else is known, without the numbers by which programs find it. */
function detailText(detail: Record<string, unknown>): string {
  return Object.entries(detail)
    .filter(([name, value]) => !NUMBERS.has(name) && value !== null)
    .map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join("; ")
}

function linkTo(entries: [string, string][]): string {
  return entries.length === 0 ? "#/audit" : `#/audit?${new URLSearchParams(entries)}`
}

function save(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], {type: "application/octet-stream"}))
  Object.assign(document.createElement("a"), {href: url, download: name}).click()
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}
