/** Reads parts of the output as whole lines, from wherever one likes. */

import type {OutputPage, OutputStream} from "@taskrealm/client"
import type {Course, Note, Range} from "./course"
import {type Line, LineReader} from "./reader"
import {UNKNOWN} from "./style"

/** Bytes in one page. */
export const PAGE = 65_536

/** Bytes that a node gives at once. */
export const MOST = 262_144

/** A line, and the places where it begins and where the next one does. */
export interface PlacedLine extends Line {
  at: number
  end: number
  /** What a note says. */
  note?: Note
}

export type Styles = Partial<Record<OutputStream, string>>

/** Whole lines from one place to another. */
export interface Page {
  from: number
  to: number
  lines: PlacedLine[]
  /** How each stream looks behind it, as far as it says. */
  styles: Styles
}

/** Asks the node for a piece of a stream. */
export type Read = (stream: OutputStream, offset: number, limit: number) => Promise<OutputPage>

/** Which ends of a page may be cut inside a line, which then is left out. */
export interface Cuts {
  start?: boolean
  end?: boolean
}

/**
 * The lines from one place to another.
 *
 * Of a line that is longer than all of it the part is taken.
 */
export async function readLines(
  read: Read,
  course: Course,
  from: number,
  to: number,
  cuts: Cuts = {},
): Promise<Page> {
  const parts = await Promise.all(
    course.ranges(from, to).map(range => readRange(read, course, range)),
  )
  const lines = parts
    .flatMap(part => part.lines)
    .sort((one, other) => one.at - other.at)
    .filter(line => line.at < to)
  const first = lines[0]
  const isCut = cuts.start && first && first.kind === "text" && !beginsAt(course, from)
  if (isCut && lines.length > 1) lines.shift()
  const last = lines.at(-1)
  const isOpen = cuts.end && last && parts.some(part => part.open === last)
  if (isOpen && lines.length > 1) lines.pop()
  const begin = isCut || (first && first.at < from) ? (lines[0]?.at ?? from) : from
  const end = isOpen || (last && last.end > to) ? (lines.at(-1)?.end ?? to) : to
  const styles = Object.fromEntries(parts.map(({stream, style}) => [stream, style]))
  return {from: begin, to: end, lines: withNotes(course, lines, begin, end), styles}
}

interface Part {
  stream: OutputStream
  lines: PlacedLine[]
  /** The last line, if its end was not read. */
  open: PlacedLine | null
  style: string
}

async function readRange(read: Read, course: Course, {stream, from, to}: Range): Promise<Part> {
  const reader = new LineReader(stream, from, UNKNOWN)
  const lines: Line[] = []
  let offset = from
  while (offset < to) {
    const page = await read(stream, offset, Math.min(Math.max(to - offset, 4), PAGE))
    lines.push(...reader.add(page))
    if (page.next <= offset) break
    offset = page.next
  }
  const {open} = reader
  const rest = reader.finish()
  const placed = [...lines, ...rest].map(line => placedIn(course, line))
  const last = placed.at(-1)
  const isEnd = last && course.segmentAt(last.at)?.to === last.to
  return {stream, lines: placed, open: open && !isEnd ? (last ?? null) : null, style: reader.style}
}

/** *line* where it belongs; of a gap the part that is in the segment of its end. */
export function placedIn(course: Course, line: Line): PlacedLine {
  if (line.kind === "text") {
    const at = course.place(line.stream, line.from)
    return {...line, at, end: at + line.to - line.from}
  }
  const end = course.place(line.stream, line.to)
  const segment = course.segmentAt(Math.max(0, end - 1))
  return {...line, at: Math.max(segment?.at ?? 0, end - (line.to - line.from)), end}
}

function beginsAt(course: Course, place: number): boolean {
  return course.segmentAt(place)?.at === place
}

/** *lines* and what is to be said before the segments that begin among them. */
export function withNotes(
  course: Course,
  lines: PlacedLine[],
  from: number,
  to: number,
): PlacedLine[] {
  const result: PlacedLine[] = []
  let next = 0
  for (const {at, note, stream} of course.segments) {
    if (note === null || at < from || at >= to) continue
    while (next < lines.length && (lines[next] as PlacedLine).at < at) {
      result.push(lines[next] as PlacedLine)
      next += 1
    }
    result.push({kind: "note", stream, from: 0, to: 0, text: "", runs: [], at, end: at, note})
  }
  result.push(...lines.slice(next))
  return result
}
