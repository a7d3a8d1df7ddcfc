import {expect, test} from "vitest"
import {advance, type JobEvent, recordOf, uidOf} from "../src/protocol"

test.each([
  ["a", "ume"],
  ["ab", "umfra"],
  ["ana", "umfxgc"],
  ["abcd", "umfrggza"],
  ["abcde", "umfrggzdf"],
  ["x@y.z", "upbahslt2"],
  ["Ünï Ködé 🙂", "uyoog5q5pebf4hnteyousb4e7tgba"],
])("the uid of %s is the one that the server derives", (authid, uid) => {
  expect(uidOf(authid)).toBe(uid)
})

function event(type: string, data: object = {}): JobEvent {
  const head = {owner: "ana", epoch: "a", seq: 1, job_id: "1", job_seq: 1, task: "hello"}
  return {...head, at: `at ${type}`, attempt: 1, type, ...data} as unknown as JobEvent
}

test("a job is what its events tell", () => {
  const events = [
    event("started"),
    event("progress", {fraction: 0.5, message: "half", eta: 3}),
    event("stopping", {by: "ana", reason: "typo", grace: 10}),
    event("cancelled", {by: "ana", reason: "typo", duration: 4}),
  ]
  const record = events.reduce(advance, recordOf(event("queued", {position: 1})))

  expect(record).toMatchObject({
    state: "cancelled",
    submitted_at: "at queued",
    started_at: "at started",
    ended_at: "at cancelled",
    progress: {fraction: 0.5, message: "half", eta: 3},
    cancel: {by: "ana", reason: "typo"},
    duration: 4,
  })
  expect(record).not.toHaveProperty("job_seq")
  expect(record).not.toHaveProperty("at")
})

test("a job waits for its time, and for its next attempt", () => {
  const head = {at: "2030-01-01T00:00:00.000000+00:00"}
  const delayed = recordOf(event("delayed", {delay: 60, not_before: "2030-01-01T00:01:00Z"}))
  const retrying = advance(
    advance(advance(delayed, event("queued", {position: 1})), event("started")),
    event("retrying", {...head, failure: "lost", reason: "it died", delay: 2, retries_left: 1}),
  )

  expect(delayed).toMatchObject({state: "delayed", delay: 60, not_before: "2030-01-01T00:01:00Z"})
  expect(retrying).toMatchObject({state: "delayed", retry_at: "2030-01-01T00:00:02.000Z"})
  expect(advance(retrying, event("queued", {position: 1}))).toMatchObject({
    state: "queued",
    retry_at: null,
  })
})

test("a job waits for others, or for its turn in its batch", () => {
  const after = recordOf(event("delayed", {after: ["a", "b"]}))
  const child = recordOf({...event("delayed", {number: 2, of: 3}), parent: "batch"})

  expect(after).toMatchObject({state: "delayed", after: ["a", "b"], not_before: null, parent: null})
  expect(child).toMatchObject({state: "delayed", after: [], parent: "batch"})
  expect(advance(child, event("started"))).not.toHaveProperty("number")
})

test("a job asks until it has its answer, or ends", () => {
  const ask = (question: string) =>
    event("question", {question, text: "?", schema: {type: "boolean"}, expires_at: null})
  const asking = [event("started"), ask("a"), ask("b")].reduce(
    advance,
    recordOf(event("queued", {position: 1})),
  )
  const answered = advance(asking, event("answered", {question: "a", answer: true, by: "ana"}))
  const stopping = event("stopping", {by: "ana", reason: null, grace: 10})

  expect(asking.questions.map(({question}) => question)).toEqual(["a", "b"])
  expect(answered.questions).toEqual([
    {question: "b", text: "?", schema: {type: "boolean"}, expires_at: null},
  ])
  for (const later of [
    stopping,
    event("retrying", {delay: 1}),
    event("succeeded"),
    event("lost"),
  ]) {
    expect(advance({...answered}, {...later, at: "2030-01-01T00:00:00Z"}).questions).toEqual([])
  }
})

test("a program adds tags and data to its job", () => {
  const record = recordOf(event("queued", {position: 1}))

  const updated = advance(record, event("updated", {tags: ["slow"], data: {rows: 2}}))
  expect(updated).toMatchObject({tags: ["slow"], data: {rows: 2}})
})

test("an event of a kind unknown to us changes nothing", () => {
  const record = recordOf(event("queued", {position: 1}))

  expect(advance(record, event("hologram"))).toEqual(record)
})
