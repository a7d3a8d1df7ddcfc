/** The events of one job, whole and in order, however they come in. */

import type {Connection} from "./connection"
import {incomplete, type TaskRealmError} from "./errors"
import {
  advance,
  isTerminal,
  type JobEvent,
  type JobPage,
  type JobRecord,
  recordOf,
  uris,
} from "./protocol"
import {Signal} from "./signal"
import {type Position, Stream} from "./stream"

/** Events kept for those who read behind the newest; older ones are asked for again. */
const RECENT = 1000

/** Seconds between questions about a job whose events are not published to us. */
const POLL = 1

/** The events of a job are a stream of their own that never starts anew. */
const EPOCH = "job"

/** What a feed tells the client that holds it. */
export interface FeedHooks {
  /** The first event has come: where the next ones come from is known. */
  onFirst(event: JobEvent): void
  /** No more events will come. */
  onEnd(): void
}

/** What is known of one job, and its events from the first to the last. */
export class JobFeed {
  /** The job as its events tell it; null before the first. */
  record: JobRecord | null = null
  /** Why no more events will come, although the job has not ended. */
  failure: TaskRealmError | null = null

  #stream = new Stream({epoch: EPOCH, seq: 0}, placeInJob)
  /** The newest event that was published to us. */
  #heard = 0
  #recent: JobEvent[] = []
  #news = new Signal()
  #isSyncing = false
  /** Whether nobody publishes the events to us. */
  isPolled = false

  /** @param behind whether events may have been missed already */
  constructor(
    readonly id: string,
    private readonly connection: Connection,
    private readonly hooks: FeedHooks,
    behind: boolean,
  ) {
    if (behind) this.#stream.doubt()
  }

  get newest(): JobEvent | undefined {
    return this.#recent.at(-1)
  }

  get hasEnded(): boolean {
    return this.record !== null && isTerminal(this.record.state)
  }

  /** Take an event as it was published. */
  live(event: JobEvent): void {
    this.#heard = Math.max(this.#heard, event.job_seq)
    this.#deliver(this.#stream.take([event]))
    void this.#sync()
  }

  /** Events may have been missed: ask for them. */
  interrupt(): void {
    if (this.hasEnded) return
    this.#stream.doubt()
    void this.#sync()
  }

  /** Nobody publishes the events to us: ask for them while somebody waits for one. */
  poll(): void {
    this.isPolled = true
    this.#news.raise()
  }

  /** No more events will come. */
  fail(error: TaskRealmError): void {
    if (this.hasEnded || this.failure) return
    this.failure = error
    this.hooks.onEnd()
    this.#news.raise()
  }

  /** Ask for what is missing, if anything is. */
  async #sync(): Promise<void> {
    if (this.#isSyncing) return
    this.#isSyncing = true
    try {
      while (!this.hasEnded && !this.failure) {
        const question = this.#stream.question()
        if (question === null) break
        await this.#ask(question)
      }
    } catch (error) {
      this.#stream.failed()
      this.fail(error as TaskRealmError)
    } finally {
      this.#isSyncing = false
    }
  }

  async #ask({epoch, seq}: Position): Promise<void> {
    // The stream has found a hole in the journal that asking again will not fill.
    if (epoch === null) throw incomplete()
    const heard = this.#heard
    const {events, more, ended} = await this.#history(seq)
    const last = events.at(-1)?.job_seq ?? seq
    const newest = more ? last + 1 : Math.max(last, heard)
    const answer = {recovered: true, epoch: EPOCH, seq: newest, events}
    this.#deliver(this.#stream.answered(answer).events)
    if (ended && !more && !this.hasEnded) throw incomplete()
  }

  /**
   * Every event behind the number *after* to the terminal one.
   *
   * @param signal ends the iteration when it is aborted
   */
  async *events(signal?: AbortSignal, after = 0): AsyncGenerator<JobEvent, void> {
    let last = after
    signal?.addEventListener("abort", () => this.#news.raise(), {once: true})
    while (true) {
      const isOver = () => signal?.aborted === true || this.hasEnded
      await this.until(() => this.#stream.position.seq > last || isOver())
      if (this.hasEnded && this.#stream.position.seq <= last) return
      const events = await this.#after(last)
      if (signal?.aborted) return
      for (const event of events) {
        if (signal?.aborted) return
        if (event.job_seq !== last + 1) throw incomplete()
        last = event.job_seq
        yield event
        if (isTerminal(event.type)) return
      }
      // What the journal does not have either will never come.
      if (events.length === 0) throw incomplete()
    }
  }

  /**
   * Resolves as soon as *condition* holds.
   *
   * @throws {TaskRealmError} when no more events will come
   */
  async until(condition: () => boolean): Promise<void> {
    void this.#sync()
    while (!condition()) {
      if (this.failure) throw this.failure
      await this.#news.wait(this.isPolled ? POLL : undefined)
      if (this.isPolled) this.interrupt()
    }
  }

  /** Known events behind *seq*, from memory or from the server. */
  async #after(seq: number): Promise<JobEvent[]> {
    const first = this.#recent[0]?.job_seq ?? 1
    if (seq + 1 < first) return (await this.#history(seq)).events
    return this.#recent.slice(seq + 1 - first)
  }

  async #history(since: number): Promise<JobPage> {
    return (await this.connection.ask(uris.events, {job_id: this.id, since})) as JobPage
  }

  #deliver(events: readonly JobEvent[]): void {
    if (events.length === 0) return
    this.#recent.push(...events)
    if (this.#recent.length > 2 * RECENT) this.#recent.splice(0, this.#recent.length - RECENT)
    for (const event of events) {
      const isFirst = this.record === null
      this.record = this.record ? advance(this.record, event) : recordOf(event)
      if (isFirst) this.hooks.onFirst(event)
    }
    if (this.hasEnded) this.hooks.onEnd()
    this.#news.raise()
  }
}

function placeInJob({job_seq}: JobEvent): Position {
  return {epoch: EPOCH, seq: job_seq}
}
