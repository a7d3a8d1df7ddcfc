/**
 * Puts events in order, without holes and without repeats; knows no network.
 *
 * The twin of `src/taskrealm/client/stream.py`, where the four rules are told.
 */

import type {JobEvent, JobRecord} from "./protocol"

/** Events kept that cannot be delivered yet; more are read again later. */
const AHEAD_LIMIT = 10_000

/** A place in a stream, right behind the event `seq` of `epoch`; without epoch, unknown. */
export interface Position {
  readonly epoch: string | null
  readonly seq: number
}

/** What a stream needs of the answer of `taskrealm.events`. */
export interface Answer {
  recovered: boolean
  epoch: string
  /** The newest event that there is. */
  seq: number
  events: readonly JobEvent[]
  /** Only when not recovered: the jobs that have not ended. */
  jobs?: JobRecord[]
}

/** What an answer brought. */
export interface Page {
  events: JobEvent[]
  /** Where the stream was taken up: the jobs that had not ended then, before `events`. */
  snapshot: JobRecord[] | null
  /** Whether events before those of this page are lost to this stream. */
  isReset: boolean
}

const UNKNOWN: Position = {epoch: null, seq: 0}

/** Where *event* is in the stream of its user. */
function placeInStream({epoch, seq}: JobEvent): Position {
  return {epoch, seq: seq ?? 0}
}

/** A position in a stream of events, and what arrived ahead of it. */
export class Stream {
  #position: Position
  #isFirst: boolean
  #isDoubtful: boolean
  #asked: Position | null = null
  #ahead = new Map<string, JobEvent>()

  /**
   * @param start where to go on from; null if the first answer is to say where the stream is
   * @param placeOf where an event is; in the stream of its user unless given
   */
  constructor(
    start: Position | null = null,
    private readonly placeOf: (event: JobEvent) => Position = placeInStream,
    private readonly aheadLimit = AHEAD_LIMIT,
  ) {
    this.#position = start ?? UNKNOWN
    this.#isFirst = start === null
    this.#isDoubtful = start === null
  }

  /** Right behind the newest event delivered. */
  get position(): Position {
    return this.#position
  }

  /** Whether events may be missing. */
  get isBehind(): boolean {
    return this.#isDoubtful || this.#asked !== null
  }

  /** How many events wait for others. */
  get ahead(): number {
    return this.#ahead.size
  }

  /** The events to deliver now that a *publication* has arrived. */
  take(publication: readonly JobEvent[]): JobEvent[] {
    const ready: JobEvent[] = []
    for (const event of publication) {
      if (this.#isNext(event)) {
        this.#step(event, ready)
        this.#reachAhead(ready)
      } else if (!this.#isOver(event)) {
        this.#keep(event)
      }
    }
    return ready
  }

  /** Events may have been missed: the connection was lost, or the executor was away. */
  doubt(): void {
    this.#isDoubtful = true
  }

  /**
   * Where to ask from now, if anything is to be asked: for the events that follow.
   *
   * The next question waits for the answer to this one.
   */
  question(): Position | null {
    if (this.#asked !== null || !this.#isDoubtful) return null
    this.#isDoubtful = false
    this.#asked = this.#position
    return this.#asked
  }

  /** There will be no answer to the last question. */
  failed(): void {
    this.#asked = null
    this.#isDoubtful = true
  }

  /** What to deliver now that the *answer* to the last question has arrived. */
  answered(answer: Answer): Page {
    const isFromHere = this.#asked === this.#position
    this.#asked = null
    const page: Page = {events: [], snapshot: null, isReset: false}
    if (answer.recovered) {
      for (const event of answer.events) {
        // Meanwhile some of these may have arrived live.
        if (this.#isNext(event)) this.#step(event, page.events)
      }
      if (this.#position.seq < answer.seq) {
        this.#isDoubtful = true
        // A hole in the journal itself: asking from here would never end.
        if (isFromHere && page.events.length === 0) this.#position = UNKNOWN
      }
    } else if (isFromHere) {
      page.snapshot = answer.jobs ?? []
      page.isReset = !this.#isFirst
      this.#isFirst = false
      this.#position = {epoch: answer.epoch, seq: answer.seq}
    } else {
      // Too old an answer to say that events are lost: some have arrived since.
      this.#isDoubtful = true
    }
    this.#reachAhead(page.events)
    this.#pruneAhead()
    return page
  }

  #isNext(event: JobEvent): boolean {
    const {epoch, seq} = this.placeOf(event)
    return epoch === this.#position.epoch && seq === this.#position.seq + 1
  }

  #isOver(event: JobEvent): boolean {
    const {epoch, seq} = this.placeOf(event)
    return epoch === this.#position.epoch && seq <= this.#position.seq
  }

  #step(event: JobEvent, ready: JobEvent[]): void {
    this.#position = this.placeOf(event)
    ready.push(event)
  }

  /** Keep an *event* that is out of reach; asking brings what lies between. */
  #keep(event: JobEvent): void {
    if (this.#ahead.size >= this.aheadLimit) {
      this.#isDoubtful = true
      return
    }
    this.#ahead.set(keyOf(this.placeOf(event)), event)
    // An open question may bring it within reach; its answer will tell.
    this.#isDoubtful ||= this.#asked === null
  }

  /** Move the events that have come within reach to *ready*. */
  #reachAhead(ready: JobEvent[]): void {
    while (this.#ahead.size > 0) {
      const {epoch, seq} = this.#position
      const key = keyOf({epoch, seq: seq + 1})
      const event = this.#ahead.get(key)
      if (!event) return
      this.#ahead.delete(key)
      this.#step(event, ready)
    }
  }

  /** Drop what is over or of another epoch, and doubt if there was such or a hole. */
  #pruneAhead(): void {
    for (const [key, event] of this.#ahead) {
      if (this.placeOf(event).epoch !== this.#position.epoch) {
        // Older or newer than where we are now? The next answer will tell.
        this.#isDoubtful = true
        this.#ahead.delete(key)
      } else if (this.#isOver(event)) {
        this.#ahead.delete(key)
      }
    }
    if (this.#ahead.size > 0) this.#isDoubtful = true
  }
}

function keyOf({epoch, seq}: Position): string {
  return `${seq} ${epoch}`
}
