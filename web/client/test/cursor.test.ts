import fc from "fast-check"
import {expect, test} from "vitest"
import {type Ask, OutputCursor} from "../src/cursor"
import type {OutputChunk, OutputPage, OutputStream} from "../src/protocol"

function chunk(text: string, offset: number): OutputChunk {
  return {stream: "stdout", offset, next: offset + text.length, text}
}

function page(text: string, offset: number, options: Partial<OutputPage> = {}): OutputPage {
  const next = offset + text.length
  const sizes = {size: next, kept: next, skipped: 0, gap: 0}
  return {stream: "stdout", offset, next, text, ...sizes, end: false, ...options}
}

function texts(chunks: OutputChunk[]): string {
  return chunks.map(each => each.text).join("")
}

test("live output continues where history ends", () => {
  const cursor = new OutputCursor<OutputStream>("stdout", 0)
  cursor.interrupt()
  const ask = cursor.ask()
  cursor.live(chunk("cd", 2))
  const history = cursor.answer(ask, page("ab", 0))

  expect(texts(history) + texts(cursor.take())).toBe("abcd")
  expect(cursor.behind).toBe(false)
})

test("what overlaps with history is asked for again, not repeated", () => {
  const cursor = new OutputCursor<OutputStream>("stdout", 0)
  cursor.interrupt()
  const ask = cursor.ask()
  cursor.live(chunk("bcd", 1))
  const history = texts(cursor.answer(ask, page("ab", 0, {size: 4})))
  const rest = texts(cursor.answer(cursor.ask(), page("cd", 2)))

  expect(history + rest).toBe("abcd")
  expect(cursor.take()).toEqual([])
})

test("a hole is asked for", () => {
  const cursor = new OutputCursor<OutputStream>("stdout", 0)
  cursor.live(chunk("cd", 2))
  const early = cursor.take()
  const filled = cursor.answer(cursor.ask(), page("ab", 0))

  expect(early).toEqual([])
  expect(texts(filled) + texts(cursor.take())).toBe("abcd")
})

test("a chunk without text tells that there is more", () => {
  const cursor = new OutputCursor<OutputStream>("stdout", 0)
  cursor.live(chunk("", 90))

  expect(cursor.take()).toEqual([])
  expect(cursor.behind).toBe(true)
})

test("what is not kept is told in the piece behind it", () => {
  const cursor = new OutputCursor<OutputStream>("stdout", 0)
  cursor.interrupt()
  const head = cursor.answer(cursor.ask(), page("ab", 0, {size: 100}))
  const tail = cursor.answer(cursor.ask(), page("yz", 98, {skipped: 96, end: true}))

  expect(head).toEqual([chunk("ab", 0)])
  expect(tail).toEqual([{...chunk("yz", 98), skipped: 96}])
  expect(cursor.hasEnded).toBe(true)
})

test("an end that is not kept is told without text", () => {
  const cursor = new OutputCursor<OutputStream>("stdout", 2)
  cursor.interrupt()
  const end = cursor.answer(cursor.ask(), page("", 100, {skipped: 98, end: true}))

  expect(end).toEqual([{...chunk("", 100), skipped: 98}])
})

test("half a character at the end is not asked for again and again", () => {
  const cursor = new OutputCursor<OutputStream>("stdout", 0)
  cursor.interrupt()
  cursor.answer(cursor.ask(), page("ab", 0, {size: 3}))
  cursor.answer(cursor.ask(), page("", 2, {size: 3}))

  expect(cursor.behind).toBe(false)
})

test("a slow reader holds no more than a limit, and misses nothing", () => {
  const cursor = new OutputCursor<OutputStream>("stdout", 0)
  const big = "x".repeat(600_000)
  cursor.live(chunk(big, 0))
  cursor.live(chunk(big, 600_000))

  expect(cursor.take()).toEqual([])
  expect(cursor.behind).toBe(true)
  expect(cursor.ask().since).toBe(0)
})

