/**
 * Puts events in order, without holes and without repeats; knows no network.
 *
 * Live events and pages of history go in, ordered events come out. Whoever drives a stream
 * subscribes first, and asks for history as long as `behind` says that something may be missing.
 */

import type {JobEvent, JobRecord, StreamPage} from "./protocol"

/** Live items held back while history is missing; more are dropped and asked for later. */
const BUFFER_LIMIT = 10_000

/** A question for the history after `since`. */
export interface Ask {
  since: number
  /** Interruptions so far: what is interrupted later needs another answer. */
  mark: number
}

/** A line of items numbered 1, 2, 3, … that is delivered in exactly that order. */
export class Sequence<T> {
  #last = 0
  #behind: boolean
  #interruptions = 0
  #buffer = new Map<number, T>()

  /** @param behind whether items may have been missed already */
  constructor(
    private readonly numberOf: (item: T) => number,
    behind: boolean,
  ) {
    this.#behind = behind
  }

  /** The number of the newest item delivered. */
  get last(): number {
    return this.#last
  }

  /** Whether items may be missing, so that history must be asked for. */
  get behind(): boolean {
    return this.#behind
  }

  /** Items may have been missed up to this moment. */
  interrupt(): void {
    this.#behind = true
    this.#interruptions += 1
  }

  ask(): Ask {
    return {since: this.#last, mark: this.#interruptions}
  }

  /** Take *items* as they were published; returns what can be delivered now. */
  live(items: readonly T[]): T[] {
    const ready: T[] = []
    for (const item of items) {
      const number = this.numberOf(item)
      if (number <= this.#last) continue
      if (!this.#behind && number === this.#last + 1) {
        this.#last = number
        ready.push(item)
      } else {
        this.#behind = true
        if (this.#buffer.size < BUFFER_LIMIT) this.#buffer.set(number, item)
        else this.interrupt()
      }
    }
    return ready
  }

  /**
   * Take *items*, a page of the history that *ask* asked for; returns what can be delivered now.
   *
   * @param more whether history goes on behind this page
   */
  history(ask: Ask, items: readonly T[], more: boolean): T[] {
    const ready: T[] = []
    for (const item of items) {
      if (this.numberOf(item) !== this.#last + 1) continue
      this.#last += 1
      ready.push(item)
    }
    if (!more) ready.push(...this.#drain(ask))
    return ready
  }

  /** Go on after *last*, whatever came before; returns what can be delivered now. */
  restart(ask: Ask, last: number): T[] {
    this.#last = last
    return this.#drain(ask)
  }

  /** Drop held-back items that do not satisfy *keep*. */
  retain(keep: (item: T) => boolean): void {
    for (const [number, item] of this.#buffer) {
      if (keep(item)) continue
      this.#buffer.delete(number)
      this.interrupt()
    }
  }

  #drain(ask: Ask): T[] {
    const ready: T[] = []
    for (const [number, item] of [...this.#buffer].sort(([a], [b]) => a - b)) {
      if (number === this.#last + 1) {
        this.#last = number
        ready.push(item)
      }
      if (number <= this.#last) this.#buffer.delete(number)
    }
    this.#behind = this.#interruptions !== ask.mark || this.#buffer.size > 0
    return ready
  }
}

/** A question for the history of a user's stream. */
export interface StreamAsk extends Ask {
  epoch: string | null
}

/** What a stream hands on; a snapshot stands before its events. */
export interface Delivered {
  /** The stream could not be continued: these jobs had not ended when it was taken up anew. */
  snapshot?: JobRecord[]
  events: JobEvent[]
}

/** The stream of one user's events, told apart by `epoch` and numbered by `seq`. */
export class UserStream {
  #epoch: string | null = null
  #sequence = new Sequence<JobEvent>(event => event.seq ?? 0, true)

  get behind(): boolean {
    return this.#sequence.behind
  }

  /** Events may have been missed: the connection was cut or the executor was away. */
  interrupt(): void {
    this.#sequence.interrupt()
  }

  ask(): StreamAsk {
    return {epoch: this.#epoch, ...this.#sequence.ask()}
  }

  /** Take a live publication; every event must have a `seq`. */
  live(events: readonly JobEvent[]): Delivered {
    const ready: JobEvent[] = []
    for (const event of events) {
      // Only an answer can tell which epoch holds.
      if (event.epoch !== this.#epoch) this.#sequence.interrupt()
      ready.push(...this.#sequence.live([event]))
    }
    return {events: ready}
  }

  /** Take the answer to *ask*. */
  answer(ask: StreamAsk, page: StreamPage): Delivered {
    if (ask.epoch !== this.#epoch) return {events: []}
    this.#sequence.retain(event => event.epoch === page.epoch)
    if (!page.recovered) {
      this.#epoch = page.epoch
      return {snapshot: page.jobs ?? [], events: this.#sequence.restart(ask, page.seq)}
    }
    const events = this.#sequence.history(ask, page.events, page.more)
    if (this.#sequence.last < page.seq) {
      this.#sequence.interrupt()
      // History with a hole in it would keep us asking for ever: take the stream up anew.
      if (events.length === 0) this.#epoch = null
    }
    return {events}
  }
}
