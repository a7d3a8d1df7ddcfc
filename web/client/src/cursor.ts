/**
 * Puts one output stream in order by byte offsets, whole or with its gaps told; knows no network.
 *
 * Live chunks and pages go in, ordered chunks come out. Whoever drives a cursor subscribes
 * first, and asks as long as `behind` says that something may be missing; between an ask and its
 * answer nothing is taken.
 */

import type {OutputChunk, OutputPage, OutputSource, OutputStream} from "./protocol"

/** A question for the output from `since` on. */
export interface Ask {
  since: number
  /** Interruptions so far: what is interrupted later needs another answer. */
  mark: number
}

/** Characters of live output held for a slow reader; more is dropped and asked for later. */
const HELD_LIMIT = 1_000_000

/** A position in a stream of output, and what arrived ahead of it. */
export class OutputCursor<Source extends OutputSource = OutputStream> {
  #position: number
  #behind = false
  #hasEnded = false
  #interruptions = 0
  #held: OutputChunk<Source>[] = []
  #heldLength = 0

  /** @param from the byte offset to begin at */
  constructor(
    readonly stream: Source,
    from: number,
  ) {
    this.#position = from
  }

  /** Whether output may be missing, so that it must be asked for. */
  get behind(): boolean {
    return this.#behind
  }

  /** Whether the job has ended and everything was delivered. */
  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** Output may have been missed up to this moment. */
  interrupt(): void {
    this.#behind = !this.#hasEnded
    this.#interruptions += 1
  }

  ask(): Ask {
    return {since: this.#position, mark: this.#interruptions}
  }

  /** Take *chunk* as it was published. */
  live(chunk: OutputChunk<Source>): void {
    this.#held.push(chunk)
    this.#heldLength += chunk.text.length
    if (this.#heldLength > HELD_LIMIT) {
      this.#hold([])
      this.interrupt()
    }
  }

  /** Live chunks that continue what was delivered. */
  take(): OutputChunk<Source>[] {
    const ready: OutputChunk<Source>[] = []
    const waiting: OutputChunk<Source>[] = []
    for (const chunk of this.#held) {
      if (chunk.next <= this.#position) continue
      if (this.#behind || chunk.offset !== this.#position) {
        this.#behind = true
        waiting.push(chunk)
      } else {
        this.#position = chunk.next
        ready.push(chunk)
      }
    }
    this.#hold(waiting)
    return ready
  }

  /** Take the answer to *ask*. */
  answer(ask: Ask, page: OutputPage<Source>): OutputChunk<Source>[] {
    const {stream, offset, next, text, size, skipped, end} = page
    const hasMoved = next > this.#position
    this.#position = next
    this.#hasEnded = end
    // An overlap cannot be cut out of the text of a live chunk; its rest is asked for.
    this.#hold(this.#held.filter(chunk => chunk.offset >= next))
    const hasHole = this.#held[0] !== undefined && this.#held[0].offset > next
    // Half a character may be there, which nobody gets before the other half has come.
    const isShort = hasMoved && next < size
    this.#behind = !end && (isShort || hasHole || ask.mark !== this.#interruptions)
    if (text === "" && skipped === 0) return []
    return [{stream, offset, next, text, ...(skipped > 0 && {skipped})}]
  }

  #hold(chunks: OutputChunk<Source>[]): void {
    this.#held = chunks
    this.#heldLength = chunks.reduce((length, chunk) => length + chunk.text.length, 0)
  }
}
