/** Takes in what a job prints: what there is when one comes, and then live. */

import {isTerminal, type Job, type OutputStream} from "@taskrealm/client"
import {Course} from "./course"
import {MOST, PAGE, type PlacedLine, placedIn, type Read, type Styles, withNotes} from "./pages"
import {type Line, LineReader} from "./reader"
import {UNKNOWN} from "./style"

/** Characters of live output taken in before others have their turn. */
const GULP = 100_000

/** Segments after which the order of live output is given up for a simpler one. */
const CROWD = 20_000

export const STREAMS: readonly OutputStream[] = ["stdout", "stderr"]

/** Lines that have just been finished, from one place to another. */
export interface News {
  from: number
  to: number
  lines: PlacedLine[]
  styles: Styles
}

export interface Listeners {
  onNews: (news: News) => void
  /** Something else has changed, such as the sizes. */
  onChange: () => void
  /** Resolves when the page has drawn. */
  drawn: () => Promise<void>
}

/** The output of one job as far as it is known. */
export class Intake {
  readonly course = new Course()
  /** Bytes that were printed. */
  readonly sizes: Record<OutputStream, number> = {stdout: 0, stderr: 0}
  /** Bytes of them that were not kept. */
  readonly lost: Record<OutputStream, number> = {stdout: 0, stderr: 0}
  hasEnded = false
  #readers: Partial<Record<OutputStream, LineReader>> = {}
  /** How much of each stream is in the course. */
  #known: Record<OutputStream, number> = {stdout: 0, stderr: 0}
  /** Whether what comes next is to be told from what was there. */
  #isNew = false

  constructor(
    readonly job: Job,
    readonly streams: readonly OutputStream[],
    private readonly listeners: Listeners,
  ) {}

  /** Whether its order has become more than a page should hold. */
  get isCrowded(): boolean {
    return this.course.segments.length > CROWD
  }

  /** The line of *stream* that has no end yet. */
  openLine(stream: OutputStream): Line | null {
    return this.#readers[stream]?.open ?? null
  }

  readonly read: Read = async (stream, offset, limit) => {
    const page = await this.job.read({stream, offset, limit: Math.min(limit, MOST)})
    const lost = page.size - page.kept
    if (lost !== this.lost[stream]) {
      this.lost[stream] = lost
      this.listeners.onChange()
    }
    return page
  }

  /** Put what was printed since we last knew, up to the last end of a line, into the course. */
  async begin(signal: AbortSignal): Promise<void> {
    const {output, state} = await this.job.details()
    const ends = await Promise.all(
      this.streams.map(async stream => {
        const from = this.#known[stream]
        return {stream, from, to: await this.#lastLineEnd(stream, from, output[stream])}
      }),
    )
    if (signal.aborted) return
    Object.assign(this.sizes, output)
    this.hasEnded = isTerminal(state)
    const parts = ends.filter(({from, to}) => to > from)
    const hasMore = this.course.total > 0
    for (const [index, {stream, from, to}] of parts.entries()) {
      const isBehind = stream === "stderr" && (index > 0 || hasMore)
      this.course.add(stream, from, to, isBehind ? "stderr" : null)
      this.#known[stream] = to
    }
    for (const stream of this.streams) {
      this.#readers[stream] = new LineReader(stream, this.#known[stream], UNKNOWN)
    }
    this.#isNew = parts.length > 1
    this.listeners.onChange()
  }

  /** Take in what is printed from now on, to the end of the job. */
  async listen(signal: AbortSignal): Promise<void> {
    const [only, ...others] = this.streams
    const stream = others.length > 0 ? undefined : only
    let taken = 0
    for await (const chunk of this.job.output({stream, from: {...this.#known}, signal})) {
      this.sizes[chunk.stream] = chunk.next
      this.#finished(chunk.stream, this.#readers[chunk.stream]?.add(chunk) ?? [])
      taken += chunk.text.length
      if (taken < GULP) continue
      taken = 0
      await this.listeners.drawn()
      if (this.isCrowded) return
    }
    if (signal.aborted) return
    for (const stream of this.streams) {
      this.#finished(stream, this.#readers[stream]?.finish() ?? [])
    }
    this.hasEnded = true
    this.listeners.onChange()
  }

  /** Put *lines* behind all others. */
  #finished(stream: OutputStream, lines: readonly Line[]): void {
    const {course} = this
    const from = course.total
    for (const line of lines) {
      course.add(stream, line.from, line.to, this.#isNew ? "live" : null)
      this.#known[stream] = line.to
      this.#isNew = false
    }
    if (lines.length > 0) {
      const placed = lines.map(line => placedIn(course, line))
      this.listeners.onNews({
        from,
        to: course.total,
        lines: withNotes(course, placed, from, course.total),
        styles: {[stream]: this.#readers[stream]?.style ?? UNKNOWN},
      })
    }
    this.listeners.onChange()
  }

  async #lastLineEnd(stream: OutputStream, known: number, size: number): Promise<number> {
    const begin = Math.max(known, size - PAGE)
    const reader = new LineReader(stream, begin)
    let [end, offset] = [begin, begin]
    while (offset < size) {
      const page = await this.read(stream, offset, Math.max(4, size - offset))
      for (const line of reader.add(page)) end = Math.max(end, line.to)
      if (page.next <= offset) break
      offset = page.next
    }
    return end
  }
}
