/** What a job gives back, shown as what it is: a table, a page, a tree, a text. */

import {css, html, LitElement, type TemplateResult} from "lit"
import {customElement, property, state} from "lit/decorators.js"
import {readMarkdown} from "../markdown"
import {type Cell, type Result, resultOf, type Table} from "../result"
import {basics, theme} from "../styles"
import {words} from "../words"
import {markdown, markdownStyles} from "./markdown"

/** Rows and entries that are shown before somebody asks for more. */
const STEP = 100

/** Levels of a tree that are open at first. */
const OPEN = 2

@customElement("tr-result")
export class ResultView extends LitElement {
  @property({attribute: false}) value: unknown = null
  @state() private isText = false
  @state() private rows = STEP
  #result: Result = {kind: "none"}

  static override styles = [
    theme,
    basics,
    markdownStyles,
    css`
      .card {
        background: var(--card);
        border: 1px solid var(--line);
        border-radius: var(--radius);
        padding: 1rem 1.125rem;
      }

      .card.flush {
        max-width: 100%;
        min-width: min(100%, 16rem);
        overflow: hidden;
        padding: 0;
        width: fit-content;
      }

      .large {
        font-size: 1.5rem;
        font-variant-numeric: tabular-nums;
        font-weight: 600;
        margin: 0;
      }

      pre.block {
        max-height: min(32rem, 65vh);
      }

      .scroll {
        max-height: min(32rem, 65vh);
        overflow: auto;
      }

      table {
        border-collapse: collapse;
        width: 100%;
      }

      th,
      td {
        border-bottom: 1px solid var(--line);
        font-variant-numeric: tabular-nums;
        padding: 0.4rem 0.9rem;
        text-align: start;
        vertical-align: top;
      }

      tbody tr:last-child td {
        border-bottom: 0;
      }

      thead th {
        background: var(--wait-soft);
        position: sticky;
        top: 0;
        white-space: nowrap;
      }

      td.number {
        text-align: end;
      }

      th.number {
        text-align: end;
      }

      ul.tree,
      .tree ul {
        list-style: none;
        margin: 0;
        padding: 0;
      }

      .tree {
        font-family: var(--mono);
        font-size: 0.875rem;
        overflow-wrap: anywhere;
      }

      .tree ul {
        border-inline-start: 1px solid var(--line);
        margin-inline-start: 0.35rem;
        padding-inline-start: 1rem;
      }

      .tree summary {
        cursor: pointer;
        min-height: 1.5rem;
      }

      .tree li {
        min-height: 1.5rem;
      }

      .tree .key {
        color: var(--accent);
      }

      .tree .string {
        color: var(--good);
        white-space: pre-wrap;
      }

      .tree .other {
        color: var(--go);
      }

      .under {
        margin-top: 0.5rem;
      }
    `,
  ]

  protected override willUpdate(changed: Map<PropertyKey, unknown>): void {
    if (!changed.has("value")) return
    this.#result = resultOf(this.value)
    this.isText = false
    this.rows = STEP
  }

  protected override render(): TemplateResult | string {
    const result = this.#result
    if (result.kind === "none") return ""
    if (result.kind === "text") return text(result.text)
    return html`
      ${this.isText ? text(plain(this.value)) : this.#shown(result)}
      <div class="row under">
        ${
          result.kind === "table" && result.table.rows.length > this.rows && !this.isText
            ? html`<button @click=${this.#more}>
                ${words.job.moreRows(Math.min(STEP * 5, result.table.rows.length - this.rows))}
              </button>`
            : ""
        }
        <button class="plain" aria-pressed=${String(this.isText)} @click=${this.#toggle}>
          ${words.job.asText}
        </button>
      </div>
    `
  }

  #shown(result: Exclude<Result, {kind: "none" | "text"}>): TemplateResult {
    switch (result.kind) {
      case "table":
        return html`<div class="card flush">${table(result.table, this.rows)}</div>`
      case "markdown":
        return html`<div class="card page">${markdown(readMarkdown(result.text))}</div>`
      case "tree":
        return html`<div class="card"><ul class="tree">${entries(result.value, 1)}</ul></div>`
    }
  }

  #more(): void {
    this.rows += STEP * 5
  }

  #toggle(): void {
    this.isText = !this.isText
  }
}

/** A word or a number is large; what is longer is as it was printed. */
function text(value: string): TemplateResult {
  const isShort = value.length <= 60 && !value.includes("\n")
  return isShort
    ? html`<div class="card"><p class="large">${value}</p></div>`
    : html`<pre class="block" tabindex="0">${value}</pre>`
}

function plain(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2)
}

function table({columns, rows}: Table, most: number): TemplateResult {
  const width = rows[0]?.length ?? 0
  const isNumber = Array.from({length: width}, (_, index) =>
    rows.every(row => row[index] === null || typeof row[index] === "number"),
  )
  const side = (index: number) => (isNumber[index] ? "number" : "")
  const head = html`<thead>
    <tr>
      ${columns.map((name, index) => html`<th scope="col" class=${side(index)}>${name}</th>`)}
    </tr>
  </thead>`
  return html`
    <div class="scroll" tabindex="0" role="region" aria-label=${words.job.result}>
      <table>
        ${columns.length > 0 ? head : ""}
        <tbody>
          ${rows.slice(0, most).map(
            row =>
              html`<tr>
                ${row.map((cell, index) => html`<td class=${side(index)}>${cellText(cell)}</td>`)}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  `
}

function cellText(cell: Cell): string {
  return cell === null ? "" : String(cell)
}

function entries(value: object, level: number): TemplateResult[] {
  const all = Object.entries(value)
  const shown = all.slice(0, STEP).map(([key, each]) => entry(key, each, level))
  const others = all.length - shown.length
  if (others > 0) shown.push(html`<li class="quiet">${words.job.moreEntries(others)}</li>`)
  return shown
}

function entry(key: string, value: unknown, level: number): TemplateResult {
  if (typeof value !== "object" || value === null) {
    const kind = typeof value === "string" ? "string" : "other"
    return html`<li>
      <span class="key">${key}</span>: <span class=${kind}>${JSON.stringify(value)}</span>
    </li>`
  }
  const count = Object.keys(value).length
  return html`<li>
    <details ?open=${level < OPEN && count <= STEP}>
      <summary>
        <span class="key">${key}</span> <span class="quiet">${words.job.entries(count)}</span>
      </summary>
      <ul>${entries(value, level + 1)}</ul>
    </details>
  </li>`
}
