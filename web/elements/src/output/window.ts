/** The lines that are at hand: pages in a row, some of many; those far away are let go. */

import type {Page, PlacedLine, Styles} from "./pages"
import {PAGE} from "./pages"
import {inherited, PLAIN} from "./style"

/** Bytes that are kept on either side of what is shown. */
const KEPT = 4 * PAGE

interface HeldPage extends Page {
  /** How each stream looks where the page begins. */
  before: Styles
}

/** Lines by number: the number of a line never changes as long as it is held. */
export class Window {
  #pages: HeldPage[] = []
  #lines: PlacedLine[] = []
  #first = 0

  /** The number of the first line that is held, and the one behind the last. */
  get first(): number {
    return this.#first
  }

  get end(): number {
    return this.#first + this.#lines.length
  }

  /** The places that are held. */
  get from(): number {
    return this.#pages[0]?.from ?? 0
  }

  get to(): number {
    return this.#pages.at(-1)?.to ?? 0
  }

  get isEmpty(): boolean {
    return this.#pages.length === 0
  }

  line(number: number): PlacedLine | undefined {
    return this.#lines[number - this.#first]
  }

  /** The number of the line at *place*; of the last one before, if that is none. */
  numberAt(place: number): number {
    let [low, high] = [0, this.#lines.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#lines[middle] as PlacedLine).at <= place) low = middle + 1
      else high = middle
    }
    return this.#first + Math.max(0, low - 1)
  }

  /** The style that a run with *style* in *line* has, after all that is held before it. */
  styleOf(line: PlacedLine, style: string): string {
    if (!style.includes("?")) return style
    const page = this.#pages.findLast(each => each.from <= line.at)
    return inherited(style, page?.before[line.stream] ?? PLAIN)
  }

  clear(): void {
    this.#pages = []
    this.#lines = []
    this.#first = 0
  }

  /** Put *page*, which begins where the last one ends, behind all. */
  append(page: Page): void {
    this.#pages.push({...page, before: this.#stylesBehind(this.#pages.at(-1))})
    for (const line of page.lines) this.#lines.push(line)
  }

  /** Put single *lines*, just printed, behind all. */
  extend(lines: PlacedLine[], to: number, styles: Styles): void {
    const last = this.#pages.at(-1)
    if (!last || last.to - last.from >= PAGE) {
      this.append({from: this.to, to, lines, styles})
      return
    }
    last.to = to
    last.lines = last.lines.concat(lines)
    Object.assign(last.styles, styles)
    for (const line of lines) this.#lines.push(line)
  }

  /** Put *page*, which ends where the first one begins, before all. */
  prepend(page: Page): void {
    this.#pages.unshift({...page, before: {}})
    this.#lines = [...page.lines, ...this.#lines]
    this.#first -= page.lines.length
    for (const [index, each] of this.#pages.entries()) {
      if (index > 0) each.before = this.#stylesBehind(this.#pages[index - 1])
    }
  }

  /** Let go of pages that are far from both of these lines. */
  trim(top: number, bottom: number): void {
    const from = (this.line(top)?.at ?? this.from) - KEPT
    const to = (this.line(bottom)?.end ?? this.to) + KEPT
    while (this.#pages.length > 1 && (this.#pages[0] as HeldPage).to < from) {
      const count = (this.#pages.shift() as HeldPage).lines.length
      this.#lines.splice(0, count)
      this.#first += count
    }
    while (this.#pages.length > 1 && (this.#pages.at(-1) as HeldPage).from > to) {
      const count = (this.#pages.pop() as HeldPage).lines.length
      this.#lines.length -= count
    }
  }

  #stylesBehind(page: HeldPage | undefined): Styles {
    if (!page) return {}
    const styles: Styles = {...page.before}
    for (const [stream, style] of Object.entries(page.styles) as ["stdout" | "stderr", string][]) {
      styles[stream] = inherited(style, page.before[stream] ?? PLAIN)
    }
    return styles
  }
}
