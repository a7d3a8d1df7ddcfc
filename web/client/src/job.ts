/** One job: a thing you hold, follow and cancel. */

import {unlessAborted} from "./abort"
import type {Connection} from "./connection"
import {fromCode, jobError} from "./errors"
import type {JobFeed} from "./feed"
import {type Artifact, fetchArtifact, type UploadOptions} from "./files"
import {
  type OutputOptions,
  type PageOptions,
  readBack,
  readOutput,
  readResult,
  type SearchOptions,
} from "./output"
import {
  type CancelAnswer,
  type EventType,
  type JobDetails,
  type JobEvent,
  type JobRecord,
  type JobState,
  type OutputChunk,
  type OutputPage,
  type Progress,
  type SearchPage,
  type TerminalState,
  uris,
} from "./protocol"

/** One job; made by `client.exec` or `client.job`. Iterating it gives its events, all of them. */
export class Job implements AsyncIterable<JobEvent> {
  #feed: JobFeed
  #connection: Connection
  #accepted: JobState | null

  /** @internal */
  constructor(feed: JobFeed, connection: Connection, accepted: JobState | null) {
    this.#feed = feed
    this.#connection = connection
    this.#accepted = accepted
  }

  get id(): string {
    return this.#feed.id
  }

  /** The job as far as its events have come and tell; null as long as nobody has asked for them. */
  get record(): JobRecord | null {
    return this.#feed.record
  }

  /** The name of its task; null before its first event. */
  get task(): string | null {
    return this.record?.task ?? null
  }

  /** Where it is in its life; null when nothing is known of it yet. */
  get state(): JobState | null {
    return this.record?.state ?? this.#accepted
  }

  /** How far its present attempt has come. */
  get progress(): Progress | null {
    return this.record?.progress ?? null
  }

  /** Every event from the first on, also past ones; ends after the terminal event only. */
  [Symbol.asyncIterator](): AsyncGenerator<JobEvent, void> {
    return this.#feed.events()
  }

  /**
   * Every event behind the number `after`, as iterating the job gives them.
   *
   * @param options.after the `job_seq` of the last event that you have; 0 unless given
   * @param options.signal ends the iteration when it is aborted
   */
  events(options: {after?: number; signal?: AbortSignal} = {}): AsyncGenerator<JobEvent, void> {
    return this.#feed.events(options.signal, options.after)
  }

