import {describe, expect, test} from "vitest"
import {seeded} from "../../../client/test/random"
import {bytesOf, type Line, LineReader} from "../../src/output/reader"
import {LINE_LIMIT} from "../../src/output/row"
import {lookOf} from "../../src/output/style"

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** The lines of *printed*, cut into pieces at these bytes. */
function read(printed: string | Uint8Array, ...cuts: number[]): Line[] {
  const data = typeof printed === "string" ? encoder.encode(printed) : printed
  const reader = new LineReader("stdout", 0)
  const lines: Line[] = []
  let offset = 0
  for (const cut of [...cuts, data.length]) {
    const next = wholeCharacters(data, cut)
    if (next <= offset) continue
    lines.push(...reader.add({text: decoder.decode(data.slice(offset, next)), offset, next}))
    offset = next
  }
  return [...lines, ...reader.finish()]
}

/** As the node cuts output: between characters. */
function wholeCharacters(data: Uint8Array, cut: number): number {
  let end = cut
  while (end < data.length && ((data[end] ?? 0) & 0xc0) === 0x80) end -= 1
  return end
}

function texts(lines: Line[]): string[] {
  return lines.map(({text}) => text)
}

describe("lines", () => {
  test("have the bytes from which they come", () => {
    const lines = read("one\nzwölf\n\nlast")

    expect(texts(lines)).toEqual(["one", "zwölf", "", "last"])
    expect(lines.map(({from, to}) => [from, to])).toEqual([
      [0, 4],
      [4, 11],
      [11, 12],
      [12, 16],
    ])
  })

  test("are open until they end", () => {
    const reader = new LineReader("stderr", 10)
    const finished = reader.add({text: "one\ntw", offset: 10, next: 16})

    expect(texts(finished)).toEqual(["one"])
    expect(reader.open).toMatchObject({text: "tw", from: 14, to: 16, stream: "stderr"})
    expect(texts(reader.add({text: "o\n", offset: 16, next: 18}))).toEqual(["two"])
    expect(reader.open).toBeNull()
    expect(reader.finish()).toEqual([])
  })

  // capability: N7
  test("tell what is missing between them", () => {
    const reader = new LineReader("stdout", 0)
    const lines = reader.add({text: "begin\ncut", offset: 0, next: 9})
    lines.push(...reader.add({text: "rest\n", offset: 109, next: 114, skipped: 100}))

    expect(lines.map(({kind, from, to, text}) => [kind, from, to, text])).toEqual([
      ["text", 0, 6, "begin"],
      ["text", 6, 9, "cut"],
      ["gap", 9, 109, ""],
      ["text", 109, 114, "rest"],
    ])
  })

  test("tell all that is missing when one begins to read in the middle of it", () => {
    const reader = new LineReader("stdout", 50)
    const [gap] = reader.add({text: "rest\n", offset: 109, next: 114, skipped: 59, gap: 100})

    expect(gap).toMatchObject({kind: "gap", from: 9, to: 109})
  })

  test("are broken when they get too long", () => {
    const lines = read(`${"x".repeat(2 * LINE_LIMIT + 5)}\nshort\n`)

    expect(lines.map(({text}) => text.length)).toEqual([LINE_LIMIT, LINE_LIMIT, 5, 5])
    expect(lines.map(({from, to}) => to - from)).toEqual([LINE_LIMIT, LINE_LIMIT, 6, 6])
  })

  test("are never broken inside a character", () => {
    const lines = read(`x${"😀".repeat(LINE_LIMIT)}\n`)

    for (const {text} of lines) expect(text).not.toMatch(/^[\udc00-\udfff]|[\ud800-\udbff]$/)
    expect(texts(lines).join("")).toBe(`x${"😀".repeat(LINE_LIMIT)}`)
  })

  test("keep their bytes where some of them are no text", () => {
    const data = new Uint8Array([0x61, 0xff, 0xfe, 10, 0x62, 0xe4, 10, 0x63])
    const lines = read(data)

    expect(texts(lines)).toEqual(["a\ufffd\ufffd", "b\ufffd", "c"])
    expect(lines.map(({from, to}) => [from, to])).toEqual([
      [0, 4],
      [4, 7],
      [7, 8],
    ])
  })
})

