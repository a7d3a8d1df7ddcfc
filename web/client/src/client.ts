/** The client: one connection, its user's stream of events, and the jobs that are held. */

import {Connection, type Phase, type Token} from "./connection"
import {isTransient, type TaskRealmError} from "./errors"
import {JobFeed} from "./feed"
import {sendFile, type UploadOptions} from "./files"
import {Job} from "./job"
import {Listeners} from "./listeners"
import {
  type Delivery,
  type Intake,
  type JobEvent,
  type JobRecord,
  type JobState,
  jobsTopic,
  queueTopic,
  type StreamPage,
  type Task,
  uidOf,
  uris,
  type Waiting,
} from "./protocol"
import {type Position, Stream} from "./stream"
import {type Join, join} from "./wamp"

/** Seconds within which a line in doubt must answer. */
const PROBE_TIMEOUT = 5

export interface ConnectOptions {
  /** Where the router's WebSocket is; relative to the page. `"/ws"` unless given. */
  url?: string
  /** A token, or what gets one: it is asked before every join, so it may hand out a fresh one. */
  token: Token
  /** `"taskrealm"` unless given. */
  realm?: string
  /** The node's `max_message_size` in bytes where that is not the usual one. */
  sendLimit?: number
  /** @internal Opens sessions; tests put another one in its place. */
  join?: Join
}

/**
 * - `connecting`: has never been connected yet
 * - `live`: every event up to now has been delivered
 * - `recovering`: connected; missed events are being fetched, or the executor is away
 * - `offline`: not connected, tries again by itself
 * - `denied`: the token was refused, for good; see `denial`
 * - `closed`: by {@link Client#close}
 */
export type Status = "connecting" | "live" | "recovering" | "offline" | "denied" | "closed"

/** The jobs that had not ended when the stream of events was taken up. */
export interface Snapshot {
  /** Newest first. */
  jobs: JobRecord[]
  /** Were there too many: the `before` that lists the others by {@link Client#jobs}; else null. */
  next: string | null
  /** False when a stream was followed before and events of it were missed for good. */
  isFirst: boolean
}

/** The set of tasks may have changed, or the node takes or starts jobs no more, or again. */
export interface CatalogNews {
  tasks: number
  intake: Intake
}

interface ClientEvents {
  status: Status
  event: JobEvent
  snapshot: Snapshot
  catalog: CatalogNews
  positions: Readonly<Record<string, number>>
  [name: string]: unknown
}

export interface ExecOptions {
  /** Higher starts first; 0 unless given. */
  priority?: number
  /** Seconds that the job may run; may only shorten the task's own limit. */
  timeout?: number
  /** Seconds to wait before it may start. */
  delay?: number
  /** When it may start: ISO 8601 with an offset, or seconds since 1970. */
  not_before?: string | number
  /** Ids of jobs that have to succeed before; if one ends otherwise, this one is cancelled. */
  after?: string[]
  /**
   * Your own name for the request: repeated, it makes no second job. With one, `exec` repeats
   * itself when the answer is lost.
   */
  key?: string
  /** How often it may run again after a crash; may only lower the task's own number. */
  retries?: number
  /** Seconds to wait in the queue, after which it does not start any more. */
  expires?: number
  tags?: string[]
  /** Who receives the events: every session of the `user`, this `session` only, or `none`. */
  deliver?: Delivery
}

/** Keyword arguments by name, or positional ones in order. */
export type Arguments = Readonly<Record<string, unknown>> | readonly unknown[]

/** What running a task with these arguments would do. */
export interface Check {
  /** The command line, secrets masked; absent if the task runs no program. */
  argv?: string[]
  /** Seconds that the job may run. */
  timeout: number | null
  /** Place in the queue that it would get; 0 means that it would start at once. */
  position: number
  /** Why it would wait, or null if it would start at once. */
  waiting: Waiting | null
  intake: Intake
}

/** Which jobs to list. */
export interface JobsFilter {
  state?: JobState | JobState[]
  task?: string
  /** Operators only; null for everybody's. */
  owner?: string | null
  /** The `next` of the page before. */
  before?: string
  limit?: number
  /** Only the children of this batch. */
  parent?: string
  /** Whether the children of batches are listed too; without `parent` they are left out. */
  children?: boolean
}

export interface JobsPage {
  /** Newest first. */
  jobs: JobRecord[]
  /** For the next page; null when this was the last. */
  next: string | null
}

/** Made by {@link connect}; use the class itself to show a status while connecting. */
export class Client {
  #connection: Connection
  #listeners = new Listeners<ClientEvents>()
  #stream = new Stream()
  #feeds = new Map<string, JobFeed>()
  #isRecovering = false
  #positions: "unwanted" | "wanted" | "followed" = "unwanted"
  #heard = 0
  #status: Status = "connecting"
  #authid = ""
  #role = ""

