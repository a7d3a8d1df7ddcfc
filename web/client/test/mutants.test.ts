/** Streams that each lack one rule, to show that the schedules would find it missing. */

import {transformWithOxc} from "vite"
import {expect, test} from "vitest"
import source from "../src/stream.ts?raw"
import {type Followed, runSchedules} from "./schedules"

/** What each does wrong, and the change of a few words that makes it do so. */
const MUTANTS: [name: string, from: string, to: string][] = [
  ["ignores holes", "seq === this.#position.seq + 1", "seq > this.#position.seq"],
  ["delivers repeats", "seq === this.#position.seq + 1", "seq >= this.#position.seq"],
  ["mixes epochs", "return epoch === this.#position.epoch && seq ===", "return epoch && seq ==="],
  ["drops what is ahead", "this.#keep(event)\n", "{}\n"],
  ["keeps without bound", "this.#ahead.size >= this.aheadLimit", "false"],
  ["forgets what did not fit", "this.#isDoubtful = true\n      return", "return"],
  ["forgets doubts", "doubt(): void {", "doubt(): void {\n    return"],
  [
    "forgets doubts while asking",
    "doubt(): void {",
    "doubt(): void {\n    if (this.#asked) return",
  ],
  ["forgets failures", "failed(): void {\n    this.#asked = null", "failed(): void {\n    return"],
  ["asks another question at once", "this.#asked !== null || !this", "!this"],
  ["asks for one page", "this.#position.seq < answer.seq", "false"],
  ["keeps what is over", "} else if (this.#isOver(event)) {", "} else if (false) {"],
  ["forgets holes behind answers", "if (this.#ahead.size > 0) this", "if (false) this"],
  [
    "trusts old answers",
    "const isFromHere = this.#asked === this.#position",
    "const isFromHere = true",
  ],
  ["resets in silence", "page.isReset = !this.#isFirst", "page.isReset = false"],
  ["calls the beginning a reset", "page.isReset = !this.#isFirst", "page.isReset = true"],
]

/** What makes streams of the kind that *code*, a changed `stream.ts`, describes. */
async function compile(code: string): Promise<(limit: number) => Followed> {
  const compiled = await transformWithOxc(code, "stream.ts")
  const url = `data:text/javascript,${encodeURIComponent(compiled.code)}`
  const {Stream} = await import(/* @vite-ignore */ url)
  return limit => new Stream(null, undefined, limit)
}

test.each(MUTANTS)("schedules find a stream that %s", async (_, from, to) => {
  expect(source).toContain(from)
  const makeStream = await compile(source.replace(from, to))

  expect(() => runSchedules(20_000, makeStream, {seed: 1, endOnFailure: true})).toThrow("Property")
})

test("schedules find nothing in a stream that was not changed", async () => {
  runSchedules(400, await compile(source))
})
