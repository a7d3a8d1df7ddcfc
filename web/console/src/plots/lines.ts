/** Some quantities over time: areas, lines, and the limit that they may reach. */

import {PageElement} from "@taskrealm/elements/base"
import {html, nothing, svg, type TemplateResult} from "lit"
import {customElement, property, state} from "lit/decorators.js"
import {plots as words} from "../words/plots"
import {latest, peak} from "./load"
import {areaPath, linePath} from "./paths"
import {countTicks, isByDay, linear, timeTicks} from "./scale"
import {Width} from "./width"

export interface Series {
  /** What it is, for people. */
  name: string
  /** How it is drawn; a `limit` is a dashed line, which everything else stays below. */
  kind: "area" | "line" | "limit"
  /** One of the colours of the stylesheet. */
  tone: "go" | "wait" | "stop" | "accent"
  /** One for each time; null where nothing is known. */
  values: readonly (number | null)[]
}

const HEIGHT = 168 // pixels
const TOP = 10
const BOTTOM = 24
const RIGHT = 8

const CLOCK = new Intl.DateTimeFormat(undefined, {timeStyle: "short"})
const EXACT = new Intl.DateTimeFormat(undefined, {timeStyle: "medium"})
const DAY = new Intl.DateTimeFormat(undefined, {month: "short", day: "numeric"})
const BOTH = new Intl.DateTimeFormat(undefined, {dateStyle: "medium", timeStyle: "short"})

@customElement("tr-line-plot")
export class LinePlot extends PageElement {
  /** What it is called. */
  @property({attribute: false}) heading = ""
  /** When each value was, in milliseconds since 1970, oldest first. */
  @property({attribute: false}) times: readonly number[] = []
  @property({attribute: false}) series: readonly Series[] = []
  /** How values are written. */
  @property({attribute: false}) write: (value: number) => string = String
  /** The marks beside the vertical axis, from 0 to the top. */
  @property({attribute: false}) marks: (most: number) => number[] = countTicks
  /** The place of the value that is read just now. */
  @state() private read: number | null = null
  #width = new Width(this)

  get #left(): number {
    const longest = Math.max(...this.#marks.map(mark => this.write(mark).length))
    return 12 + longest * 7
  }

