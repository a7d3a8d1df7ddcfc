import {describe, expect, test} from "vitest"
import {Ratchet, remaining, secondsUntil, usualOf, wayOf} from "../src/course"
import {wayText} from "../src/way"

const START = "2026-05-01T10:00:00.000Z"
const at = (seconds: number) => Date.parse(START) + seconds * 1000
const told = (fraction: number | null, eta: number | null = null) => ({
  progress: {fraction, message: "frame 8", eta},
  started_at: START,
})

describe("the way of a job", () => {
  test("is what its program tells, and the time left runs on by itself", () => {
    const way = wayOf(told(0.4, 60), at(30), 20, at(20))

    expect(way).toMatchObject({fraction: 0.4, by: "program", left: 50})
    expect(wayText(way, 20)).toBe("40 %, frame 8, about 50 s left")
  })

  test("never has less than no time left", () => {
    expect(wayOf(told(0.9, 5), at(60), null, at(20)).left).toBe(0)
  })

  test("is the time gone of the usual one where its program tells no fraction", () => {
    const way = wayOf({progress: null, started_at: START}, at(15), 60, null)

    expect(way).toMatchObject({fraction: 0.25, by: "time", isOverdue: false})
    expect(wayText(way, 60)).toBe("15 s so far, usually 1 min")
  })

  test("is overdue when it takes much longer than usual, and stays whole", () => {
    const way = wayOf({progress: null, started_at: START}, at(90), 60, null)

    expect(way).toMatchObject({fraction: 1, isOverdue: true})
    expect(wayText(way, 60)).toBe("1 min 30 s so far; it usually takes 1 min")
  })

  test("is unknown where nothing is", () => {
    const way = wayOf({progress: null, started_at: START}, at(3), null, null)

    expect(way).toMatchObject({fraction: null, by: null})
    expect(wayText(way, null)).toBe("3 s so far")
  })

  test("goes back with a new attempt only", () => {
    const ratchet = new Ratchet()
    const seen = [
      ratchet.hold(1, 0.2),
      ratchet.hold(1, 0.6),
      ratchet.hold(1, 0.4),
      ratchet.hold(2, 0.1),
      ratchet.hold(2, null),
    ]

    expect(seen).toEqual([0.2, 0.6, 0.6, 0.1, null])
  })
})

describe("what is usual", () => {
  test("is the middle of what was", () => {
    expect(usualOf([100, 4, 5, null, 6, undefined])).toBe(6)
  })

  test("is not known from one or two", () => {
    expect(usualOf([4, 5, null])).toBeNull()
  })
})

describe("a countdown", () => {
  test("counts whole seconds, the last one until it is over", () => {
    expect(
      [0, 9.2, 9.9, 10, 12].map(now => secondsUntil(new Date(at(10)).toISOString(), at(now))),
    ).toEqual([10, 1, 1, 0, 0])
  })

  test("of a grace is not made longer by a clock that is slow", () => {
    expect([-5, 0, 4.5, 10, 11].map(now => remaining(START, 10, at(now)))).toEqual([
      10, 10, 6, 0, 0,
    ])
  })
})
