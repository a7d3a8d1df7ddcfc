import {describe, expect, test} from "vitest"
import {jobLink, routeOf, signInCode, taskLink} from "../src/route"

describe("the address", () => {
  test.each([
    ["", "tasks", null],
    ["#/tasks", "tasks", null],
    ["#/nonsense", "tasks", null],
    ["#/nonsense/0190", "tasks", null],
    ["#/jobs", "jobs", null],
    ["#/jobs/0190", "jobs", "0190"],
    [taskLink("video.transcode"), "tasks", "video.transcode"],
    [taskLink("a/b", "0190"), "tasks", "a/b"],
    [jobLink("0190"), "jobs", "0190"],
    ["#/tasks/%E0%A4%A", "tasks", "%E0%A4%A"],
  ])("%s leads to %s, and there to %s", (hash, screen, item) => {
    expect(routeOf(hash)).toMatchObject({screen, item})
  })

  test("tells what is wanted of a screen", () => {
    expect(routeOf(taskLink("a/b", "0190")).query.get("from")).toBe("0190")
    expect(routeOf("#/jobs?state=failed").query.get("state")).toBe("failed")
  })

  test.each([
    ["#signin=abc-DEF_1", "abc-DEF_1"],
    ["#/tasks", null],
    ["", null],
  ])("%s holds the sign-in code %s", (hash, code) => {
    expect(signInCode(hash)).toBe(code)
  })
})
