/** Output as the lines that a page shows; knows no page. */

import type {OutputChunk, OutputStream} from "@taskrealm/client"
import {grouped} from "./format"

/** A line that grows longer is broken, so that one endless line cannot freeze the page. */
const LINE_LIMIT = 4000

// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what it is about
const ESCAPES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])/g

/** One line; `number` never changes, the text of the last one of each stream may. */
export interface Line {
  number: number
  stream: OutputStream
  text: string
  /** Says that output is missing here; the program did not print it. */
  isGap?: boolean
}

/** Turns chunks into lines; each stream has its own unfinished one. */
export class OutputLines {
  #count = 0
  #open: Partial<Record<OutputStream, {line: Line; raw: string}>> = {}

  /** Lines that are new or have changed by *chunk*. */
  add({stream, text, skipped = 0}: Pick<OutputChunk, "stream" | "text" | "skipped">): Line[] {
    const changed: Line[] = []
    if (skipped > 0) {
      delete this.#open[stream]
      const text = `… ${grouped(skipped)} bytes not kept …`
      changed.push({...this.#newLine(stream), text, isGap: true})
    }
    const pieces = text.split("\n")
    pieces.forEach((piece, index) => {
      const isFinished = index < pieces.length - 1
      if (piece === "" && !isFinished) return
      changed.push(...this.#append(stream, piece))
      if (isFinished) delete this.#open[stream]
    })
    return changed
  }

  #append(stream: OutputStream, piece: string): Line[] {
    const open = this.#open[stream] ?? {line: this.#newLine(stream), raw: ""}
    // What a carriage return has overwritten is of no more use.
    open.raw = (open.raw + piece).replace(/^.*\r(?=[^\r])/s, "")
    const text = visible(open.raw)
    if (text.length <= LINE_LIMIT) {
      this.#open[stream] = open
      open.line.text = text
      return [open.line]
    }
    open.line.text = text.slice(0, LINE_LIMIT)
    const rest = {line: this.#newLine(stream), raw: ""}
    this.#open[stream] = rest
    return [open.line, ...this.#append(stream, text.slice(LINE_LIMIT))]
  }

  #newLine(stream: OutputStream): Line {
    this.#count += 1
    return {number: this.#count, stream, text: ""}
  }
}

/** What a terminal would show of *raw*: no escape sequences, and what a carriage return leaves. */
function visible(raw: string): string {
  const redraws = raw.replace(ESCAPES, "").split("\r")
  return redraws.findLast(each => each !== "") ?? ""
}
