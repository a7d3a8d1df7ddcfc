import {FakeNode} from "@taskrealm/client/testing"
import {expect, test} from "vitest"
import {heading, hue, initials, matches, shelves, usually} from "../src/shelf"

const node = new FakeNode()
node.addTask({name: "video.transcode", title: "Convert a video", help: "For the web."})
node.addTask({name: "video.cut", title: ""})
node.addTask({name: "images.resize", title: "Make pictures smaller", group: "media_tools"})
node.addTask({name: "hello", title: "Hello"})
const [transcode, cut, resize, hello] = node.tasks as [never, never, never, never]

test("tasks stand where they declare, or where their names begin; others last", () => {
  const shown = shelves(node.tasks).map(({name, tasks}) => [name, tasks.map(({name}) => name)])

  expect(shown).toEqual([
    ["media_tools", ["images.resize"]],
    ["video", ["video.transcode", "video.cut"]],
    ["", ["hello"]],
  ])
  expect(heading("media_tools")).toBe("Media tools")
})

test("a search has all its words somewhere in the task, in any case", () => {
  expect(matches(transcode, "WEB convert")).toBe(true)
  expect(matches(transcode, "web pictures")).toBe(false)
  expect(matches(resize, "")).toBe(true)
})

test("two letters stand for a task", () => {
  expect([transcode, cut, resize, hello].map(initials)).toEqual(["CA", "VC", "MP", "HE"])
})

test("a shelf keeps its colour", () => {
  expect(hue("video")).toBe(hue("video"))
  for (const name of ["video", "images", "", "ärzte"]) {
    expect(hue(name)).toBeGreaterThanOrEqual(0)
    expect(hue(name)).toBeLessThan(8)
  }
})

test.each([
  [0.1, 0.4, "< 1 s"],
  [2, 5, "2–5 s"],
  [3.9, 4.2, "4 s"],
  [170, 310, "3–5 min"],
  [20, 130, "1–2 min"],
  [3600, 7300, "1–2 h"],
  [86_400, 200_000, "1–2 d"],
])("from %d to %d seconds is usually %s", (p10, p90, said) => {
  expect(usually({n: 10, p10, p50: p10, p90, longest: p90})).toBe(said)
})

test("too few jobs say nothing", () => {
  expect(usually({n: 2, p10: 1, p50: 1, p90: 1, longest: 1})).toBeNull()
  expect(usually(null)).toBeNull()
  expect(usually(undefined)).toBeNull()
})