// capability: N6
describe("what a terminal would show", () => {
  test.each([
    ["10 %\r50 %\r100 %", "100 %"],
    ["100 %\rok", "ok0 %"],
    ["100 %\r\x1b[Kok", "ok"],
    ["100 %\x1b[2K\rok", "ok"],
    ["long line\x1b[4D\x1b[K", "long "],
    ["abc\b\bX", "aXc"],
    ["abc\x1b[1GX", "Xbc"],
    ["a\x1b[3Cb", "a   b"],
    ["abcdef\x1b[3D\x1b[1K", "    ef"],
    ["windows\r", "windows"],
    ["tab\there", "tab\there"],
    ["bell\x07 nul\x00 del\x7f", "bell nul del"],
    ["up\x1b[3A and \x1b[Haway\x1b[2J", "up and away"],
    ["\x1b]0;title\x07text\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "textlink"],
    ["\x1b(Bset\x1b=\x1b>", "set"],
    ["open \x1b[31", "open [31"],
    ["open \x1b]0;for ever", "open ]0;for ever"],
  ])("of %j is %j", (printed, shown) => {
    expect(texts(read(`${printed}\n`))).toEqual([shown])
  })

  test("has its colours where they belong", () => {
    const [line] = read("a\x1b[31mred\x1b[1mbold\x1b[0mz\r\x1b[32mG\n")

    expect(line?.text).toBe("Gredboldz")
    const looks = line?.runs.map(({end, style}) => {
      const {color, bold} = lookOf(style)
      return [end, color, bold]
    })
    expect(looks).toEqual([
      [1, "5;2", false],
      [4, "5;1", false],
      [8, "5;1", true],
      [9, "", false],
    ])
  })

  test("has colours that go on in the next line", () => {
    const [, second] = read("\x1b[31mone\ntwo\x1b[39m three\n")

    expect(second?.runs.map(({end, style}) => [end, lookOf(style).color])).toEqual([
      [3, "5;1"],
      [9, ""],
    ])
  })
})

describe("however it is cut into pieces", () => {
  const parts = [
    "a",
    "ä",
    "😀",
    "€",
    "\n",
    "\r",
    "\b",
    "\t",
    "\x1b[31m",
    "\x1b[K",
    "\x1b[2K",
    "\x1b",
  ]
  parts.push(
    "\x1b[0;38;2;1;2;3m",
    "\x1b[2D",
    "\x1b]0;t\x07",
    "[",
    "3",
    "m",
    "\x1b[5G",
    " ".repeat(9),
  )
  parts.push("x".repeat(1500), "\x1b]8;;u\x1b\\", "\x1b[38:5:9m", "\x00")

  test.each(Array.from({length: 300}, (_, seed) => seed))(
    "output has the same lines (%i)",
    seed => {
      const random = seeded(seed)
      const below = (limit: number) => Math.floor(random() * limit)
      const pieces = Array.from({length: below(40) + 1}, () => parts[below(parts.length)])
      const printed = pieces.join("")
      const size = bytesOf(printed)
      const cuts = Array.from({length: below(12)}, () => below(size)).sort((a, b) => a - b)
      const whole = read(printed)

      expect(size).toBe(encoder.encode(printed).length)
      expect(read(printed, ...cuts)).toEqual(whole)
      expect(read(printed, ...Array.from({length: size}, (_, index) => index))).toEqual(whole)
      for (const {text, runs} of whole) {
        expect(runs.at(-1)?.end ?? 0).toBe(text.length)
        expect(text).not.toMatch(/[\n\r\b\0]/)
      }
      let position = 0
      for (const {from, to} of whole) {
        expect(from).toBe(position)
        position = to
      }
      expect(position).toBeLessThanOrEqual(size)
    },
  )
})
