/** The journal of a job: every event with its number, as the node has written it down. */

import type {EventType, JobEvent} from "@taskrealm/client"
import {css, html, LitElement, type TemplateResult} from "lit"
import {customElement, property, state} from "lit/decorators.js"
import {repeat} from "lit/directives/repeat.js"
import {type EventLog, found, rowOf} from "../journal"
import {basics, theme} from "../styles"
import {words} from "../words"
import {copy} from "./copying"

/** Rows in the page; with more, somebody had better filter. */
const MOST = 500

const TIME = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
})

@customElement("tr-events")
export class EventJournal extends LitElement {
  @property({attribute: false}) log!: EventLog
  /** Grows with every event. */
  @property({attribute: false}) count = 0
  @state() private type: EventType | null = null
  @state() private text = ""
  @state() private note = ""

  static override styles = [
    theme,
    basics,
    css`
      .tools {
        align-items: end;
        margin-bottom: 0.75rem;
      }

      label {
        display: grid;
        font-size: 0.9rem;
        gap: 0.125rem;
      }

      input,
      select {
        background: var(--card);
        border: 1px solid var(--edge);
        border-radius: var(--radius);
        color: inherit;
        font: inherit;
        min-height: 2.5rem;
        padding: 0.3rem 0.6rem;
      }

      input {
        width: min(18rem, 70vw);
      }

      .rows {
        background: var(--card);
        border: 1px solid var(--line);
        border-radius: var(--radius);
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
        padding: 0.35rem 0.75rem;
        text-align: start;
        vertical-align: top;
        white-space: nowrap;
      }

      tbody tr:last-child td {
        border-bottom: 0;
      }

      thead th {
        background: var(--wait-soft);
        font-size: 0.85rem;
        position: sticky;
        top: 0;
      }

      .number {
        font-variant-numeric: tabular-nums;
        text-align: end;
      }

      td.data {
        font-family: var(--mono);
        font-size: 0.8rem;
        overflow-wrap: anywhere;
        white-space: pre-wrap;
        width: 100%;
      }

      @media (max-width: 40rem) {
        td.data {
          min-width: 12rem;
        }

        .stream {
          display: none;
        }

        th,
        td {
          padding-inline: 0.5rem;
        }
      }
    `,
  ]

  protected override render(): TemplateResult {
    const {events, dropped, types} = this.log
    const all = found(events, this.type, this.text)
    const rows = all.slice(-MOST)
    return html`
      <div class="row tools">
        <label>
          ${words.job.filter}
          <input type="search" .value=${this.text} @input=${this.#search} />
        </label>
        <label>
          ${words.job.type}
          <select @change=${this.#choose}>
            <option value="">${words.job.allTypes}</option>
            ${types.map(type => html`<option ?selected=${type === this.type}>${type}</option>`)}
          </select>
        </label>
        <button @click=${() => this.#copy(all)}>${words.job.copyJson}</button>
        <span class="quiet" role="status">
          ${this.note || words.job.shown(rows.length, dropped + events.length)}
        </span>
      </div>
      ${dropped > 0 ? html`<p class="quiet">${words.job.dropped(dropped)}</p>` : ""}
      <div class="rows" tabindex="0" role="region" aria-label=${words.job.journal}>
        <table data-testid="job-events">
          <thead>
            <tr>
              <th scope="col" class="number">${words.job.seqOfJob}</th>
              <th scope="col" class="number stream">${words.job.seqOfUser}</th>
              <th scope="col">${words.job.at}</th>
              <th scope="col">${words.job.type}</th>
              <th scope="col">${words.job.data}</th>
            </tr>
          </thead>
          <tbody>
            ${repeat(
              rows,
              ({job_seq}) => job_seq,
              event => this.#row(event),
            )}
          </tbody>
        </table>
      </div>
    `
  }

  #row(event: JobEvent): TemplateResult {
    const {number, seq, at, type, data} = rowOf(event)
    return html`
      <tr>
        <td class="number">${number}</td>
        <td class="number stream quiet">${seq ?? "–"}</td>
        <td><time datetime=${at} title=${at}>${TIME.format(new Date(at))}</time></td>
        <td>${type}</td>
        <td class="data">${data}</td>
      </tr>
    `
  }

  #search(event: InputEvent): void {
    this.text = (event.target as HTMLInputElement).value
  }

  #choose(event: Event): void {
    this.type = ((event.target as HTMLSelectElement).value || null) as EventType | null
  }

  async #copy(events: readonly JobEvent[]): Promise<void> {
    const isCopied = await copy(JSON.stringify(events, null, 2))
    this.note = isCopied ? words.job.copied : words.job.notCopied
  }
}
