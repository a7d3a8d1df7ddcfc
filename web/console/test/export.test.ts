import type {JobRecord} from "@taskrealm/client"
import {expect, test} from "vitest"
import {csvOf, jsonOf} from "../src/jobs/export"

const job = {
  job_id: "7f",
  task: "video.cut",
  state: "failed",
  owner: "ann",
  submitted_by: "ann",
  submitted_at: "2030-01-01T12:00:00+00:00",
  started_at: null,
  ended_at: null,
  attempt: 1,
  priority: -5,
  exit_code: 0,
  tags: ["a", "b"],
  arguments: {source: 'film "x".mov'},
  error: "=cmd|' /C calc'!A0",
} as unknown as JobRecord

// capability: N22
test("CSV has a row for each job, in which nothing runs as a formula", () => {
  const [heading, row, end] = csvOf([job]).split("\r\n")
  expect(heading?.split(",").slice(0, 3)).toEqual(["job_id", "task", "state"])
  expect(row).toBe(
    '7f,video.cut,failed,ann,ann,2030-01-01T12:00:00+00:00,,,,0,1,-5,"[""a"",""b""]",' +
      `"{""source"":""film \\""x\\"".mov""}",'=cmd|' /C calc'!A0,`,
  )
  expect(end).toBe("")
})

test("a line break stays in its cell", () => {
  const [, ...rows] = csvOf([{...job, error: "one\ntwo"}]).split("\r\n")
  expect(rows[0]).toContain('"one\ntwo"')
})

test("JSON has everything", () => {
  expect(JSON.parse(jsonOf([job]))).toEqual([job])
})
