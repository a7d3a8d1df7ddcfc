import type {JobsFilter, ListedJob} from "@taskrealm/client"
import {describe, expect, test} from "vitest"
import {JobList} from "../src/jobs/list"
import {fits, isLike, stateAfter} from "../src/jobs/matching"

function job(job_id: string, more: Partial<ListedJob> = {}): ListedJob {
  const plain = {task: "video.cut", owner: "ann", state: "queued", tags: [], parent: null}
  return {...plain, job_id, submitted_at: "2030-01-01T12:00:00+00:00", ...more} as ListedJob
}

const ids = (list: JobList) => list.rows.map(({job_id}) => job_id).join("")
const all = () => true
const running = ({state}: ListedJob) => state === "running"

// capability: N22
describe("a list of jobs", () => {
  test("shows pages in their order, and each job once", () => {
    const list = new JobList(all)
    list.begin([job("f"), job("e")])
    list.append([job("e"), job("d"), job("c")])
    expect(ids(list)).toBe("fedc")
  })

  test("puts a new job where its age wants it", () => {
    const list = new JobList(all)
    list.begin([job("e"), job("c")])
    for (const id of ["g", "d", "a"]) list.put(job(id))
    expect(ids(list)).toBe("gedca")
  })

  test("changes what is said of a job without moving it", () => {
    const list = new JobList(all)
    list.begin([job("b"), job("a")])
    list.put(job("a", {state: "running"}))
    expect(ids(list)).toBe("ba")
    expect(list.get("a")?.state).toBe("running")
  })

  test("lets new jobs wait while it is held, and says how many", () => {
    const list = new JobList(all)
    list.begin([job("b")])
    list.hold()
    list.put(job("d"))
    list.put(job("c"))
    list.put(job("d", {state: "running"}))
    expect([ids(list), list.waiting]).toEqual(["b", 2])
    list.release()
    expect([ids(list), list.waiting]).toEqual(["dcb", 0])
    expect(list.get("d")?.state).toBe("running")
  })

  test("keeps a row that fits no more until it is let go", () => {
    const list = new JobList(running)
    list.begin([job("b", {state: "running"}), job("a", {state: "running"})])
    list.hold()
    list.put(job("b", {state: "failed"}))
    expect(ids(list)).toBe("ba")
    list.release()
    expect(ids(list)).toBe("a")
    list.put(job("a", {state: "failed"}))
    expect(ids(list)).toBe("")
  })

  test("does not take what never fits, and forgets what waits and fits no more", () => {
    const list = new JobList(running)
    list.put(job("a"))
    list.hold()
    list.put(job("b", {state: "running"}))
    list.put(job("b", {state: "failed"}))
    list.release()
    expect([ids(list), list.waiting]).toEqual(["", 0])
  })

  test("shows a waiting job at once when a page has it", () => {
    const list = new JobList(all)
    list.begin([job("c")])
    list.hold()
    list.put(job("d"))
    list.append([job("d"), job("b")])
    expect([ids(list), list.waiting]).toEqual(["dcb", 0])
  })

  test("begins anew without what waited", () => {
    const list = new JobList(all)
    list.hold()
    list.put(job("x"))
    list.begin([job("b")])
    expect([ids(list), list.waiting, list.isHeld]).toEqual(["b", 0, true])
  })
})

test.each([
  ["video.cut", "video.cut", true],
  ["video.cut", "video.*", true],
  ["video.cut", "*", true],
  ["video.cut", "*.cut", true],
  ["video.cut", "v*o*t", true],
  ["video.cut", "video", false],
  ["video.cut", "v*x*t", false],
  ["aba", "ab*ba", false],
  ["abba", "ab*ba", true],
  ["a", "a*a", false],
  ["a.b", "a?b", false],
  ["", "*", true],
])("%s is like %s: %s", (name, pattern, expected) => {
  expect(isLike(name, pattern)).toBe(expected)
})

// capability: N22
describe("a job belongs into a list", () => {
  test.each([
    ["without a filter", {}, true],
    ["in one of the states", {state: ["failed", "queued"]}, true],
    ["not in another", {state: "failed"}, false],
    ["by a pattern", {task: ["audio.*", "video.*"]}, true],
    ["not of another user", {owner: "bob"}, false],
    ["of everybody", {owner: null}, true],
    ["by its tag", {tag: "x"}, true],
    ["not by another tag", {tag: "y"}, false],
    ["since its moment", {since: "2030-01-01T12:00:00Z"}, true],
    ["not since a later one", {since: "2030-01-01T13:00:01+01:00"}, false],
    ["not until its moment", {until: "2030-01-01T12:00:00Z"}, false],
    ["until a later second", {until: Date.parse("2030-01-01T12:00:01Z") / 1000}, true],
    ["not to a batch", {parent: "b"}, false],
  ] as [string, JobsFilter, boolean][])("%s", (_, filter, expected) => {
    expect(fits(job("a", {tags: ["x"]}), filter)).toBe(expected)
  })

  test("only with its batch, unless children are asked for", () => {
    const child = job("a", {parent: "b"})
    expect(fits(child, {})).toBe(false)
    expect(fits(child, {children: true})).toBe(true)
    expect(fits(child, {parent: "b"})).toBe(true)
  })
})

test("events tell which state they lead to", () => {
  expect(["started", "retrying", "failed", "progress"].map(stateAfter)).toEqual([
    "running",
    "delayed",
    "failed",
    null,
  ])
})
