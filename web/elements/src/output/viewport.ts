/** The part of the output that is in the page: rows for some of the lines at hand. */

import type {LitElement} from "lit"
import {words} from "../words"
import {STREAMS} from "./intake"
import type {PlacedLine} from "./pages"
import {paint} from "./painting"
import type {Line} from "./reader"
import {drawThumb, grab} from "./scrollbar"
import type {Window} from "./window"

/** Rows in the page at most. */
export const ROWS = 300

/** Rows that are there above and below what can be seen, before more are made. */
const MARGIN = 60

/** Makes the rows, and knows where each of them is. */
export class Viewport {
  /** What is marked in the lines, if anything. */
  needle: RegExp | null = null
  /** The place of the line of the match that is shown. */
  current: PlacedLine["at"] | null = null
  /** Rows by the number of their line, from the first to the last without a hole. */
  #shown = new Map<number, HTMLElement>()
  #top = 0
  #openRows = new Map<Line["stream"], HTMLElement>()
  #lastScroll = 0

  constructor(
    private readonly host: LitElement,
    private readonly held: Window,
  ) {}

  /** What scrolls. */
  get screen(): HTMLElement {
    return this.#part("screen")
  }

  #part(name: "screen" | "rows" | "track" | "thumb"): HTMLElement {
    return this.host.renderRoot.querySelector(`.${name}`) as HTMLElement
  }

  /** Whether there is no row at all, neither of a line at hand nor of one without an end. */
  get isEmpty(): boolean {
    return this.held.isEmpty && this.#openRows.size === 0
  }

  clear(): void {
    this.#shown.clear()
    this.#openRows.clear()
    this.#part("rows").replaceChildren()
    this.#top = 0
  }

  /** Show the lines without an end behind all others; *total* is the place behind those. */
  drawOpen(lineOf: (stream: Line["stream"]) => Line | null, total: number): void {
    for (const stream of STREAMS) {
      const line = lineOf(stream)
      const row = this.#openRows.get(stream)
      if (!line) {
        row?.remove()
        this.#openRows.delete(stream)
      } else {
        const target = row ?? this.#part("rows").appendChild(newRow())
        this.#openRows.set(stream, target)
        this.#paint(target, {...line, at: total, end: total})
      }
    }
  }

  #paint(row: HTMLElement, line: PlacedLine): void {
    paint(row, {
      line,
      styleOf: style => this.held.styleOf(line, style),
      needle: this.needle,
      isCurrent: line.at === this.current && line.kind === "text",
      say: {
        gap: words.output.gap,
        note: ({note}) => (note === "live" ? words.output.liveNote : words.output.stderrNote),
      },
    })
  }

  /** Show the lines anew, as something else is marked in them or is known of their style. */
  repaint(): void {
    for (const [number, row] of this.#shown) {
      const line = this.held.line(number)
      if (line) this.#paint(row, line)
    }
  }

  /** Have rows for the lines from number *top* on, and leave what can be seen where it is. */
  show(wanted: number): void {
    const top = Math.max(this.held.first, Math.min(wanted, this.held.end - ROWS))
    const end = Math.min(this.held.end, top + ROWS)
    const anchor = this.#anchor()
    for (const [number, row] of this.#shown) {
      if (number >= top && number < end) continue
      row.remove()
      this.#shown.delete(number)
    }
    const kept = [...this.#shown.keys()]
    const first = kept.length > 0 ? Math.min(...kept) : end
    const rows = this.#part("rows")
    rows.prepend(this.#newRows(top, first))
    const last = kept.length > 0 ? Math.max(...kept) + 1 : end
    const [open] = this.#openRows.values()
    rows.insertBefore(this.#newRows(last, end), open ?? null)
    this.#top = top
    if (anchor?.row.isConnected) this.#scrollTo(anchor.row.offsetTop - anchor.distance)
  }

  #newRows(from: number, to: number): DocumentFragment {
    const rows = document.createDocumentFragment()
    for (let number = from; number < to; number += 1) {
      const line = this.held.line(number)
      if (!line) continue
      const row = newRow()
      this.#paint(row, line)
      this.#shown.set(number, row)
      rows.append(row)
    }
    return rows
  }

  /** Show the last lines, scrolled to the lower edge. */
  showLast(): void {
    this.show(this.held.end - ROWS)
    this.#scrollTo(this.screen.scrollHeight)
  }

  /** Scroll to the row of the line *number*, so that it is at that part of the height. */
  scrollToRow(number: number, height: number): void {
    const row = this.#shown.get(number)
    if (row) this.#scrollTo(row.offsetTop - this.screen.clientHeight * height)
  }

  /** The first row that can be seen, and how far below the upper edge it begins. */
  #anchor(): {row: HTMLElement; distance: number} | null {
    const {scrollTop} = this.screen
    const row = this.#shown.get(this.#numberAt(scrollTop))
    return row ? {row, distance: row.offsetTop - scrollTop} : null
  }

  /** The number of the line that is shown at *height*. */
  #numberAt(height: number): number {
    let [low, high] = [this.#top, this.#top + this.#shown.size - 1]
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      const row = this.#shown.get(middle)
      if (row && row.offsetTop <= height) low = middle
      else high = middle - 1
    }
    return low
  }

  /** Let rows be there for where one is; the numbers of the first and the last line there. */
  slide(): [first: number, last: number] {
    const {scrollTop, clientHeight} = this.screen
    const first = this.#numberAt(scrollTop)
    const last = this.#numberAt(scrollTop + clientHeight)
    const [top, end] = [this.#top, this.#top + this.#shown.size]
    const isShort = end - top < Math.min(ROWS, this.held.end - this.held.first)
    const isNearTop = first - top < MARGIN && top > this.held.first
    const isNearEnd = end - last < MARGIN && end < this.held.end
    if (isShort || isNearTop || isNearEnd) this.show(first - Math.floor(ROWS / 2) + MARGIN / 2)
    return [first, last]
  }

  #scrollTo(top: number): void {
    const {screen} = this
    screen.scrollTop = top
    this.#lastScroll = screen.scrollTop
  }

  /** Whether somebody has scrolled up, or down to the last of the lines at hand. */
  scrolled(): {isUp: boolean; isLast: boolean} {
    const {scrollTop, scrollHeight, clientHeight} = this.screen
    const isLow = scrollHeight - scrollTop - clientHeight < 24
    const isUp = scrollTop < this.#lastScroll - 1
    this.#lastScroll = scrollTop
    return {isUp, isLast: isLow && this.#top + this.#shown.size >= this.held.end}
  }

  /** The places that can be seen, the last one behind. */
  seen(): [from: number, to: number] {
    const {scrollTop, clientHeight} = this.screen
    const place = (height: number) => {
      const number = this.#numberAt(height)
      const [line, row] = [this.held.line(number), this.#shown.get(number)]
      if (!line || !row) return 0
      const share = Math.min(1, Math.max(0, (height - row.offsetTop) / (row.offsetHeight || 1)))
      return line.at + share * (line.end - line.at)
    }
    return [place(scrollTop), place(scrollTop + clientHeight)]
  }

  /** Let the scrollbar show where one is in all of the output, from 0 to *total*. */
  drawThumb(total: number): void {
    const {scrollHeight, clientHeight} = this.screen
    const track = this.#part("track")
    const isWhole = this.held.from === 0 && this.held.to === total
    track.hidden = total === 0 || (isWhole && scrollHeight <= clientHeight + 1)
    drawThumb(track, this.#part("thumb"), this.seen(), total)
  }

  /** Let the thumb follow the pointer; *go* is called with how far down it is, from 0 to 1. */
  grab(event: PointerEvent, go: (share: number) => Promise<void>): void {
    grab(event, this.#part("track"), this.#part("thumb"), go)
  }
}

function newRow(): HTMLElement {
  const row = document.createElement("div")
  row.setAttribute("part", "line")
  return row
}