/** What happens next: to the program, to what it published, or to the question that was asked. */
const step = fc.oneof(
  {weight: 4, arbitrary: fc.record({do: fc.constant("print"), size: fc.nat({max: 5})})},
  {weight: 1, arbitrary: fc.record({do: fc.constant("flood"), size: fc.nat({max: 60})})},
  {weight: 4, arbitrary: fc.record({do: fc.constant("arrive"), size: fc.nat({max: 4})})},
  {weight: 1, arbitrary: fc.record({do: fc.constant("repeat"), size: fc.nat({max: 9})})},
  {weight: 1, arbitrary: fc.record({do: fc.constant("lose"), size: fc.nat({max: 9})})},
  {weight: 2, arbitrary: fc.record({do: fc.constant("ask"), size: fc.integer({min: 1, max: 20})})},
  {weight: 2, arbitrary: fc.record({do: fc.constant("answer"), size: fc.constant(0)})},
  {weight: 1, arbitrary: fc.record({do: fc.constant("cut"), size: fc.constant(0)})},
)

/** A node that keeps little of one stream, a line that loses and repeats, and a reader. */
class World {
  heard: OutputChunk[] = []
  printed = ""
  #cursor = new OutputCursor<OutputStream>("stdout", 0)
  #line: OutputChunk[] = []
  #asked: {ask: Ask; page: OutputPage} | null = null

  constructor(
    private readonly head: number,
    private readonly tail: number,
  ) {
    this.#cursor.interrupt()
  }

  step({do: what, size}: {do: string; size: number}): void {
    switch (what) {
      case "print":
      case "flood": {
        const text = String.fromCharCode(97 + (this.printed.length % 26)).repeat(size)
        // Of a flood nothing is published but how far it went.
        this.#line.push(chunk(what === "flood" ? "" : text, this.printed.length))
        this.printed += text
        if (what === "flood") this.#line.push(chunk("", this.printed.length))
        return
      }
      case "arrive":
        for (const each of this.#line.splice(0, size)) this.#cursor.live(each)
        if (this.#asked === null) this.heard.push(...this.#cursor.take())
        return
      case "repeat":
        this.#line.push(...this.#line.slice(size, size + 1))
        return
      case "lose":
        this.#line.splice(size, 1)
        return
      case "ask":
        if (this.#cursor.behind) this.#asked ??= this.#question(size, false)
        return
      case "answer":
        if (this.#asked) this.heard.push(...this.#cursor.answer(this.#asked.ask, this.#asked.page))
        this.#asked = null
        return
      case "cut":
        this.#line = []
        this.#asked = null
        this.#cursor.interrupt()
    }
  }

  end(): void {
    this.step({do: "cut", size: 0})
    while (!this.#cursor.hasEnded) {
      const {ask, page} = this.#question(7, true)
      this.heard.push(...this.#cursor.answer(ask, page))
    }
  }

  #question(limit: number, hasEnded: boolean): {ask: Ask; page: OutputPage} {
    const ask = this.#cursor.ask()
    const size = this.printed.length
    const kept = Math.max(this.head, size - this.tail)
    const start = ask.since >= this.head && ask.since < kept ? Math.min(kept, size) : ask.since
    const next = Math.min(size, start + limit, start < this.head ? this.head : size)
    const text = this.printed.slice(start, next)
    const options = {size, skipped: start - ask.since, end: hasEnded && next >= size}
    return {ask, page: page(text, start, options)}
  }
}

test("whatever is lost, repeated, cut or not kept: all is heard in order, or told to be missing", () => {
  fc.assert(
    fc.property(
      fc.array(step, {maxLength: 120}),
      fc.nat({max: 40}),
      fc.nat({max: 40}),
      (steps, head, tail) => {
        const world = new World(head, tail)
        for (const each of steps) world.step(each)
        world.end()

        let position = 0
        for (const {offset, next, text, skipped = 0} of world.heard) {
          expect(offset).toBe(position + skipped)
          expect(text).toBe(world.printed.slice(offset, next))
          if (skipped > 0) expect(position).toBeGreaterThanOrEqual(head)
          position = next
        }
        expect(position).toBe(world.printed.length)
      },
    ),
    {numRuns: 10_000},
  )
})
