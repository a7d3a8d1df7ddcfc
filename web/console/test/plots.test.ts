import type {Outcome, TerminalState} from "@taskrealm/client"
import {expect, test} from "vitest"
import {courseOf, latest, peak} from "../src/plots/load"
import {byDuration, byTime, successRate} from "../src/plots/outcomes"
import {areaPath, linePath} from "../src/plots/paths"
import {countTicks, isByDay, linear, roundStep, timeTicks} from "../src/plots/scale"

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

test("a scale maps its domain evenly, and one value into the middle", () => {
  const up = linear([0, 10], [100, 0])
  expect([up(0), up(5), up(10)]).toEqual([100, 50, 0])
  expect(linear([3, 3], [0, 10])(3)).toBe(5)
})

test.each([
  [0, [0, 1]],
  [1, [0, 1]],
  [4, [0, 1, 2, 3, 4]],
  [5, [0, 2, 4, 6]],
  [37, [0, 10, 20, 30, 40]],
  [1000, [0, 500, 1000]],
])("counts up to %d have round whole marks beside them", (most, marks) => {
  expect(countTicks(most)).toEqual(marks)
})

test("a round step is the next of 1, 2 and 5 times a power of ten", () => {
  expect([0.03, 0.2, 1, 3, 50, 51].map(roundStep).map(step => Number(step.toPrecision(3)))).toEqual(
    [0.05, 0.2, 1, 5, 50, 100],
  )
})

test("marks of time are round where the viewer is", () => {
  const start = Date.UTC(2026, 0, 1, 10, 7)
  expect(timeTicks(start, start + HOUR, 4, 0).map(at => new Date(at).toISOString())).toEqual([
    "2026-01-01T10:15:00.000Z",
    "2026-01-01T10:30:00.000Z",
    "2026-01-01T10:45:00.000Z",
    "2026-01-01T11:00:00.000Z",
  ])
  const east = -330 // minutes: five and a half hours before UTC
  const days = timeTicks(start, start + 4 * DAY, 4, east)
  expect(days.map(at => new Date(at).toISOString().slice(11, 16))).toEqual(days.map(() => "18:30"))
  expect(isByDay(days)).toBe(true)
  expect(isByDay(timeTicks(start, start + HOUR, 4, 0))).toBe(false)
})

test("there are never more marks of time than there is room for", () => {
  for (const span of [MINUTE, HOUR, 6 * HOUR, DAY, 7 * DAY, 90 * DAY, 700 * DAY]) {
    expect(timeTicks(0, span, 5, 0).length).toBeLessThanOrEqual(6)
  }
})

test("a line is broken where nothing is known, and a lone point is still seen", () => {
  const points = [{x: 0, y: 1}, {x: 1, y: 2.04}, null, {x: 3, y: 4}]
  expect(linePath(points)).toBe("M0 1L1 2M3 4h1")
  expect(areaPath(points.slice(0, 3), 9)).toBe("M0 1L1 2L1 9L0 9Z")
  expect(linePath([null, null])).toBe("")
})

test("steps of which the node tells nothing are gaps in the course", () => {
  const now = Date.UTC(2026, 0, 1, 12, 0, 7)
  const at = new Date(now).toISOString()
  const second = Math.floor(now / 10_000) * 10
  const columns = ["at", "running", "queued", "delayed", "slots_used", "slots", "lag"]
  const samples = [
    [second - 20, 2, 7, 0, 2, 2, 0.1],
    [second, 1, 0, 0, 1, 2, 0],
  ]
  const course = courseOf({at, step: 10, columns, samples}, 60)
  expect(course.times).toHaveLength(7)
  expect(courseOf({at, step: 10, columns, samples}, 3600).times).toHaveLength(13)
  expect(course.times.at(-1)).toBe(second * 1000)
  expect(course.queued).toEqual([null, null, null, null, 7, null, 0])
  expect([peak(course.queued), latest(course.queued), latest([null])]).toEqual([7, 0, null])
})

function ended(state: TerminalState, at: number, duration: number | null = 1): Outcome {
  return {job_id: "1", state, ended_at: new Date(at).toISOString(), duration}
}

test("ends are gathered into buckets of a round width without a hole", () => {
  const start = Date.UTC(2026, 0, 1, 10, 0)
  const buckets = byTime(
    [
      ended("failed", start + 59 * MINUTE),
      ended("succeeded", start + MINUTE),
      ended("succeeded", start),
    ],
    14,
  )
  expect(buckets).toHaveLength(12)
  expect(buckets.every(({from, to}) => to - from === 5 * MINUTE)).toBe(true)
  expect(buckets[0]).toMatchObject({from: start, counts: {succeeded: 2}, total: 2})
  expect(buckets[11]).toMatchObject({counts: {failed: 1}, total: 1})
  expect(byTime([], 10)).toEqual([])
})

test("however far apart jobs ended there are never more buckets than there is room for", () => {
  for (const span of [0, MINUTE, HOUR, DAY, 30 * DAY, 2000 * DAY]) {
    const start = Date.UTC(2024, 1, 3, 4, 5, 6)
    const buckets = byTime([ended("lost", start), ended("lost", start + span)], 30)
    expect(buckets.length).toBeLessThanOrEqual(31)
    expect(buckets.reduce((sum, {total}) => sum + total, 0)).toBe(2)
  }
})

test("durations lie between round edges, and none is left out", () => {
  const durations = [0, 0.04, 0.1, 0.19, 0.2, 1, 1.99, 5, 49, 3600, 9e9]
  const bins = byDuration(durations)
  expect(bins.reduce((sum, {count}) => sum + count, 0)).toBe(durations.length)
  expect(bins[0]).toEqual({from: 0.1, to: 0.2, count: 4})
  for (const duration of durations.slice(2)) {
    expect(bins.some(({from, to, count}) => from <= duration && duration < to && count)).toBe(true)
  }
  expect(byDuration([])).toEqual([])
})

test("the share that succeeded counts every end", () => {
  expect(successRate({succeeded: 3, failed: 1})).toBe(0.75)
  expect(successRate({lost: 1})).toBe(0)
  expect(successRate({})).toBeNull()
})