  /**
   * Listen to `"event"` or to one type of event, such as `"progress"`.
   *
   * The listener hears every such event from the job's first on, also past ones.
   *
   * @returns call it to stop listening
   */
  on<T extends EventType>(type: T | "event", listener: (event: JobEvent<T>) => void): () => void {
    const stop = new AbortController()
    void forEach(this.#feed.events(stop.signal), event => {
      if (type === "event" || event.type === type) listener(event as JobEvent<T>)
    })
    return () => stop.abort()
  }

  /**
   * What the job gives back, when it has succeeded; fetched if it is too big for an event.
   *
   * @throws {JobFailed | JobCancelled | JobTimedOut | JobExpired | JobLost} how it ended otherwise
   */
  async result({signal}: {signal?: AbortSignal | undefined} = {}): Promise<unknown> {
    await unlessAborted(
      signal,
      this.#feed.until(() => this.#feed.hasEnded),
    )
    const last = this.#feed.newest as JobEvent<TerminalState>
    if (last.type === "succeeded") {
      if (!last.artifact) return last.result
      return await unlessAborted(signal, readResult(this.#feed, this.#connection))
    }
    throw jobError(last)
  }

  /** The files that the job has left so far, by name. */
  async artifacts(): Promise<Artifact[]> {
    return (await this.#connection.ask(uris.artifacts, {job_id: this.id})) as Artifact[]
  }

  /**
   * Fetch the file *name* that the job has left.
   *
   * @throws {TaskRealmError} `unknown_artifact`: there is none, or none any more
   */
  async artifact(
    name: string,
    options: Pick<UploadOptions, "onProgress" | "signal"> = {},
  ): Promise<Blob> {
    const found = (await this.artifacts()).find(each => each.name === name)
    if (found) return await fetchArtifact(this.#connection, this.id, found, options)
    throw fromCode("unknown_artifact", `The job has no artifact ${name}`)
  }

  /** What the server knows of it at this moment, its arguments and outcome included. */
  async details({signal}: {signal?: AbortSignal | undefined} = {}): Promise<JobDetails> {
    const asked = this.#connection.call(uris.job, [this.id])
    return (await unlessAborted(signal, asked)) as JobDetails
  }

  /**
   * Ask the job to stop.
   *
   * @param options.reason is shown to whoever looks at the job
   * @param options.now kill at once instead of asking first
   */
  async cancel(options: {reason?: string; now?: boolean} = {}): Promise<CancelAnswer> {
    return (await this.#connection.call(uris.cancel, [this.id], {...options})) as CancelAnswer
  }

  /**
   * Answer a *question* that the job asks just now, by the id that its event tells.
   *
   * @throws {TaskRealmError} `invalid_arguments` the answer does not fit the question's schema;
   *   `unknown_question` the job does not ask this, or has its answer: `data.answered_by` says whose
   */
  async answer(question: string, value: unknown): Promise<void> {
    await this.#connection.call(uris.answer, [this.id, question, value])
  }

  /**
   * What the job prints: first what it has printed, then live, until it has ended.
   *
   * While nobody sees the page nothing is delivered, and what was printed meanwhile when it is
   * seen again; with `background` it makes no difference. With `reverse` it is what has been
   * printed before the offset `from`, or so far, the last piece first.
   *
   * With a *listener*, calls it for every piece and returns the undo.
   */
  output(options?: OutputOptions): AsyncGenerator<OutputChunk, void>
  output(listener: (chunk: OutputChunk) => void, options?: OutputOptions): () => void
  output(
    first: OutputOptions | ((chunk: OutputChunk) => void) = {},
    options: OutputOptions = {},
  ): AsyncGenerator<OutputChunk, void> | (() => void) {
    if (typeof first !== "function") return this.#read(first)
    const stop = new AbortController()
    const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal
    void forEach(this.#read({...options, signal}), first)
    return () => stop.abort()
  }

  /** One piece of what the job has printed, by byte offset, as it is kept now. */
  async read({stream = "stdout", offset = 0, limit}: PageOptions = {}): Promise<OutputPage> {
    const kwargs = {job_id: this.id, stream, offset, ...(limit !== undefined && {limit})}
    return (await this.#connection.ask(uris.output, kwargs)) as OutputPage
  }

  /**
   * Where *text*, a piece of a line, stands in what the job has printed so far.
   *
   * The node looks through a part of it; as long as there is `more`, ask again from `next` on.
   *
   * @throws {TaskRealmError} `invalid_arguments` it is empty, or longer than 200 characters
   */
  async search(text: string, options: SearchOptions = {}): Promise<SearchPage> {
    const {stream = "stdout", offset = 0, limit = 100, matchCase = false} = options
    const kwargs = {job_id: this.id, text, stream, offset, limit, match_case: matchCase}
    return (await this.#connection.ask(uris.search, kwargs)) as SearchPage
  }

  #read(options: OutputOptions): AsyncGenerator<OutputChunk, void> {
    if (options.reverse) return readBack(this.id, this.#connection, options)
    return readOutput(this.#feed, this.#connection, options)
  }
}

/** Call *listener* for every item; one throw does not stop it. What stops *items* is told elsewhere. */
async function forEach<T>(items: AsyncIterable<T>, listener: (item: T) => void): Promise<void> {
  try {
    for await (const item of items) {
      try {
        listener(item)
      } catch (error) {
        reportError(error)
      }
    }
  } catch {
    // `result()` and iteration tell why there are no more events.
  }
}
