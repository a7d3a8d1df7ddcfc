import {expect, test} from "vitest"
import {OutputCursor} from "../src/output"
import type {OutputChunk, OutputPage} from "../src/protocol"
import type {Ask} from "../src/stream"
import {seeded} from "./random"

function chunk(text: string, offset: number): OutputChunk {
  return {stream: "stdout", offset, next: offset + text.length, text}
}

function page(text: string, offset: number, options: Partial<OutputPage> = {}): OutputPage {
  const next = offset + text.length
  return {stream: "stdout", offset, next, text, size: next, dropped: 0, end: false, ...options}
}

function texts(chunks: OutputChunk[]): string {
  return chunks.map(each => each.text).join("")
}

test("live output continues where history ends", () => {
  const cursor = new OutputCursor("stdout", 0)
  cursor.interrupt()
  const ask = cursor.ask()
  cursor.live(chunk("cd", 2))
  const history = cursor.answer(ask, page("ab", 0))

  expect(texts(history) + texts(cursor.take())).toBe("abcd")
  expect(cursor.behind).toBe(false)
})

test("what overlaps with history is asked for again, not repeated", () => {
  const cursor = new OutputCursor("stdout", 0)
  cursor.interrupt()
  const ask = cursor.ask()
  cursor.live(chunk("bcd", 1))
  const history = texts(cursor.answer(ask, page("ab", 0, {size: 4})))
  const rest = texts(cursor.answer(cursor.ask(), page("cd", 2)))

  expect(history + rest).toBe("abcd")
  expect(cursor.take()).toEqual([])
})

test("a hole is asked for", () => {
  const cursor = new OutputCursor("stdout", 0)
  cursor.live(chunk("cd", 2))
  const early = cursor.take()
  const filled = cursor.answer(cursor.ask(), page("ab", 0))

  expect(early).toEqual([])
  expect(texts(filled) + texts(cursor.take())).toBe("abcd")
})

test("the end tells how much was not kept", () => {
  const cursor = new OutputCursor("stdout", 0)
  cursor.interrupt()
  cursor.live(chunk("too much", 50))
  const chunks = cursor.answer(cursor.ask(), page("ab", 0, {dropped: 98, end: true}))

  expect(chunks).toMatchObject([{text: "ab"}, {text: "", dropped: 98}])
  expect(cursor.hasEnded).toBe(true)
  expect(cursor.take()).toEqual([])
})

test("a slow reader holds no more than a limit, and misses nothing", () => {
  const cursor = new OutputCursor("stdout", 0)
  const big = "x".repeat(600_000)
  cursor.live(chunk(big, 0))
  cursor.live(chunk(big, 600_000))

  expect(cursor.take()).toEqual([])
  expect(cursor.behind).toBe(true)
  expect(cursor.ask().since).toBe(0)
})

test("whatever is dropped, repeated or cut, the text is whole", () => {
  for (let seed = 1; seed <= 2000; seed += 1) {
    const random = seeded(seed)
    const cursor = new OutputCursor("stdout", 0)
    let printed = ""
    let heard = ""
    let asked: {ask: Ask; page: OutputPage} | null = null
    const wire: OutputChunk[] = []
    const question = (end: boolean) => {
      const ask = cursor.ask()
      const limit = end ? printed.length : ask.since + Math.floor(random() * 8)
      const options = {size: printed.length, end: end && limit >= printed.length}
      return {ask, page: page(printed.slice(ask.since, limit), ask.since, options)}
    }
    for (let step = 0; step < 100; step += 1) {
      const dice = random()
      if (dice < 0.4) {
        const text = String.fromCharCode(97 + (step % 26)).repeat(1 + Math.floor(random() * 4))
        const copies = random() < 0.15 ? 0 : random() < 0.1 ? 2 : 1
        for (let copy = 0; copy < copies; copy += 1) wire.push(chunk(text, printed.length))
        printed += text
      } else if (dice < 0.7) {
        const next = wire.shift()
        if (next) cursor.live(next)
        if (!asked) heard += texts(cursor.take())
      } else if (dice < 0.85) {
        if (cursor.behind && !asked) asked = question(false)
      } else if (dice < 0.95) {
        if (asked) heard += texts(cursor.answer(asked.ask, asked.page))
        asked = null
      } else {
        wire.length = 0
        asked = null
        cursor.interrupt()
      }
    }
    cursor.interrupt()
    while (!cursor.hasEnded) {
      const {ask, page} = question(true)
      heard += texts(cursor.answer(ask, page))
    }

    expect(heard, `seed ${seed}`).toBe(printed)
  }
})
