import {expect, test} from "vitest"
import {bytes, duration, percent, progressText} from "../src/format"

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
