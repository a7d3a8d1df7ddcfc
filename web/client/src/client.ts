/** The client: one connection, its user's stream of events, and the jobs that are held. */

import {Connection, type Phase, type Token} from "./connection"
import {isTransient, type TaskRealmError} from "./errors"
import {JobFeed} from "./feed"
import {Job} from "./job"
import {Listeners} from "./listeners"
import {
  type Delivery,
  type JobEvent,
  type JobRecord,
  type JobState,
  jobsTopic,
  type StreamPage,
  type Task,
  uidOf,
  uris,
} from "./protocol"
import {type Delivered, UserStream} from "./stream"
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
  jobs: JobRecord[]
  /** False when a stream was followed before and events of it were missed for good. */
  isFirst: boolean
}

interface ClientEvents {
  status: Status
  event: JobEvent
  snapshot: Snapshot
  catalog: {tasks: number}
  [name: string]: unknown
}

export interface ExecOptions {
  /** Higher starts first; 0 unless given. */
  priority?: number
  /** Seconds that the job may run; may only shorten the task's own limit. */
  timeout?: number
  tags?: string[]
  /** Who receives the events: every session of the `user`, this `session` only, or `none`. */
  deliver?: Delivery
}

/** Keyword arguments by name, or positional ones in order. */
export type Arguments = Readonly<Record<string, unknown>> | readonly unknown[]

/** What running a task with these arguments would do. */
export interface Check {
  /** The command line, secrets masked. */
  argv: string[]
  /** Seconds that the job may run. */
  timeout: number | null
  /** Place in the queue that it would get; 0 means that it would start at once. */
  position: number
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
  #stream = new UserStream()
  #feeds = new Map<string, JobFeed>()
  #isRecovering = false
  #isFollowing = false
  #heard = 0
  #status: Status = "connecting"
  #authid = ""
  #role = ""

  constructor(options: ConnectOptions) {
    const {token, realm = "taskrealm"} = options
    this.#connection = new Connection(
      {url: absolute(options.url ?? "/ws"), realm, token, join: options.join ?? join},
      {
        onPhase: phase => this.#enter(phase),
        onDoubt: () => void this.#probe(),
        onAway: () => {
          if (!this.#stream.behind) this.#interrupt()
        },
      },
    )
    this.#connection.subscribe(uris.catalog, {
      onPublication: news => {
        this.#interrupt()
        this.#listeners.emit("catalog", news as {tasks: number})
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
   * - `"snapshot"`: the stream was taken up anew; these jobs had not ended then
   * - `"catalog"`: the set of tasks may have changed
   *
   * @returns call it to stop listening
   */
  on<K extends "status" | "event" | "snapshot" | "catalog">(
    name: K,
    listener: (value: ClientEvents[K]) => void,
  ): () => void {
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
   * @throws {TaskRealmError} `unknown_task`, `invalid_arguments` (see `fields`), `queue_full`, …
   */
  async exec(task: string, args: Arguments = {}, options: ExecOptions = {}): Promise<Job> {
    const {session} = this.#connection
    const heardBefore = this.#heard
    const answer = await this.#connection.call(uris.exec, ...submission(task, args, options))
    const {job_id, state} = answer as {job_id: string; state: JobState}
    // Its first events may have come before this line runs, whatever the network did meanwhile.
    const behind = this.#heard !== heardBefore || this.#connection.session !== session
    const feed = this.#feed(job_id, behind, options.deliver === "session")
    if (options.deliver === "none") feed.poll()
    if (options.deliver === "session") void session?.closed.then(() => feed.poll())
    return new Job(feed, this.#connection, state)
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
      this.#stream.interrupt()
    }
    if (over) for (const feed of this.#feeds.values()) feed.fail(over)
    this.#updateStatus()
  }

  #followMyself(authid: string): void {
    this.#connection.subscribe(jobsTopic(uidOf(authid)), {
      onPublication: events => this.#receive(events as JobEvent[]),
      onReady: () => this.#interrupt(),
    })
  }

  /** Events may have been missed: the line was cut or the executor was away. */
  #interrupt(): void {
    this.#stream.interrupt()
    this.#connection.tryAgain()
    this.#updateStatus()
    void this.#recover()
  }

  async #recover(): Promise<void> {
    if (this.#isRecovering) return
    this.#isRecovering = true
    try {
      while (this.#stream.behind) {
        const ask = this.#stream.ask()
        const {epoch, since} = ask
        const page = await this.#connection.ask(uris.events, {epoch, since})
        this.#deliver(this.#stream.answer(ask, page as StreamPage))
      }
    } catch (error) {
      if (!this.#connection.over) reportError(error)
    } finally {
      this.#isRecovering = false
      this.#updateStatus()
    }
  }

  /** Find out whether the line is alive, and whether it has kept something from us. */
  async #probe(): Promise<void> {
    const ask = this.#stream.ask()
    const {epoch, since} = ask
    try {
      const page = await this.#connection.call(uris.events, [], {epoch, since}, PROBE_TIMEOUT)
      this.#deliver(this.#stream.answer(ask, page as StreamPage))
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
    this.#deliver(this.#stream.live(streamed))
  }

  #deliver({snapshot, events}: Delivered): void {
    if (snapshot) {
      this.#heard += 1
      for (const feed of this.#feeds.values()) feed.interrupt()
      this.#listeners.emit("snapshot", {jobs: snapshot, isFirst: !this.#isFollowing})
      this.#isFollowing = true
    }
    for (const event of events) {
      this.#heard += 1
      this.#feeds.get(event.job_id)?.live(event)
      this.#listeners.emit("event", event)
    }
    if (this.#stream.behind) void this.#recover()
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
    const joined = this.#stream.behind ? "recovering" : "live"
    const status = phase === "joined" ? joined : phase
    if (status === this.#status) return
    this.#status = status
    this.#listeners.emit("status", status)
  }
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
