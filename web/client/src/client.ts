/** The client: one connection, what is heard over it, and what is asked. */

import {type Abortable, unlessAborted} from "./abort"
import {Connection, type Phase} from "./connection"
import type {TaskRealmError} from "./errors"
import {sendFile, type UploadOptions} from "./files"
import {Follower} from "./follower"
import {Job} from "./job"
import {Listeners} from "./listeners"
import type {News, Status} from "./news"
import {type ConnectOptions, completed} from "./options"
import {Procedures} from "./procedures"
import type {JobEvent, Scope} from "./protocol"
import type {Arguments, ExecOptions, ExecRequest} from "./submission"
import {Submitter} from "./submitter"
import type {Submission, TaskName} from "./tasks"
import type {Session, Transport} from "./wamp"

/** Made by {@link connect}; use the class itself to show a status while connecting. */
export class Client extends Procedures {
  #connection: Connection
  #listeners = new Listeners<News>()
  #follower: Follower
  #submitter: Submitter
  /** The session that we have, or have had last. */
  #session: Session | null = null
  #isOpen = false
  #status: Status = "connecting"

  constructor(options: ConnectOptions) {
    super()
    this.#connection = new Connection(completed(options), {
      onPhase: phase => this.#turn(phase),
      onSession: session => this.#enter(session),
      onDoubt: () => void this.#follower.probe(),
      onAway: () => this.#follower.missExecutor(),
    })
    this.#follower = new Follower(this.#connection, this.#listeners, () => this.#updateStatus())
    this.#submitter = new Submitter(this.#connection, this.#follower)
  }

  /** Who we are; empty until joined. */
  get authid(): string {
    return this.#session?.authid ?? ""
  }

  /** In which role we have joined; empty until joined. */
  get role(): string {
    return this.#session?.role ?? ""
  }

  /** What the token limits us to; empty until joined, and when it does not. */
  get scope(): Scope {
    return this.#session?.scope ?? {}
  }

  get status(): Status {
    return this.#status
  }

  /** Whether there is a connection just now. */
  get active(): boolean {
    return this.#connection.phase === "joined"
  }

  /** What carries the connection; null when there is none. */
  get transport(): Transport | null {
    return this.active ? (this.#session?.transport ?? null) : null
  }

  /** When the next try to connect begins; null unless the status is `offline`. */
  get retryAt(): Date | null {
    const {retryAt} = this.#connection
    return retryAt === null ? null : new Date(retryAt)
  }

  /** Try now what is tried now and again: to connect, or over HTTP to get back to a WebSocket. */
  retry(): void {
    this.#connection.retry()
  }

  /** Why the status is `denied`. */
  get denial(): TaskRealmError | null {
    return this.#connection.denial
  }

  /**
   * Listen to one of
   * - `"status"`: the status has changed
   * - `"event"`: every event of every job of mine, from now on, in order, none left out; never
   *   with a token for some tasks or jobs only
   * - `"snapshot"`: the stream was taken up; these jobs had not ended then. Not the first time,
   *   events have been missed for good: what is known from events has to be asked for again
   * - `"catalog"`: the set of tasks may have changed, or what the node does with jobs
   * - `"positions"`: the places in the queue that jobs of mine have now, by their ids, at most
   *   once a second; only of jobs near the front, and only from when somebody listens on
   * - `"open"`: there is a connection; what carries it
   * - `"close"`: there is none any more; the reason if that is for good, else null
   * - `"transport"`: what carries the connection has changed, without a moment without one
   *
   * @returns call it to stop listening
   */
  on<K extends keyof News>(name: K, listener: (value: News[K]) => void): () => void {
    if (name === "positions") this.#follower.wantPositions()
    return this.#listeners.on(name, listener)
  }

  /**
   * Resolves when joined.
   *
   * @throws {TaskRealmError} `invalid_token`, or `closed`; the reason of the signal
   */
  async joined({signal}: Abortable = {}): Promise<void> {
    await this.#connection.joined(signal)
  }

  /**
   * Run *task*; returns as soon as the job is accepted.
   *
   * A `File` or `Blob` among the arguments is uploaded first. Without connection the request
   * waits for one, until its `signal` is aborted, and is sent once: it has a key, so that
   * repeating it makes no second job.
   *
   * @throws {TaskRealmError} `unknown_task`, {@link InvalidArguments}, {@link QueueFull},
   *   `draining`, {@link DuplicateJob} (the key is in use), …
   */
  exec<Name extends string>(task: TaskName<Name>, ...submission: Submission<Name>): Promise<Job>
  exec(task: string, args: Arguments = {}, options: ExecOptions = {}): Promise<Job> {
    return this.#submitter.exec(task, args, options)
  }

  /**
   * Run many tasks by one call; all are accepted or none.
   *
   * Waits for a connection as {@link exec} does; repeats itself if each request has a key.
   */
  execMany(requests: readonly ExecRequest[], options: Abortable = {}): Promise<Job[]> {
    return this.#submitter.execMany(requests, options)
  }

  /**
   * Run *task* and wait for its result; aborting the signal cancels the job.
   *
   * @throws what {@link exec} and {@link Job#result} throw
   */
  run<Name extends string>(task: TaskName<Name>, ...submission: Submission<Name>): Promise<unknown>
  run(task: string, args: Arguments = {}, options: ExecOptions = {}): Promise<unknown> {
    return this.#submitter.run(task, args, options)
  }

  /**
   * Send a file; gives its id, which is what a parameter that takes a file is given.
   *
   * What is cut off goes on where it was.
   *
   * @throws {TaskRealmError} `too_large`, `invalid_arguments` (too many files, or too large
   *   together), `unavailable` (there is no room)
   */
  upload(source: Blob, options: UploadOptions = {}): Promise<string> {
    return sendFile(this.#connection, source, options)
  }

  /** Hold a job that was submitted before or elsewhere. */
  job(id: string): Job {
    return new Job(this.#follower.feed(id), this.#connection, null)
  }

  /**
   * Every event of the job *id*, also past ones; ends after the terminal event only.
   *
   * @param options.after the `job_seq` of the last event that you have; 0 unless given
   * @param options.signal ends the iteration when it is aborted
   */
  watch(
    id: string,
    options: {after?: number; signal?: AbortSignal} = {},
  ): AsyncGenerator<JobEvent, void> {
    return this.job(id).events(options)
  }

  /**
   * Call any procedure.
   *
   * @param options.timeout seconds to wait for the answer; 30 unless given
   * @param options.signal ends the waiting; the procedure goes on
   * @throws {TaskRealmError} what the procedure answers; `disconnected` without a connection, or
   *   when it is lost meanwhile, `timeout`, `closed`; the reason of the signal
   */
  override call(
    uri: string,
    args: readonly unknown[] = [],
    kwargs: Record<string, unknown> = {},
    options: Abortable & {timeout?: number} = {},
  ): Promise<unknown> {
    const {signal, timeout} = options
    if (signal?.aborted) return Promise.reject(signal.reason)
    return unlessAborted(signal, this.#connection.call(uri, args, kwargs, timeout))
  }

  /**
   * Subscribe to any topic, also after reconnects; what was published in between is missed.
   *
   * @returns call it to unsubscribe
   */
  subscribe(topic: string, listener: (...args: unknown[]) => void): () => void {
    return this.#connection.subscribe(topic, {onPublication: listener})
  }

  /** Leave for good. Calls in flight reject; jobs go on. */
  close(): void {
    this.#connection.close()
  }

  #enter(session: Session): void {
    const before = this.#session
    this.#session = session
    this.#follower.enter(session)
    if (this.#connection.phase === "joined") {
      const {transport} = session
      if (transport !== before?.transport) this.#listeners.emit("transport", transport)
      this.#updateStatus()
    }
  }

  #turn(phase: Phase): void {
    const {session, over} = this.#connection
    if (over) this.#follower.fail(over)
    this.#updateStatus()
    if (phase === "joined" && session) {
      this.#isOpen = true
      this.#listeners.emit("open", session.transport)
    } else if (this.#isOpen) {
      this.#isOpen = false
      this.#listeners.emit("close", over)
    }
  }

  #updateStatus(): void {
    const {phase} = this.#connection
    const joined = this.#follower.isBehind ? "recovering" : "live"
    const status = phase === "joined" ? joined : phase
    if (status === this.#status) return
    this.#status = status
    this.#listeners.emit("status", status)
  }
}
