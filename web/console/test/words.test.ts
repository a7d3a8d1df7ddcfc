import {describe, expect, test} from "vitest"
import {bytes, duration, percent, progressText} from "../src/format"
import {jobLink, routeOf, signInCode, taskLink} from "../src/route"

test.each([
  [0, "0 s"],
  [0.44, "0.4 s"],
  [7, "7 s"],
  [59.6, "1 min"],
  [100, "1 min 40 s"],
  [7380, "2 h 3 min"],
  [90_000, "1 d 1 h"],
])("%d seconds are %s", (seconds, words) => {
  expect(duration(seconds)).toBe(words)
})

test.each([
  [999, "999 bytes"],
  [12_345, "12 kB"],
  [20_000_000, "20.0 MB"],
])("%d bytes are %s", (size, words) => {
  expect(bytes(size)).toBe(words)
})

test("nothing is complete before it is", () => {
  expect([percent(0.999), percent(1)]).toEqual(["99 %", "100 %"])
})

test("progress says what is known", () => {
  expect(progressText({fraction: 0.61, message: "frame 8", eta: 100})).toBe(
    "61 %, frame 8, about 1 min 40 s left",
  )
  expect(progressText({fraction: null, message: null, eta: null})).toBe("")
})

describe("the address", () => {
  test.each([
    ["", {screen: "tasks"}],
    ["#/tasks", {screen: "tasks"}],
    ["#/nonsense", {screen: "tasks"}],
    ["#/jobs", {screen: "jobs"}],
    ["#/jobs/0190", {screen: "job", id: "0190"}],
    [taskLink("video.transcode"), {screen: "task", name: "video.transcode", from: null}],
    [taskLink("a/b", "0190"), {screen: "task", name: "a/b", from: "0190"}],
    [jobLink("0190"), {screen: "job", id: "0190"}],
    ["#/tasks/%E0%A4%A", {screen: "task", name: "%E0%A4%A", from: null}],
  ])("%s leads to %j", (hash, route) => {
    expect(routeOf(hash)).toEqual(route)
  })

  test.each([
    ["#signin=abc-DEF_1", "abc-DEF_1"],
    ["#/tasks", null],
    ["", null],
  ])("%s holds the sign-in code %s", (hash, code) => {
    expect(signInCode(hash)).toBe(code)
  })
})
