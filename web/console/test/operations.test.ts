import {expect, test} from "vitest"
import {type Diagnostics, type Statistics, troublesOf} from "../src/condition"
import {limitsText} from "../src/parts/limits"
import {type AuditRecord, csvOf, instant, jsonLinesOf} from "../src/records"

const WELL: Diagnostics = {
  at: "2026-01-01T00:00:00Z",
  versions: {},
  machine: {system: "", processors: 2},
  uptime: 1,
  intake: "open",
  tasks: 3,
  components: [{role: "gateway", authid: "gateway", since: null}],
  sessions: 1,
  lag: 0,
  journal: {database: 1, idle: 0, audit: 0, jobs: 1, limit: 100},
  disk: {total: 100, free: 50},
  settings: null,
  policy: null,
  reload: null,
}
const CALM: Statistics = {
  intake: "open",
  running: 2,
  queued: 1,
  delayed: 0,
  slots: 2,
  slots_used: 2,
  queue_limit: 100,
  oldest: null,
  rates: {},
}

test("a node on which nothing is wrong has no troubles, however busy it is", () => {
  expect(troublesOf(WELL, CALM)).toEqual([])
})

test.each<[string, Partial<Diagnostics>, Partial<Statistics>, string]>([
  ["a full disk", {disk: {total: 100, free: 4}}, {}, "bad"],
  ["no gateway", {components: []}, {}, "bad"],
  ["a full queue", {}, {queued: 95}, "bad"],
  ["a paused queue", {}, {intake: "paused"}, "warn"],
  ["a full journal", {journal: {...WELL.journal, jobs: 95}}, {}, "warn"],
  ["an executor that was held up", {lag: 3}, {}, "warn"],
])("%s is told", (_, told, busy, level) => {
  const troubles = troublesOf({...WELL, ...told}, {...CALM, ...busy})
  expect(troubles.map(trouble => trouble.level)).toEqual([level])
})

test("the worst comes first", () => {
  const troubles = troublesOf({...WELL, components: []}, {...CALM, intake: "draining"})
  expect(troubles.map(({level}) => level)).toEqual(["bad", "warn"])
})

const RECORD: AuditRecord = {
  id: 7,
  at: "2026-01-01T00:00:00Z",
  actor: "=cmd()",
  role: "user",
  owner: null,
  action: "cancel",
  object: 'a "b", c\n\u001b[2J',
  address: "127.0.0.1",
  outcome: "ok",
  detail: {reason: "x"},
}

test("text that users have sent is harmless in an export", () => {
  const [head, row, end] = csvOf([RECORD]).split("\r\n")
  expect(head).toBe("id,at,actor,role,owner,action,object,address,outcome,detail")
  expect(row).toBe(
    `7,2026-01-01T00:00:00Z,'=cmd(),user,,cancel,"a ""b"", c\\x0a\\x1b[2J",127.0.0.1,ok,"{""reason"":""x""}"`,
  )
  expect(end).toBe("")
  expect(JSON.parse(jsonLinesOf([RECORD]))).toEqual(RECORD)
})

test("a moment of the viewer's zone is asked for with its offset", () => {
  expect(instant("2026-01-01T10:00")).toBe(new Date(2026, 0, 1, 10).toISOString())
  expect([instant(""), instant(null), instant("soon")]).toEqual([null, null, null])
})

test("limits are told in words, and no limits too", () => {
  expect(limitsText({})).toBe("everything")
  expect(limitsText({tasks: ["date"], read_only: true})).toBe("date, looking only")
  expect(limitsText({jobs: ["0123456789abcdef"]})).toBe("ABCDEF")
})
