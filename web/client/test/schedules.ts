/**
 * Random schedules of all that can happen between a journal and a stream that follows it.
 *
 * The twin of `tests/unit/client/schedules.py`, where the rules of the world are told.
 */

import fc from "fast-check"
import type {JobEvent} from "../src/protocol"
import {type Answer, type Position, Stream} from "../src/stream"

/** So that schedules reach it. */
const AHEAD_LIMIT = 4
const STEPS = 120

/** What a schedule needs of a stream. */
export type Followed = Pick<
  Stream,
  "take" | "doubt" | "question" | "failed" | "answered" | "ahead" | "position"
>

/** What has been run, for those who want figures. */
export const figures = {schedules: 0, steps: 0, resets: 0}

const few = fc.integer({min: 1, max: 4})
const anywhere = fc.nat({max: 20})

/** Every step by name, with what it may be given. */
const steps = {
  thingsHappen: fc.tuple(few, few),
  journalForgets: fc.tuple(fc.constantFrom(0, 1, 2, 4, 8)),
  journalIsRestored: fc.tuple(anywhere, fc.constantFrom(true, false, false)),
  executorRestarts: fc.tuple(few, few, fc.constantFrom(true, false, false, false)),
  publicationArrives: fc.tuple(fc.constantFrom(0, 0, 0, 1, 2, 3), fc.constantFrom(1, 1, 1, 2)),
  latePublicationArrives: fc.tuple(anywhere),
  publicationIsLost: fc.tuple(anywhere),
  publicationsAreLostBeforeAnother: fc.tuple(few),
  connectionIsCut: fc.tuple(fc.boolean(), fc.boolean()),
  clientJoinsAgain: fc.tuple(),
  executorAnswers: fc.tuple(few, fc.constantFrom(99, 99, 99, 0, 2), fc.constantFrom(0, 0, 2)),
  answerArrives: fc.tuple(),
  questionIsLost: fc.tuple(fc.boolean()),
  networkFallsQuiet: fc.tuple(),
}

type Name = keyof typeof steps
type Step = {[N in Name]: {name: N; given: unknown[]}}[Name]

const step: fc.Arbitrary<Step> = fc.oneof(
  ...Object.entries(steps).map(([name, given]) =>
    fc.record({name: fc.constant(name as Name), given: given as fc.Arbitrary<unknown[]>}),
  ),
) as fc.Arbitrary<Step>

/** What the journal holds at a moment: the events from `first` to `newest` of an epoch. */
interface Kept {
  epoch: number
  first: number
  newest: number
}

/** A journal, a network without mercy, and a stream at its other end. */
class World implements Record<Name, (...given: never[]) => void> {
  #stream: Followed
  #kept: Kept = {epoch: 0, first: 1, newest: 3}
  #isConnected = true
  /** Publications under way; null announces an executor. */
  #line: (JobEvent[] | null)[] = []
  #late: JobEvent[][] = []
  #asked: Position | null = null
  #answer: {answer: Answer; kept: Kept} | null = null
  #reached: Position | null = null
  #hasLostTheLast = false

  constructor(stream: Followed) {
    this.#stream = stream
    this.#ask()
  }