  constructor(options: ConnectOptions) {
    const {token, realm = "taskrealm"} = options
    this.#connection = new Connection(
      {
        url: absolute(options.url ?? "/ws"),
        realm,
        token,
        sendLimit: options.sendLimit,
        join: options.join ?? join,
      },
      {
        onPhase: phase => this.#enter(phase),
        onDoubt: () => void this.#probe(),
        onAway: () => {
          if (!this.#stream.isBehind) this.#interrupt()
        },
      },
    )
    this.#connection.subscribe(uris.catalog, {
      onPublication: news => {
        this.#interrupt()
        this.#listeners.emit("catalog", news as CatalogNews)
      },
    })
  }

  /** Who we are; empty until joined. */
  get authid(): string {
    return this.#authid
  }

  /** In which role we have joined; empty until joined. */
  get role(): string {
    return this.#role
  }

  get status(): Status {
    return this.#status
  }

  /** Why the status is `denied`. */
  get denial(): TaskRealmError | null {
    return this.#connection.denial
  }

  /**
   * Listen to one of
   * - `"status"`: the status has changed
   * - `"event"`: every event of every job of mine, from now on, in order, none left out
   * - `"snapshot"`: the stream was taken up; these jobs had not ended then. Not the first time,
   *   events have been missed for good: what is known from events has to be asked for again
   * - `"catalog"`: the set of tasks may have changed, or what the node does with jobs
   * - `"positions"`: the places in the queue that jobs of mine have now, by their ids, at most
   *   once a second; only of jobs near the front, and only from when somebody listens on
   *
   * @returns call it to stop listening
   */
  on<K extends "status" | "event" | "snapshot" | "catalog" | "positions">(
    name: K,
    listener: (value: ClientEvents[K]) => void,
  ): () => void {
    if (name === "positions") {
      if (this.#positions === "unwanted") this.#positions = "wanted"
      this.#followQueue()
    }
    return this.#listeners.on(name, listener)
  }

  /**
   * Resolves when joined.
   *
   * @throws {TaskRealmError} `invalid_token`, or `closed`
   */
  async joined(): Promise<void> {
    while (this.#connection.session === null) {
      if (this.#connection.over) throw this.#connection.over
      await new Promise<void>(resolve => {
        const stop = this.on("status", () => {
          stop()
          resolve()
        })
      })
    }
  }

  /**
   * Run *task*; returns as soon as the job is accepted.
   *
   * @throws {TaskRealmError} `unknown_task`, `invalid_arguments` (see `fields`), `queue_full`,
   *   `draining`, `duplicate_job` (the key is in use), …
   */
  async exec(task: string, args: Arguments = {}, options: ExecOptions = {}): Promise<Job> {
    const {session} = this.#connection
    const heardBefore = this.#heard
    const wanted = submission(task, args, options)
    const answer =
      options.key === undefined
        ? await this.#connection.call(uris.exec, ...wanted)
        : await this.#connection.repeat(uris.exec, ...wanted)
    const {job_id, state, is_new} = answer as {job_id: string; state: JobState; is_new?: boolean}
    // Its first events may have come before this line runs, whatever the network did meanwhile.
    const behind =
      is_new === false || this.#heard !== heardBefore || this.#connection.session !== session
    const feed = this.#feed(job_id, behind, options.deliver === "session")
    if (options.deliver === "none") feed.poll()
    if (options.deliver === "session") void session?.closed.then(() => feed.poll())
    return new Job(feed, this.#connection, state)
  }

  /**
   * Run *task* and wait for its result.
   *
   * @throws what {@link exec} and {@link Job#result} throw
   */
  async run(task: string, args: Arguments = {}, options: ExecOptions = {}): Promise<unknown> {
    const job = await this.exec(task, args, options)
    return await job.result()
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
    return new Job(this.#feed(id, true, false), this.#connection, null)
  }

  /** The tasks that I may run. */
  async tasks(): Promise<Task[]> {
    return (await this.call(uris.tasks)) as Task[]
  }

  /** What running *task* would do, without running it. Throws as {@link exec} does. */
  async check(task: string, args: Arguments = {}, options: ExecOptions = {}): Promise<Check> {
    return (await this.call(uris.check, ...submission(task, args, options))) as Check
  }

  /** My jobs, newest first, a page at a time. */
  async jobs(filter: JobsFilter = {}): Promise<JobsPage> {
    return (await this.call(uris.jobs, [], {...filter})) as JobsPage
  }

  /** Exchange the one-time *code* that this client has joined with for a token. */
  async redeem(code: string): Promise<{token: string; expires_at: string}> {
    return (await this.call(uris.token, [code])) as {token: string; expires_at: string}
  }

  /**
   * Call any procedure.
   *
   * @param options.timeout seconds to wait for the answer; 30 unless given
   */
  call(
    uri: string,
    args: readonly unknown[] = [],
    kwargs: Record<string, unknown> = {},
    options: {timeout?: number} = {},
  ): Promise<unknown> {
    return this.#connection.call(uri, args, kwargs, options.timeout)
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

  #enter(phase: Phase): void {
    const {session, over} = this.#connection
    if (phase === "joined" && session) {
      if (this.#authid === "") this.#followMyself(session.authid)
      this.#authid = session.authid
      this.#role = session.role
      this.#followQueue()
      this.#stream.doubt()
    }
    if (over) for (const feed of this.#feeds.values()) feed.fail(over)
    this.#updateStatus()
  }

  /** Places are published to those who listen only. */
  #followQueue(): void {
    if (this.#positions !== "wanted" || this.#authid === "") return
    this.#positions = "followed"
    this.#connection.subscribe(queueTopic(uidOf(this.#authid)), {
      onPublication: places =>
        this.#listeners.emit("positions", places as Readonly<Record<string, number>>),
    })
  }

  #followMyself(authid: string): void {
    this.#connection.subscribe(jobsTopic(uidOf(authid)), {
      onPublication: events => this.#receive(events as JobEvent[]),
      onReady: () => this.#interrupt(),
    })
  }

  /** Events may have been missed: the line was cut or the executor was away. */
  #interrupt(): void {
    this.#stream.doubt()
    this.#connection.tryAgain()
    this.#updateStatus()
    void this.#recover()
  }

  async #recover(): Promise<void> {
    if (this.#isRecovering) return
    this.#isRecovering = true
    try {
      for (let question = this.#stream.question(); question; question = this.#stream.question()) {
        this.#answered(await this.#connection.ask(uris.events, asked(question)))
      }
    } catch (error) {
      this.#stream.failed()
      if (!this.#connection.over) reportError(error)
    } finally {
      this.#isRecovering = false
      this.#updateStatus()
    }
  }

  /** Find out whether the line is alive, and whether it has kept something from us. */
  async #probe(): Promise<void> {
    const kwargs = {...asked(this.#stream.position), limit: 1}
    try {
      const answer = await this.#connection.call(uris.events, [], kwargs, PROBE_TIMEOUT)
      const {recovered, seq} = answer as StreamPage
      if (!recovered || seq > this.#stream.position.seq) this.#interrupt()
    } catch (error) {
      if (!isTransient(error)) reportError(error)
    }
  }

  #receive(events: readonly JobEvent[]): void {
    this.#heard += 1
    const streamed = events.filter(event => event.seq !== null)
    for (const event of events) {
      if (event.seq === null) this.#feeds.get(event.job_id)?.live(event)
    }
    this.#deliver(this.#stream.take(streamed))
  }

  #answered(answer: unknown): void {
    const {next = null} = answer as StreamPage
    const {events, snapshot, isReset} = this.#stream.answered(answer as StreamPage)
    if (snapshot) {
      this.#heard += 1
      for (const feed of this.#feeds.values()) feed.interrupt()
      this.#listeners.emit("snapshot", {jobs: snapshot, next, isFirst: !isReset})
    }
    this.#deliver(events)
  }

  #deliver(events: readonly JobEvent[]): void {
    for (const event of events) {
      this.#heard += 1
      this.#feeds.get(event.job_id)?.live(event)
      this.#listeners.emit("event", event)
    }
    if (this.#stream.isBehind) void this.#recover()
    this.#updateStatus()
  }

  /** @param isOurs whether this very session receives events that nobody else does */
  #feed(id: string, behind: boolean, isOurs: boolean): JobFeed {
    const known = this.#feeds.get(id)
    if (known) return known
    let leave = () => {}
    const hooks = {
      onFirst: ({owner, seq}: JobEvent) => {
        if (owner !== this.authid && seq !== null) leave = this.#follow(owner, feed)
        else if (seq === null && !isOurs) feed.poll()
      },
      onEnd: () => {
        leave()
        this.#feeds.delete(id)
      },
    }
    const feed = new JobFeed(id, this.#connection, hooks, behind)
    this.#feeds.set(id, feed)
    return feed
  }

  /** Hear the events of a job of somebody else; only operators and backends may. */
  #follow(owner: string, feed: JobFeed): () => void {
    const unsubscribe = this.#connection.subscribe(jobsTopic(uidOf(owner)), {
      onPublication: events => {
        for (const event of events as JobEvent[]) if (event.job_id === feed.id) feed.live(event)
      },
      onReady: () => feed.interrupt(),
      onRefused: () => feed.poll(),
    })
    const deaf = this.on("catalog", () => feed.interrupt())
    return () => {
      unsubscribe()
      deaf()
    }
  }

  #updateStatus(): void {
    const {phase} = this.#connection
    const joined = this.#stream.isBehind ? "recovering" : "live"
    const status = phase === "joined" ? joined : phase
    if (status === this.#status) return
    this.#status = status
    this.#listeners.emit("status", status)
  }
}

/** What asks for the events behind *position*. */
function asked({epoch, seq}: Position): {epoch: string | null; since: number} {
  return {epoch, since: seq}
}

/** *url* as a WebSocket URL, relative to the page. */
function absolute(url: string): string {
  const resolved = new URL(url, globalThis.location?.href)
  resolved.protocol = resolved.protocol.replace("http", "ws")
  return resolved.href
}

/** The arguments of `taskrealm.exec` and `taskrealm.check`. */
function submission(
  task: string,
  args: Arguments,
  options: ExecOptions,
): [unknown[], Record<string, unknown>] {
  const isPositional = Array.isArray(args)
  return [[task, isPositional ? args : [], isPositional ? {} : args], {...options}]
}
