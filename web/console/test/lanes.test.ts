import type {JobRecord, ListedJob, Task} from "@taskrealm/client"
import {expect, test} from "vitest"
import {DRAWN, lanesOf, linesOf} from "../src/queue/lanes"

const tasks = [
  {name: "cut", slots: 2, group: "media"},
  {name: "mix", slots: 1, group: "media"},
  {name: "date", slots: 1, group: null},
] as Task[]

const job = (job_id: string, more: object = {}) =>
  ({job_id, task: "date", state: "queued", retry_at: null, not_before: null, ...more}) as ListedJob

const drawn = (slots: (JobRecord | "other" | null)[]) =>
  slots.map(slot => (slot === null ? "." : slot === "other" ? "?" : slot.job_id)).join("")

// capability: N22
test("slots show what is in them, the oldest first, by how many each job takes", () => {
  const running = [
    job("b", {task: "mix", started_at: "2030-01-01T12:00:01Z"}),
    job("a", {task: "cut", started_at: "2030-01-01T12:00:00Z"}),
    job("c", {started_at: "2030-01-01T12:00:02Z"}),
  ]
  const lanes = lanesOf({slots: 6, used: 4, groups: {media: 4, audio: 1}}, running, tasks)
  expect(lanes.map(({group, used, slots}) => [group, used, drawn(slots)])).toEqual([
    [null, 4, "aabc.."],
    ["audio", 0, "."],
    ["media", 3, "aab."],
  ])
})

test("what is in use by jobs that one cannot see is in use", () => {
  const [lane] = lanesOf({slots: 3, used: 2, groups: {}}, [job("a", {started_at: null})], tasks)
  expect(drawn(lane?.slots ?? [])).toBe("a?.")
})

test("a job that has just ended takes no slot that the node calls free", () => {
  const running = [job("a", {started_at: "1"}), job("b", {started_at: "2"})]
  const [lane] = lanesOf({slots: 2, used: 1, groups: {}}, running, tasks)
  expect(drawn(lane?.slots ?? [])).toBe("a.")
})

test("more slots than fit are not drawn", () => {
  const [lane] = lanesOf({slots: 1024, used: 0, groups: {}}, [], tasks)
  expect(lane?.slots.length).toBe(DRAWN)
})

// capability: N22
test("those who wait for a slot stand by their place, those who wait for their time by that", () => {
  const {line, later} = linesOf([
    job("e", {position: 2}),
    job("d", {position: 1}),
    job("c"),
    job("z", {state: "delayed"}),
    job("y", {state: "delayed", not_before: "2030-01-02T00:00:00Z"}),
    job("x", {state: "delayed", retry_at: "2030-01-01T00:00:00Z"}),
  ])
  expect(line.map(each => each.job_id).join("")).toBe("dec")
  expect(later.map(each => each.job_id).join("")).toBe("xyz")
})
