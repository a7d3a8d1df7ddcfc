import {expect, test} from "vitest"
import {type Line, OutputLines} from "../src/lines"

/** The lines that a page would show after these chunks. */
function shown(...chunks: [text: string, stream?: "stdout" | "stderr"][]): string[] {
  const lines = new OutputLines()
  const page = new Map<number, Line>()
  for (const [text, stream = "stdout"] of chunks) {
    for (const line of lines.add({stream, text})) page.set(line.number, line)
  }
  return [...page.values()].map(line => line.text)
}

test("a line may come in pieces", () => {
  expect(shown(["one\ntw"], ["o\n"], ["three"])).toEqual(["one", "two", "three"])
})

test("empty lines stay", () => {
  expect(shown(["one\n\n"], ["\ntwo\n"])).toEqual(["one", "", "", "two"])
})

test("what is missing is a line of its own, with its number of bytes", () => {
  const lines = new OutputLines()
  lines.add({stream: "stdout", text: "the beginni"})

  expect(lines.add({stream: "stdout", text: "nd\n", skipped: 1_234_567})).toEqual([
    {number: 2, stream: "stdout", text: "… 1\u202f234\u202f567 bytes not kept …", isGap: true},
    {number: 3, stream: "stdout", text: "nd"},
  ])
})

test("each stream has its own unfinished line", () => {
  expect(shown(["out"], ["err", "stderr"], ["put\n"], ["or\n", "stderr"])).toEqual([
    "output",
    "error",
  ])
})

test("a carriage return redraws the line", () => {
  expect(shown(["10 %\r"], ["20 %\r30 %"], ["\r40 %\n"])).toEqual(["40 %"])
})

test("line ends of other systems are line ends", () => {
  expect(shown(["one\r\ntwo\r"], ["\n"])).toEqual(["one", "two"])
})

test("colours and cursor tricks are left out", () => {
  expect(shown(["\u001b[1;32mgreen\u001b[0m \u001b]0;title\u0007plain\u001b[K\n"])).toEqual([
    "green plain",
  ])
})

test("a redraw that never ends takes no more room than one line", () => {
  const lines = new OutputLines()
  for (let step = 0; step < 10_000; step += 1) lines.add({stream: "stdout", text: `\r${step} %`})

  expect(lines.add({stream: "stdout", text: "\n"})).toMatchObject([{number: 1, text: "9999 %"}])
})

test("a line without an end is broken", () => {
  const lines = shown(["x".repeat(9000)], ["y\n"])

  expect(lines.map(line => line.length)).toEqual([4000, 4000, 1001])
})