  run(schedule: readonly Step[]): void {
    for (const {name, given} of schedule) {
      ;(this[name] as (...given: unknown[]) => void)(...given)
      figures.steps += 1
      demand(this.#stream.ahead <= AHEAD_LIMIT, "more waits than may wait")
      demand(this.#asked === null || this.#stream.question() === null, "two questions are open")
    }
    this.networkFallsQuiet()
  }

  thingsHappen(publications: number, events: number): void {
    for (let count = 0; count < publications; count += 1) this.#publish(this.#happen(events))
  }

  journalForgets(keeps: number): void {
    const {first, newest} = this.#kept
    this.#kept = {...this.#kept, first: Math.max(first, newest + 1 - keeps)}
  }

  journalIsRestored(undone: number, isSo: boolean): void {
    if (!isSo) return
    this.connectionIsCut(true, true)
    const {epoch, first} = this.#kept
    const newest = Math.max(0, this.#kept.newest - undone)
    this.#kept = {epoch: epoch + 1, first: Math.min(first, newest + 1), newest}
  }

  executorRestarts(lost: number, unheard: number, isQuestionLost: boolean): void {
    if (!this.#isConnected) return
    this.#line.splice(-lost)
    if (isQuestionLost) this.questionIsLost(true)
    this.#happen(unheard)
    this.#line.push(null)
    this.#hasLostTheLast = false
  }

  publicationArrives(index: number, times: number): void {
    const [publication] = this.#line.splice(Math.min(index, this.#line.length - 1), 1)
    if (publication === undefined) return
    for (let count = 0; count < times; count += 1) this.#arrive(publication)
  }

  latePublicationArrives(index: number): void {
    const [publication] = this.#late.splice(index % Math.max(1, this.#late.length), 1)
    if (publication) this.#arrive(publication)
  }

  publicationIsLost(index: number): void {
    const place = index % Math.max(1, this.#line.length)
    if (!this.#line[place]) return
    this.#line.splice(place, 1)
    if (place === this.#line.length) this.#hasLostTheLast = true
  }

  publicationsAreLostBeforeAnother(lost: number): void {
    this.#happen(lost)
    this.#publish(this.#happen(1))
  }

  connectionIsCut(areLate: boolean, isAskedAgain: boolean): void {
    if (areLate) this.#late.push(...this.#line.filter(publication => publication !== null))
    this.#line = []
    this.#isConnected = false
    this.questionIsLost(isAskedAgain)
  }

  clientJoinsAgain(): void {
    if (this.#isConnected) return
    this.#isConnected = true
    this.#hasLostTheLast = false
    this.#stream.doubt()
    this.#ask()
  }

  /** The executor looks twice: meanwhile the journal may forget, and more may happen. */
  executorAnswers(limit: number, keeps: number, happens: number): void {
    const asked = this.#asked
    if (!this.#isConnected || asked === null || this.#answer !== null) return
    const {epoch, newest} = this.#kept
    const answer = {epoch: nameOf(epoch), seq: newest, events: [] as JobEvent[]}
    if (follows(this.#kept, asked)) {
      if (happens > 0) this.#publish(this.#happen(happens))
      this.journalForgets(keeps)
      const first = Math.max(asked.seq + 1, this.#kept.first)
      const last = Math.min(this.#kept.newest, first + limit - 1)
      for (let seq = first; seq <= last; seq += 1) answer.events.push(this.#event(seq))
      this.#answer = {answer: {...answer, recovered: true}, kept: this.#kept}
    } else {
      this.#answer = {answer: {...answer, recovered: false, jobs: []}, kept: this.#kept}
    }
  }

  answerArrives(): void {
    if (!this.#isConnected || this.#answer === null) return
    const {answer, kept} = this.#answer
    this.#answer = this.#asked = null
    const {events, snapshot, isReset} = this.#stream.answered(answer)
    if (snapshot) {
      demand(isReset === (this.#reached !== null), "a reset was not told as one")
      if (this.#reached) {
        demand(!follows(kept, this.#reached), "a reset, but nothing was lost")
        figures.resets += 1
      }
      this.#reached = {epoch: answer.epoch, seq: answer.seq}
    }
    this.#deliver(events)
    this.#ask()
  }

  questionIsLost(isAskedAgain: boolean): void {
    this.#answer = null
    if (this.#asked === null || isAskedAgain) return
    this.#asked = null
    this.#stream.failed()
    this.#ask()
  }

  /** Then all is delivered, and nobody asks any more. */
  networkFallsQuiet(): void {
    this.latePublicationArrives(0)
    if (!this.#isConnected) this.clientJoinsAgain()
    else if (this.#hasLostTheLast) this.#publish(this.#happen(1))
    while (this.#line.length > 0) this.publicationArrives(0, 1)
    for (let count = 0; count < 10 + this.#kept.newest; count += 1) {
      this.#ask()
      if (this.#asked === null) break
      this.executorAnswers(2, 99, 0)
      this.answerArrives()
    }
    demand(this.#stream.question() === null, "it goes on asking")
    const {epoch, newest} = this.#kept
    demand(this.#isAt({epoch: nameOf(epoch), seq: newest}), "the last events are missing")
    demand(this.#stream.ahead === 0, "something waits for ever")
  }

  #ask(): void {
    if (this.#isConnected) this.#asked ??= this.#stream.question()
  }

  #happen(count: number): JobEvent[] {
    const before = this.#kept.newest
    this.#kept = {...this.#kept, newest: before + count}
    return Array.from({length: count}, (_, index) => this.#event(before + 1 + index))
  }

  #event(seq: number): JobEvent {
    return {epoch: nameOf(this.#kept.epoch), seq} as JobEvent
  }

  #publish(events: JobEvent[]): void {
    if (!this.#isConnected) return
    this.#line.push(events)
    this.#hasLostTheLast = false
  }

  #arrive(publication: JobEvent[] | null): void {
    if (publication === null) this.#stream.doubt()
    else this.#deliver(this.#stream.take(publication))
    this.#ask()
  }

  #deliver(events: readonly JobEvent[]): void {
    for (const {epoch, seq} of events) {
      const before = {epoch, seq: (seq ?? 0) - 1}
      demand(this.#isAt(before), `${epoch}, ${seq} does not follow what was delivered before`)
      this.#reached = {epoch, seq: seq ?? 0}
    }
  }

  #isAt({epoch, seq}: Position): boolean {
    return this.#reached?.epoch === epoch && this.#reached.seq === seq
  }
}

/**
 * Run so many random schedules.
 *
 * @throws when a promise was broken: with the shortest schedule that was found to break it
 */
export function runSchedules(
  count: number,
  makeStream: (aheadLimit: number) => Followed = limit => new Stream(null, undefined, limit),
  options: fc.Parameters<[Step[]]> = {},
): void {
  const schedules = fc.array(step, {maxLength: STEPS, size: "max"})
  const holds = (schedule: Step[]) => {
    figures.schedules += 1
    new World(makeStream(AHEAD_LIMIT)).run(schedule)
  }
  fc.assert(fc.property(schedules, holds), {numRuns: count, ...options})
}

/** Whether the event right after *position*, or the wait for it, is to be had. */
function follows({epoch, first, newest}: Kept, position: Position): boolean {
  return nameOf(epoch) === position.epoch && first - 1 <= position.seq && position.seq <= newest
}

function nameOf(epoch: number): string {
  return `epoch ${epoch}`
}

function demand(holds: boolean, complaint: string): void {
  if (!holds) throw new Error(complaint)
}
