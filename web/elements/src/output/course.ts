/**
 * In which order the bytes of both streams are shown: one row of segments, addressed by places.
 *
 * A node keeps two streams and no order between them. What was printed before anybody looked is
 * one segment of each; what comes live is put behind in the order in which it comes. Segments
 * begin where lines do.
 */

import type {OutputStream} from "@taskrealm/client"

/** What is said before a segment. */
export type Note = "stderr" | "live"

export interface Segment {
  stream: OutputStream
  /** Bytes of the stream. */
  from: number
  to: number
  /** The place of its first byte. */
  at: number
  note: Note | null
}

/** A part of one stream. */
export interface Range {
  stream: OutputStream
  from: number
  to: number
}

export class Course {
  readonly segments: Segment[] = []
  #of: Record<OutputStream, Segment[]> = {stdout: [], stderr: []}

  /** Behind the last place. */
  get total(): number {
    const last = this.segments.at(-1)
    return last ? last.at + last.to - last.from : 0
  }

  /** Put the bytes of *stream* up to *to* behind all others. */
  add(stream: OutputStream, from: number, to: number, note: Note | null = null): void {
    const last = this.segments.at(-1)
    if (last?.stream === stream && last.to === from && note === null) {
      last.to = to
      return
    }
    const segment = {stream, from, to, at: this.total, note}
    this.segments.push(segment)
    this.#of[stream].push(segment)
  }

  /** The place of the byte at *offset* of *stream*; the nearest one behind, if it has none. */
  place(stream: OutputStream, offset: number): number {
    const segment = lastBefore(this.#of[stream], each => each.from <= offset)
    if (!segment) return this.#of[stream][0]?.at ?? 0
    return segment.at + Math.min(offset, segment.to) - segment.from
  }

  /** The segment in which *place* is. */
  segmentAt(place: number): Segment | undefined {
    return lastBefore(this.segments, each => each.at <= place)
  }

  /** What of each stream is from one place to another. */
  ranges(from: number, to: number): Range[] {
    const ranges: Range[] = []
    for (const stream of ["stdout", "stderr"] as const) {
      const inside = this.#of[stream].filter(
        each => each.at < to && each.at + each.to - each.from > from,
      )
      const [first, last] = [inside[0], inside.at(-1)]
      if (!first || !last) continue
      ranges.push({
        stream,
        from: first.from + Math.max(0, from - first.at),
        to: Math.min(last.to, last.from + to - last.at),
      })
    }
    return ranges
  }
}

/** The last of *segments*, in order, of which *isBefore* holds. */
function lastBefore(
  segments: Segment[],
  isBefore: (segment: Segment) => boolean,
): Segment | undefined {
  let [low, high] = [0, segments.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (isBefore(segments[middle] as Segment)) low = middle + 1
    else high = middle
  }
  return segments[low - 1]
}
