/** One line of a terminal: what is written to it, over it and erased of it. */

import {styled} from "./style"

/** A line that grows longer is broken, so that one endless line cannot freeze the page. */
export const LINE_LIMIT = 4000

/** Text up to `end`, from where the run before ends, that looks alike. */
export interface Run {
  end: number
  style: string
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about
const PRINTABLE = /[^\x00-\x08\x0b-\x1f\x7f-\x9f]+/y
const ESCAPE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what it is about
  /\x1b(?:\[([0-?]*)[ -/]*([@-~])|[\]PX^_][^\x07\x1b]{0,2048}(?:\x07|\x1b\\)|[ -/]*[0-Z\\`-~])/y
/** What may become an escape sequence when more has come. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what it is about
const BEGUN = /\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b]{0,2048}\x1b?|[ -/]*)$/y

/** Takes what is printed, without line ends, in pieces of any size. */
export class Row {
  text = ""
  runs: Run[] = []
  /** Whether there was no room for all of what was written last. */
  isFull = false
  #cursor = 0

  /** @param style with which it begins */
  constructor(public style: string) {}

  /**
   * Write *input* as far as there is room, and as far as it is clear what it means.
   *
   * @param isWhole nothing follows in this line
   * @returns how many of its characters were taken; the others are to be written with what follows
   */
  write(input: string, isWhole: boolean): number {
    this.isFull = false
    if (!CONTROL.test(input)) return this.#print(input)
    let position = 0
    while (position < input.length) {
      PRINTABLE.lastIndex = position
      const text = PRINTABLE.exec(input)?.[0]
      if (text !== undefined) {
        position += this.#print(text)
        if (this.isFull) break
        continue
      }
      const length = this.#steer(input, position, isWhole)
      if (length === null) break
      position += length
    }
    return position
  }

  #print(text: string): number {
    const taken = this.#put(text)
    this.isFull = taken < text.length
    return taken
  }

  /** Act on the control character at *position*; null where it may be one with what follows. */
  #steer(input: string, position: number, isWhole: boolean): number | null {
    const character = input[position]
    if (character === "\r") this.#cursor = 0
    if (character === "\b") this.#cursor = Math.max(0, this.#cursor - 1)
    if (character !== "\x1b") return 1
    ESCAPE.lastIndex = position
    const sequence = ESCAPE.exec(input)
    if (sequence) {
      const [whole, parameters = "", final = ""] = sequence
      this.#obey(final, parameters)
      return whole.length
    }
    BEGUN.lastIndex = position
    return isWhole || !BEGUN.test(input) ? 1 : null
  }

  /** What stays in this line of a sequence; moving elsewhere does nothing. */
  #obey(final: string, parameters: string): void {
    const number = Number.parseInt(parameters, 10)
    const steps = Math.min(number || 1, LINE_LIMIT)
    if (final === "m") this.style = styled(this.style, parameters)
    else if (final === "K") this.#erase(number || 0)
    else if (final === "G") this.#cursor = steps - 1
    else if (final === "C") this.#cursor = Math.min(this.#cursor + steps, LINE_LIMIT - 1)
    else if (final === "D") this.#cursor = Math.max(0, this.#cursor - steps)
  }

  #erase(what: number): void {
    if (what === 0) this.#cut(this.#cursor)
    else if (what === 2) this.#cut(0)
    else if (what === 1) {
      const [end, style] = [this.#cursor, this.style]
      this.#cursor = 0
      this.#put(" ".repeat(Math.min(end + 1, this.text.length)))
      ;[this.#cursor, this.style] = [end, style]
    }
  }

  /** Put *text* where the cursor is; gives how many characters there was room for. */
  #put(text: string): number {
    const start = this.#cursor
    let room = LINE_LIMIT - start
    if (text.length > room && isHalf(text.charCodeAt(room))) room -= 1
    const put = text.length > room ? text.slice(0, Math.max(0, room)) : text
    if (put === "") return 0
    if (start > this.text.length) this.#append(" ".repeat(start - this.text.length))
    if (start === this.text.length) this.#append(put)
    else this.#replace(start, put)
    this.#cursor = start + put.length
    return put.length
  }

  #append(text: string): void {
    this.text += text
    const last = this.runs.at(-1)
    if (last?.style === this.style) last.end = this.text.length
    else this.runs.push({end: this.text.length, style: this.style})
  }

  #replace(start: number, text: string): void {
    const end = start + text.length
    const [before, behind] = [this.text.slice(0, start), this.text.slice(end)]
    const after = this.runs.filter(run => run.end > end)
    this.text = before + text
    this.#cutRuns(start)
    this.#extend(end, this.style)
    this.text += behind
    for (const run of after) this.#extend(run.end, run.style)
  }

  #extend(end: number, style: string): void {
    const last = this.runs.at(-1)
    if (last?.style === style) last.end = end
    else this.runs.push({end, style})
  }

  #cut(length: number): void {
    this.text = this.text.slice(0, length)
    this.#cutRuns(this.text.length)
  }

  #cutRuns(length: number): void {
    const kept: Run[] = []
    let begin = 0
    for (const {end, style} of this.runs) {
      if (begin < length) kept.push({end: Math.min(end, length), style})
      begin = end
    }
    this.runs = kept
  }
}

/** Whether a character of two halves would be cut before *code*. */
function isHalf(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff
}
