import type {JobEvent} from "@taskrealm/client"
import {describe, expect, test} from "vitest"
import {EVENTS_KEPT} from "../src/course"
import {EventLog, found, rowOf} from "../src/journal"

function event(number: number, type: string, data: object = {}): JobEvent {
  return {
    owner: "ana",
    epoch: "e",
    seq: number + 100,
    job_id: "j",
    job_seq: number,
    task: "t",
    at: "2026-05-01T10:00:00Z",
    attempt: 1,
    type,
    ...data,
  } as JobEvent
}

describe("the journal of a job", () => {
  test("has a row for each event with what it says besides its head", () => {
    expect(rowOf(event(3, "message", {level: "info", text: "Hello", data: null}))).toEqual({
      number: 3,
      seq: 103,
      type: "message",
      at: "2026-05-01T10:00:00Z",
      attempt: 1,
      data: '{"level":"info","text":"Hello","data":null}',
    })
    expect(rowOf(event(2, "started")).data).toBe("")
  })

  test("is searched by type and by text, whatever the case", () => {
    const events = [
      event(1, "queued", {position: 0}),
      event(2, "started"),
      event(3, "message", {text: "Two frames"}),
    ]

    expect(found(events, null, "")).toBe(events)
    expect(found(events, "started", "").map(each => each.job_seq)).toEqual([2])
    expect(found(events, null, " FRAMES ").map(each => each.job_seq)).toEqual([3])
    expect(found(events, "queued", "frames")).toEqual([])
  })

  test("keeps the newest events and counts the others", () => {
    const log = new EventLog()
    const all = EVENTS_KEPT * 2
    for (let number = 1; number <= all; number += 1) log.add(event(number, "progress"))

    expect(log.events.length).toBeLessThan(EVENTS_KEPT * 1.25)
    expect(log.events.length + log.dropped).toBe(all)
    expect(log.events.at(-1)?.job_seq).toBe(all)
    expect(log.events[0]?.job_seq).toBe(log.dropped + 1)
    expect(log.types).toEqual(["progress"])
  })
})
