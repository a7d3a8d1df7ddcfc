/** Output of one stream as lines with their byte offsets; knows no page and no network. */

import type {OutputChunk, OutputStream} from "@taskrealm/client"
import {Row, type Run} from "./row"
import {PLAIN} from "./style"

/** One line as it is shown. */
export interface Line {
  /** A `gap` says what was not kept, a `note` is a word of ours in between. */
  kind: "text" | "gap" | "note"
  stream: OutputStream
  /** The first byte, and the one behind the last. */
  from: number
  to: number
  text: string
  runs: readonly Run[]
}

/** A piece of a stream. */
export type Piece = Pick<OutputChunk, "text" | "offset" | "next" | "skipped"> & {gap?: number}

/** Turns pieces into lines: the same ones, however the stream is cut into pieces. */
export class LineReader {
  #row: Row
  #from: number
  #position: number
  /** What may be the beginning of an escape sequence. */
  #held = ""

  /** @param style with which the stream goes on at *offset* */
  constructor(
    readonly stream: OutputStream,
    offset: number,
    style: string = PLAIN,
  ) {
    this.#row = new Row(style)
    this.#from = this.#position = offset
  }

  /** How text looks that follows. */
  get style(): string {
    return this.#row.style
  }

  /** The line that has no end yet. */
  get open(): Line | null {
    return this.#position > this.#from ? this.#line(this.#position) : null
  }

  /** The lines that are finished by *piece*. */
  add({text, offset, next, skipped = 0, gap = skipped}: Piece): Line[] {
    const lines: Line[] = []
    if (skipped > 0) {
      lines.push(...this.finish(), this.#gap(offset - Math.max(skipped, gap), offset))
      this.#begin(offset)
    }
    const size = measure(text, next - offset)
    let begin = 0
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", begin)) {
      lines.push(...this.#write(text.slice(begin, end), true, size))
      this.#position = Math.min(this.#position + 1, next)
      lines.push(this.#end())
      begin = end + 1
    }
    lines.push(...this.#write(text.slice(begin), false, size))
    this.#position = next - bytesOf(this.#held)
    return lines
  }

  /** The stream is over: its last line needs no end. */
  finish(): Line[] {
    if (this.open === null) return []
    const lines = this.#write("", true, bytesOf)
    return [...lines, this.#end()]
  }

  #write(text: string, isWhole: boolean, size: (text: string) => number): Line[] {
    const broken: Line[] = []
    let rest = this.#held + text
    while (true) {
      const taken = this.#row.write(rest, isWhole)
      this.#position += size(rest.slice(0, taken))
      rest = rest.slice(taken)
      if (!this.#row.isFull) break
      broken.push(this.#end())
    }
    this.#held = rest
    return broken
  }

  #end(): Line {
    const line = this.#line(this.#position)
    this.#begin(this.#position)
    return line
  }

  #begin(offset: number): void {
    this.#row = new Row(this.#row.style)
    this.#from = this.#position = offset
  }

  #line(to: number): Line {
    const {text, runs} = this.#row
    return {kind: "text", stream: this.stream, from: this.#from, to, text, runs: [...runs]}
  }

  #gap(from: number, to: number): Line {
    return {kind: "gap", stream: this.stream, from, to, text: "", runs: []}
  }
}

/** The bytes that *text* takes in UTF-8. */
export function bytesOf(text: string): number {
  let size = text.length
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index)
    if (code < 0x80) continue
    // Of a pair of surrogates, which is four bytes, each half counts for two.
    size += code < 0x800 || (code >= 0xd800 && code <= 0xdfff) ? 1 : 2
  }
  return size
}

/** What measures parts of *text*, which was *length* bytes: what is no text was replaced in it. */
function measure(text: string, length: number): (part: string) => number {
  if (text.length === length) return part => part.length
  const odd = strange(text)
  const size = bytesOf(text)
  if (size === length || odd === 0) return bytesOf
  const share = (size - length) / odd
  return part => Math.round(bytesOf(part) - share * strange(part))
}

function strange(text: string): number {
  return text.split("\ufffd").length - 1
}