  get #marks(): number[] {
    return this.marks(Math.max(...this.series.map(({values}) => peak(values)), 0))
  }

  protected override render(): TemplateResult {
    const summary = this.series
      .map(({name, values}) => {
        const now = latest(values)
        const shown = now === null ? words.notThere : this.write(now)
        return words.peakOf(name, this.write(peak(values)), shown)
      })
      .join("; ")
    return html`
      <figure class="plot">
        <figcaption>
          <h3>${this.heading}</h3>
          ${this.#legend()}
        </figcaption>
        <div class="plot-canvas">
          <svg
            role="img"
            tabindex="0"
            aria-label=${`${this.heading}. ${summary}. ${words.readout}`}
            width=${this.#width.value}
            height=${HEIGHT}
            viewBox=${`0 0 ${this.#width.value} ${HEIGHT}`}
            @pointermove=${this.#point}
            @pointerdown=${this.#point}
            @pointerleave=${this.#leave}
            @blur=${this.#leave}
            @keydown=${this.#press}
          >
            ${this.#drawing()}
          </svg>
        </div>
        ${this.#table()}
      </figure>
    `
  }

  /** What each line is, and its value now or where one looks. */
  #legend(): TemplateResult {
    const at = this.read
    return html`
      <ul class="plot-legend">
        ${this.series.map(({name, kind, tone, values}) => {
          const value = at === null ? latest(values) : (values[at] ?? null)
          return html`
            <li data-kind=${kind} data-tone=${tone}>
              ${name} <strong>${value === null ? "–" : this.write(value)}</strong>
            </li>
          `
        })}
        <li class="quiet plot-moment">
          <span role="status">${at === null ? words.now : EXACT.format(this.times[at])}</span>
        </li>
      </ul>
    `
  }

  #drawing(): unknown {
    const {times} = this
    const [from = 0] = times
    const to = times.at(-1) ?? 0
    const marks = this.#marks
    const left = this.#left
    const right = this.#width.value - RIGHT
    const base = HEIGHT - BOTTOM
    const x = linear([from, to], [left, right])
    const y = linear([0, marks.at(-1) as number], [base, TOP])
    const ticks = timeTicks(from, to, Math.max(2, Math.floor((right - left) / 90)))
    const format = isByDay(ticks) ? DAY : CLOCK
    return svg`
      <g class="plot-grid">
        ${marks.map(mark => svg`<line x1=${left} x2=${right} y1=${y(mark)} y2=${y(mark)} />`)}
      </g>
      <g class="plot-scale">
        ${marks.map(
          mark => svg`<text x=${left - 8} y=${y(mark)} dy="0.32em">${this.write(mark)}</text>`,
        )}
      </g>
      <g class="plot-times">
        ${ticks.map(tick => {
          // At the edges there is not enough room for all of it.
          const place = Math.min(Math.max(x(tick), left + 16), right - 16)
          return svg`<text x=${place} y=${HEIGHT - 6}>${format.format(tick)}</text>`
        })}
      </g>
      ${this.series.map(({kind, tone, values}) => {
        const points = values.map((value, at) =>
          value === null ? null : {x: x(times[at] as number), y: y(value)},
        )
        return svg`
          ${kind === "area" ? svg`<path class="plot-area" data-tone=${tone} d=${areaPath(points, base)} />` : nothing}
          <path class="plot-line" data-kind=${kind} data-tone=${tone} d=${linePath(points)} />
        `
      })}
      ${this.#cursor(x, y, base)}
    `
  }

  #cursor(x: (value: number) => number, y: (value: number) => number, base: number): unknown {
    const at = this.read
    if (at === null) return nothing
    const place = x(this.times[at] as number)
    return svg`
      <line class="plot-cursor" x1=${place} x2=${place} y1=${TOP} y2=${base} />
      ${this.series.map(({values, tone}) => {
        const value = values[at]
        return value === null || value === undefined
          ? nothing
          : svg`<circle class="plot-dot" data-tone=${tone} cx=${place} cy=${y(value)} r="3.5" />`
      })}
    `
  }

  /** The same in words, a dozen lines at most, each with the most of its time. */
  #table(): TemplateResult {
    const size = Math.max(1, Math.ceil(this.times.length / 12))
    const starts = this.times.filter((_, at) => at % size === 0)
    return html`
      <details class="plot-table">
        <summary>${words.table}</summary>
        <div class="wide">
          <table>
            <caption class="hidden">${this.heading}</caption>
            <thead>
              <tr>
                <th scope="col">${words.from}</th>
                ${this.series.map(({name}) => html`<th scope="col">${name}</th>`)}
              </tr>
            </thead>
            <tbody>
              ${starts.map(
                (time, row) => html`
                  <tr>
                    <th scope="row">${BOTH.format(time)}</th>
                    ${this.series.map(({values}) => {
                      const some = values.slice(row * size, (row + 1) * size)
                      return html`<td>${latest(some) === null ? "–" : this.write(peak(some))}</td>`
                    })}
                  </tr>
                `,
              )}
            </tbody>
          </table>
        </div>
      </details>
    `
  }

  #point(event: PointerEvent): void {
    const {left} = (event.currentTarget as Element).getBoundingClientRect()
    const room: [number, number] = [this.#left, this.#width.value - RIGHT]
    const place = linear(room, [0, this.times.length - 1])(event.clientX - left)
    this.#readAt(Math.round(place))
  }

  #press(event: KeyboardEvent): void {
    const last = this.times.length - 1
    const now = this.read ?? last
    const moves: Record<string, number> = {
      ArrowLeft: now - 1,
      ArrowRight: now + 1,
      PageUp: now - 10,
      PageDown: now + 10,
      Home: 0,
      End: last,
    }
    const next = moves[event.key]
    if (next === undefined) return
    event.preventDefault()
    this.#readAt(next)
  }

  #readAt(place: number): void {
    const last = this.times.length - 1
    this.read = last < 0 ? null : Math.min(Math.max(place, 0), last)
  }

  #leave(): void {
    this.read = null
  }
}
