import {describe, expect, test} from "vitest"
import type {JobEvent, JobRecord} from "../src/protocol"
import {type Answer, Stream} from "../src/stream"
import {runSchedules} from "./schedules"

function event(seq: number, epoch = "a"): JobEvent {
  return {seq, epoch, job_id: "1", job_seq: seq, type: "progress"} as JobEvent
}

/** The answer with these events, the newest of which is *seq* unless it is the last of them. */
function history(seqs: number[], seq = seqs.at(-1) ?? 0): Answer {
  return {recovered: true, epoch: "a", seq, events: seqs.map(each => event(each))}
}

/** The answer of a journal that does not reach back so far, or has started anew. */
function beginning(seq: number, epoch = "a", jobs: JobRecord[] = []): Answer {
  return {recovered: false, epoch, seq, events: [], jobs}
}

function seqs(events: readonly JobEvent[]): (number | null)[] {
  return events.map(each => each.seq)
}

/** A stream that has delivered everything up to *seq*. */
function following(seq: number): Stream {
  const stream = new Stream()
  stream.question()
  stream.answered(beginning(seq))
  return stream
}

/** A stream that has just asked for what follows *seq*. */
function asking(seq: number): Stream {
  const stream = following(seq)
  stream.doubt()
  stream.question()
  return stream
}

describe("a stream of events", () => {
  test("begins with a snapshot and goes on behind it", () => {
    const stream = new Stream()
    const question = stream.question()
    const early = stream.take([event(8)])
    const page = stream.answered(beginning(7))

    expect(question).toEqual({epoch: null, seq: 0})
    expect(early).toEqual([])
    expect(page).toMatchObject({snapshot: [], isReset: false})
    expect(seqs(page.events)).toEqual([8])
    expect(stream.isBehind).toBe(false)
  })

  test("delivers what follows and asks nothing", () => {
    const stream = following(4)

    expect(seqs(stream.take([event(5), event(6)]))).toEqual([5, 6])
    expect(stream.question()).toBe(null)
  })

  test("keeps back live events until the history before them has come", () => {
    const stream = asking(7)
    const early = stream.take([event(10)])
    const {events} = stream.answered(history([8, 9, 10]))

    expect(early).toEqual([])
    expect(seqs(events)).toEqual([8, 9, 10])
    expect(stream.isBehind).toBe(false)
  })

  test("asks for history when it sees a hole", () => {
    const stream = following(7)
    const beyond = stream.take([event(9)])

    expect(beyond).toEqual([])
    expect(stream.isBehind).toBe(true)
    expect(stream.question()).toEqual({epoch: "a", seq: 7})
    expect(seqs(stream.answered(history([8])).events)).toEqual([8, 9])
  })

  test("delivers nothing twice", () => {
    const stream = following(7)
    stream.take([event(8)])

    expect(seqs(stream.take([event(8), event(7), event(9)]))).toEqual([9])
  })

  test("asks one question at a time, and again if a doubt came meanwhile", () => {
    const stream = asking(7)
    stream.doubt()

    expect(stream.question()).toBe(null)
    stream.answered(history([8]))
    expect(stream.question()).toEqual({epoch: "a", seq: 8})
  })

  test("asks again when there will be no answer", () => {
    const stream = asking(7)
    stream.failed()

    expect(stream.question()).toEqual({epoch: "a", seq: 7})
  })

  test("takes history in pages", () => {
    const stream = asking(0)
    const first = stream.answered(history([1, 2], 3))
    stream.question()
    const second = stream.answered(history([3]))

    expect(seqs([...first.events, ...second.events])).toEqual([1, 2, 3])
    expect(stream.isBehind).toBe(false)
  })

  test("says so when the journal no longer reaches back", () => {
    const stream = asking(7)
    const jobs = [{job_id: "1"}] as JobRecord[]

    expect(stream.answered(beginning(90, "b", jobs))).toEqual({
      events: [],
      snapshot: jobs,
      isReset: true,
    })
    expect(seqs(stream.take([event(91, "b")]))).toEqual([91])
  })

  test("believes no answer that events are lost which have arrived since", () => {
    const stream = asking(7)
    stream.take([event(8)])

    expect(stream.answered(beginning(9)).isReset).toBe(false)
    expect(stream.question()).toEqual({epoch: "a", seq: 8})
    expect(seqs(stream.take([event(9)]))).toEqual([9])
  })

  test("never mixes events of two epochs", () => {
    const stream = following(7)
    const foreign = stream.take([event(8, "b")])
    stream.question()
    const anew = stream.answered(beginning(8, "b"))

    expect([...foreign, ...anew.events]).toEqual([])
    expect(seqs(stream.take([event(9, "b")]))).toEqual([9])
  })

  test("is taken up anew rather than asking for ever when the history has a hole", () => {
    const stream = asking(7)
    stream.answered(history([9, 10]))

    expect(stream.question()).toEqual({epoch: null, seq: 0})
    expect(stream.answered(beginning(10)).isReset).toBe(true)
  })
})

test("whatever is lost, repeated, reordered, delayed or cut, the journal is what is heard", () => {
  runSchedules(Number(process.env.SCHEDULES ?? 400))
})
