import {describe, expect, test} from "vitest"
import type {JobEvent, StreamPage} from "../src/protocol"
import {type Delivered, type StreamAsk, UserStream} from "../src/stream"
import {seeded} from "./random"

function event(seq: number, epoch = "a"): JobEvent {
  return {seq, epoch, job_id: "1", job_seq: seq, type: "progress"} as JobEvent
}

function page(seqs: number[], options: Partial<StreamPage> = {}): StreamPage {
  const events = seqs.map(seq => event(seq, options.epoch))
  return {recovered: true, epoch: "a", seq: seqs.at(-1) ?? 0, events, more: false, ...options}
}

function seqs({events}: Delivered): (number | null)[] {
  return events.map(each => each.seq)
}

/** A stream that has delivered everything up to *seq*. */
function following(seq: number): UserStream {
  const stream = new UserStream()
  stream.answer(stream.ask(), page([], {recovered: false, seq}))
  return stream
}

describe("a stream of events", () => {
  test("begins with a snapshot and goes on behind it", () => {
    const stream = new UserStream()
    const first = stream.answer(stream.ask(), page([], {recovered: false, seq: 7, jobs: []}))
    const live = stream.live([event(8)])

    expect(first).toEqual({snapshot: [], events: []})
    expect(seqs(live)).toEqual([8])
    expect(stream.behind).toBe(false)
  })

  test("keeps back live events until the history before them has come", () => {
    const stream = following(7)
    stream.interrupt()
    const ask = stream.ask()
    const early = stream.live([event(10)])
    const joined = stream.answer(ask, page([8, 9, 10]))

    expect(seqs(early)).toEqual([])
    expect(seqs(joined)).toEqual([8, 9, 10])
    expect(stream.behind).toBe(false)
  })

  test("asks for history when it sees a hole", () => {
    const stream = following(7)
    const beyond = stream.live([event(9)])
    const ask = stream.ask()

    expect(seqs(beyond)).toEqual([])
    expect(stream.behind).toBe(true)
    expect(ask).toMatchObject({epoch: "a", since: 7})
    expect(seqs(stream.answer(ask, page([8])))).toEqual([8, 9])
  })

  test("delivers nothing twice", () => {
    const stream = following(7)
    stream.live([event(8)])

    expect(seqs(stream.live([event(8), event(7), event(9)]))).toEqual([9])
  })

  test("asks again when it was interrupted while an answer was under way", () => {
    const stream = following(7)
    stream.interrupt()
    const ask = stream.ask()
    stream.interrupt()
    stream.answer(ask, page([8]))

    expect(stream.behind).toBe(true)
  })

  test("says so when the journal no longer reaches back", () => {
    const stream = following(7)
    stream.interrupt()
    const jobs = [{job_id: "1"}] as StreamPage["jobs"] & object
    const anew = stream.answer(
      stream.ask(),
      page([], {recovered: false, seq: 90, epoch: "b", jobs}),
    )

    expect(anew.snapshot).toEqual(jobs)
    expect(seqs(stream.live([event(91, "b")]))).toEqual([91])
  })

  test("never mixes events of two epochs", () => {
    const stream = following(7)
    const foreign = stream.live([event(8, "b")])
    const anew = stream.answer(stream.ask(), page([], {recovered: false, seq: 8, epoch: "b"}))

    expect(seqs(foreign)).toEqual([])
    expect(seqs(anew)).toEqual([])
    expect(seqs(stream.live([event(9, "b")]))).toEqual([9])
  })

  test("is taken up anew rather than asking for ever when the history has a hole", () => {
    const stream = following(7)
    stream.interrupt()
    stream.answer(stream.ask(), page([9, 10]))

    expect(stream.behind).toBe(true)
    expect(stream.ask().epoch).toBe(null)
  })

  test("takes history in pages", () => {
    const stream = following(0)
    stream.interrupt()
    const first = stream.answer(stream.ask(), page([1, 2], {more: true, seq: 3}))
    const second = stream.answer(stream.ask(), page([3]))

    expect([...seqs(first), ...seqs(second)]).toEqual([1, 2, 3])
    expect(stream.behind).toBe(false)
  })
})

/**
 * One random run: a journal grows, its publications are dropped, repeated, delayed and cut off,
 * epochs change, old events are forgotten; a stream follows, and a model tells what is right.
 */
class Schedule {
  #random: () => number
  #journal: JobEvent[] = []
  #epoch = 1
  #forgotten = 0
  #wire: JobEvent[][] = []
  #asked: {ask: StreamAsk; page: StreamPage} | null = null
  #stream = new UserStream()
  /** Every event, and where the stream was taken up. */
  heard: {epoch: string | null; seq: number | null; isSnapshot: boolean}[] = []

