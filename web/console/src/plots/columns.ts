/** Columns beside each other: jobs by how they ended over time, or by how long they ran. */

import {PageElement} from "@taskrealm/elements/base"
import {html, nothing, svg, type TemplateResult} from "lit"
import {customElement, property} from "lit/decorators.js"
import {plots as words} from "../words/plots"
import {countTicks, linear} from "./scale"
import {Width} from "./width"

/** One column: its parts from the bottom, each with its place among all *kinds*. */
export interface Column {
  /** What it is, in full. */
  name: string
  /** What stands below it, if there is room. */
  label: string
  parts: readonly number[]
}

/** What a part of a column is, in words and in colour. */
export interface Kind {
  name: string
  /** A state of jobs, whose colour and pattern the stylesheet has, or `plain`. */
  tone: string
}

const HEIGHT = 168 // pixels
const TOP = 10
const BOTTOM = 24
const LEFT = 34
const RIGHT = 8
const WIDEST = 40 // pixels of one column

@customElement("tr-column-plot")
export class ColumnPlot extends PageElement {
  @property({attribute: false}) heading = ""
  /** What it says, in a sentence. */
  @property({attribute: false}) summary = ""
  @property({attribute: false}) columns: readonly Column[] = []
  @property({attribute: false}) kinds: readonly Kind[] = []
  /** What the columns stand for, over the first column of the table. */
  @property({attribute: false}) axis = ""
  #width = new Width(this)

  protected override render(): TemplateResult {
    const used = this.kinds.filter((_, at) => this.columns.some(({parts}) => parts[at]))
    return html`
      <figure class="plot">
        <figcaption>
          <h3>${this.heading}</h3>
          ${
            used.length > 1 || this.kinds.length > 1
              ? html`<ul class="plot-legend">
                  ${used.map(({name, tone}) => html`<li data-state=${tone}>${name}</li>`)}
                </ul>`
              : nothing
          }
        </figcaption>
        <div class="plot-canvas">
          <svg
            role="img"
            aria-label=${`${this.heading}. ${this.summary}`}
            width=${this.#width.value}
            height=${HEIGHT}
            viewBox=${`0 0 ${this.#width.value} ${HEIGHT}`}
          >
            ${this.#drawing()}
          </svg>
        </div>
        <p class="quiet plot-summary">${this.summary}</p>
        ${this.#table()}
      </figure>
    `
  }

  #drawing(): unknown {
    const {columns} = this
    const marks = countTicks(Math.max(1, ...columns.map(total)), 3)
    const base = HEIGHT - BOTTOM
    const right = this.#width.value - RIGHT
    const y = linear([0, marks.at(-1) as number], [base, TOP])
    const room = (right - LEFT) / Math.max(1, columns.length)
    const wide = Math.min(WIDEST, Math.max(1, room * 0.78))
    const centre = (at: number) => LEFT + room * (at + 0.5)
    const longest = Math.max(...columns.map(({label}) => label.length), 1)
    const skip = Math.max(1, Math.ceil((longest * 6.5 + 12) / room))
    return svg`
      <g class="plot-grid">
        ${marks.map(mark => svg`<line x1=${LEFT} x2=${right} y1=${y(mark)} y2=${y(mark)} />`)}
      </g>
      <g class="plot-scale">
        ${marks.map(mark => svg`<text x=${LEFT - 8} y=${y(mark)} dy="0.32em">${mark}</text>`)}
      </g>
      <g class="plot-times">
        ${columns.map(({label}, at) =>
          at % skip === 0 ? svg`<text x=${centre(at)} y=${HEIGHT - 6}>${label}</text>` : nothing,
        )}
      </g>
      ${columns.map((column, at) => {
        let below = 0
        return svg`
          <g>
            <title>${`${column.name}: ${this.#told(column)}`}</title>
            ${column.parts.map((count, kind) => {
              if (count === 0) return nothing
              const top = y(below + count)
              const foot = y(below)
              below += count
              return svg`<rect
                class="plot-column"
                data-state=${this.kinds[kind]?.tone ?? "plain"}
                x=${centre(at) - wide / 2}
                width=${wide}
                y=${top}
                height=${Math.max(1, foot - top)}
              />`
            })}
          </g>
        `
      })}
    `
  }

  #told(column: Column): string {
    if (this.kinds.length === 1) return words.countOf(total(column))
    const parts = this.kinds.flatMap(({name}, at) =>
      column.parts[at] ? [`${column.parts[at]} ${name.toLowerCase()}`] : [],
    )
    return parts.length === 0 ? words.countOf(0) : parts.join(", ")
  }

  #table(): TemplateResult {
    const used = this.kinds
      .map((_, at) => at)
      .filter(at => this.columns.some(({parts}) => parts[at]))
    return html`
      <details class="plot-table">
        <summary>${words.table}</summary>
        <div class="wide">
          <table>
            <caption class="hidden">${this.heading}</caption>
            <thead>
              <tr>
                <th scope="col">${this.axis}</th>
                ${used.map(at => html`<th scope="col">${this.kinds[at]?.name}</th>`)}
              </tr>
            </thead>
            <tbody>
              ${this.columns
                .filter(column => total(column) > 0)
                .map(
                  column => html`
                    <tr>
                      <th scope="row">${column.name}</th>
                      ${used.map(at => html`<td>${column.parts[at]}</td>`)}
                    </tr>
                  `,
                )}
            </tbody>
          </table>
        </div>
      </details>
    `
  }
}

function total({parts}: Column): number {
  return parts.reduce((sum, part) => sum + part, 0)
}