  /** @param keeps whether the journal keeps all its events */
  constructor(
    seed: number,
    private readonly keeps: boolean,
  ) {
    this.#random = seeded(seed)
  }

  run(steps: number): this {
    for (let step = 0; step < steps; step += 1) this.#step()
    this.#cut()
    while (this.#stream.behind || this.#asked) {
      this.#ask()
      this.#answer()
    }
    return this
  }

  get newest(): {epoch: string; seq: number} {
    return {epoch: this.#name, seq: this.#journal.length}
  }

  get #name(): string {
    return `epoch${this.#epoch}`
  }

  #step(): void {
    const dice = this.#random()
    if (dice < 0.4) this.#happen()
    else if (dice < 0.7) this.#deliver()
    else if (dice < 0.82) this.#ask()
    else if (dice < 0.93) this.#answer()
    else if (dice < 0.97 || this.keeps) this.#cut()
    else if (dice < 0.985) this.#forgotten = Math.floor(this.#random() * this.#journal.length)
    else this.#startAnew()
  }

  /** Some events happen; their publication may be lost on the way, or come twice. */
  #happen(): void {
    const batch = Array.from({length: 1 + Math.floor(this.#random() * 3)}, () => {
      const next = event(this.#journal.length + 1, this.#name)
      this.#journal.push(next)
      return next
    })
    const copies = this.#random() < 0.1 ? 0 : this.#random() < 0.1 ? 2 : 1
    for (let copy = 0; copy < copies; copy += 1) this.#wire.push(batch)
  }

  /** A publication arrives, not always the oldest first. */
  #deliver(): void {
    const index = this.#random() < 0.8 ? 0 : Math.floor(this.#random() * this.#wire.length)
    const [batch] = this.#wire.splice(index, 1)
    if (batch) this.#hear(this.#stream.live(batch))
  }

  #ask(): void {
    if (!this.#stream.behind || this.#asked) return
    const ask = this.#stream.ask()
    this.#asked = {ask, page: this.#page(ask)}
  }

  #page({epoch, since}: StreamAsk): StreamPage {
    const seq = this.#journal.length
    const name = this.#name
    if (epoch !== name || since < this.#forgotten || since > seq) {
      return {recovered: false, epoch: name, seq, events: [], more: false, jobs: []}
    }
    const events = this.#journal.slice(since, since + 1 + Math.floor(this.#random() * 6))
    return {recovered: true, epoch: name, seq, events, more: since + events.length < seq}
  }

  #answer(): void {
    if (!this.#asked) return
    const {ask, page} = this.#asked
    this.#asked = null
    this.#hear(this.#stream.answer(ask, page), page)
  }

  /** Everything on the way is lost, the question too. */
  #cut(): void {
    this.#wire = []
    this.#asked = null
    this.#stream.interrupt()
  }

  #startAnew(): void {
    this.#journal = []
    this.#forgotten = 0
    this.#epoch += 1
  }

  #hear({snapshot, events}: Delivered, page?: StreamPage): void {
    if (snapshot && page) this.heard.push({epoch: page.epoch, seq: page.seq, isSnapshot: true})
    for (const {epoch, seq} of events) this.heard.push({epoch, seq, isSnapshot: false})
  }
}

/** The events that do not follow what was heard before them. */
function misplaced({heard}: Schedule): Schedule["heard"] {
  return heard.filter(({epoch, seq, isSnapshot}, index) => {
    const before = heard[index - 1]
    return !isSnapshot && (epoch !== before?.epoch || seq !== (before?.seq ?? 0) + 1)
  })
}

describe("whatever is dropped, repeated, delayed or cut", () => {
  test("what is heard equals the journal, from the first answer on", () => {
    for (let seed = 1; seed <= 3000; seed += 1) {
      const schedule = new Schedule(seed, true).run(120)

      expect(misplaced(schedule), `seed ${seed}`).toEqual([])
      expect(schedule.heard.at(-1), `seed ${seed}`).toMatchObject(schedule.newest)
      expect(schedule.heard.filter(each => each.isSnapshot).length, `seed ${seed}`).toBe(1)
    }
  })

  test("a journal that forgets or starts anew is noticed, and what follows is whole", () => {
    for (let seed = 1; seed <= 3000; seed += 1) {
      const schedule = new Schedule(seed, false).run(120)

      expect(misplaced(schedule), `seed ${seed}`).toEqual([])
      expect(schedule.heard.at(-1), `seed ${seed}`).toMatchObject(schedule.newest)
    }
  })
})
