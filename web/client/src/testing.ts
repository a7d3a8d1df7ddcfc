/**
 * A node in memory, for tests and demonstrations: the wire contract without a wire.
 *
 * @example
 * const node = new FakeNode()
 * node.addTask({name: "hello"}, job => job.start().succeed("hi"))
 * const client = await connect({token: "ana", join: node.join})
 * const job = await client.exec("hello")
 *
 * @module
 */

import {TaskRealmError} from "./errors"
import type {Artifact} from "./files"
import {
  advance,
  type EventData,
  type EventType,
  type Intake,
  isTerminal,
  type JobDetails,
  type JobEvent,
  type JobRecord,
  jobsTopic,
  type MessageLevel,
  type OutputPage,
  type OutputSource,
  type OutputStream,
  outputTopic,
  queueTopic,
  recordOf,
  type StreamPage,
  type Task,
  uidOf,
  uris,
} from "./protocol"
import {type FakeFile, FakeFiles, fileOf, pieceOf} from "./testing-files"
import {type JoinOptions, JoinRefused, type Session} from "./wamp"

type Handler = (...args: unknown[]) => void
type Options = Record<string, unknown>

/** Holds tasks, jobs and their events; sessions join it by {@link FakeNode#join}. */
export class FakeNode {
  /** Whether calls find no executor. */
  isExecutorAway = false
  /** Whether jobs are taken and started, as callers are told. */
  intake: Intake = "open"
  /** Whether new sessions find no router. */
  isUnreachable = false
  /** Seconds that a publication or an answer takes; asked for each. */
  delay: () => number = () => 0

  readonly files = new FakeFiles()
  readonly tasks: Task[] = []
  readonly jobs = new Map<string, FakeJob>()
  #keys = new Map<string, FakeJob>()
  #programs = new Map<string, (job: FakeJob) => void>()
  #streams = new Map<string, {epoch: string; events: JobEvent[]; forgotten: number}>()
  #sessions = new Set<FakeSession>()
  #epochs = 0

  /** @param program runs each job of the task; without one the test moves the job itself */
  addTask(task: Partial<Task> & {name: string}, program: (job: FakeJob) => void = () => {}): void {
    const parameters = {type: "object", properties: {}}
    const limits = {timeout: 3600, retries: 0, slots: 1, group: null, rate: null}
    const caps = {most_running: null, most_running_per_user: null}
    const known = {title: task.name, help: "", parameters, ...limits, ...caps}
    this.tasks.push({...known, roles: ["user"], ...task})
    this.#programs.set(task.name, program)
  }

  /** Joins whoever has a token; the token is the authid. `"wrong"` is refused. */
  join = async ({ticket}: JoinOptions): Promise<Session> => {
    await pause(this.delay())
    if (this.isUnreachable) throw new JoinRefused(null, "The server cannot be reached")
    if (ticket === "wrong") {
      throw new JoinRefused("taskrealm.error.invalid_token", "This token is not valid")
    }
    const session = new FakeSession(this, ticket)
    this.#sessions.add(session)
    void session.closed.then(() => this.#sessions.delete(session))
    return session
  }

  /** Cut every connection. */
  cut(): void {
    for (const session of [...this.#sessions]) session.close()
  }

  /** The executor comes back, and says so. */
  returnExecutor(): void {
    this.isExecutorAway = false
    this.publish(uris.catalog, {tasks: this.tasks.length, intake: this.intake})
  }

  /** Tell *authid* the places in the queue that its jobs have. */
  tellPositions(authid: string, places: Record<string, number>): void {
    this.publish(queueTopic(uidOf(authid)), places)
  }

  /** Every event of the stream of *authid*, whether or not the journal still reaches back to it. */
  events(authid: string): readonly JobEvent[] {
    return this.#stream(authid).events
  }

  /** Drop the journal's events up to now: who has not heard them is not recovered. */
  forget(authid: string): void {
    const stream = this.#stream(authid)
    stream.forgotten = stream.events.length
  }

  job(id: unknown): FakeJob {
    const job = this.jobs.get(String(id))
    if (!job) throw new TaskRealmError("unknown_job", "There is no such job")
    return job
  }

  /** @internal */
  append(job: FakeJob, type: EventType, data: object): void {
    const {owner} = job
    const inStream = job.options.deliver === undefined || job.options.deliver === "user"
    const stream = this.#stream(owner)
    const event = {
      ...data,
      owner,
      epoch: inStream ? stream.epoch : null,
      seq: inStream ? stream.events.length + 1 : null,
      job_id: job.id,
      job_seq: job.events.length + 1,
      task: job.task,
      type,
      at: new Date().toISOString(),
      attempt: 1,
    } as JobEvent
    job.events.push(event)
    if (inStream) stream.events.push(event)
    const only = job.options.deliver === "session" ? job.submitter : null
    if (job.options.deliver !== "none") this.publish(jobsTopic(uidOf(owner)), [event], only)
  }

  /** @internal */
  publish(topic: string, payload: unknown, only: FakeSession | null = null): void {
    if (this.isExecutorAway) return
    for (const session of only ? [only] : this.#sessions) session.receive(topic, payload)
  }

  /** @internal */
  answer(session: FakeSession, uri: string, args: readonly unknown[], kwargs: Options): unknown {
    switch (uri) {
      case uris.tasks:
        return this.tasks
      case uris.token:
        return {token: session.authid, expires_at: "2100-01-01T00:00:00.000000+00:00"}
      case uris.check:
        return {
          argv: ["run", String(args[0]), JSON.stringify(args[2])],
          timeout: 60,
          position: 0,
          waiting: null,
          intake: this.intake,
        }
      case uris.exec:
        return this.#exec(session, args, kwargs)
      case uris.cancel:
        return this.job(args[0]).cancel(session.authid, kwargs)
      case uris.answer:
        return this.job(args[0]).answer(session.authid, String(args[1]), args[2])
      case uris.job:
        return this.job(args[0] ?? kwargs.job_id).details
      case uris.jobs:
        return this.#page(session.authid, kwargs)
      case uris.events:
        return "job_id" in kwargs ? this.#history(kwargs) : this.#recover(session.authid, kwargs)
      case uris.output:
        return this.job(kwargs.job_id).read(kwargs.stream as OutputSource, Number(kwargs.offset))
      case uris.artifacts:
        return this.job(kwargs.job_id).artifacts
      case uris.artifact:
        return this.job(kwargs.job_id).piece(String(kwargs.name), Number(kwargs.offset))
      default:
        return this.files.answer(session.authid, uri, args, kwargs)
    }
  }

  #exec(session: FakeSession, args: readonly unknown[], options: Options): object {
    const [task, , kwargs] = args as [string, unknown[], Record<string, unknown>]
    const definition = this.tasks.find(each => each.name === task)
    if (!definition) throw new TaskRealmError("unknown_task", `There is no task ${task}`)
    const {required = []} = definition.parameters as {required?: string[]}
    const missing = required.filter(name => kwargs[name] === undefined || kwargs[name] === "")
    if (missing.length > 0) {
      const fields = Object.fromEntries(missing.map(name => [name, "Field required"]))
      throw new TaskRealmError("invalid_arguments", "Some arguments were refused", {fields})
    }
    const key = options.key === undefined ? "" : `${session.authid} ${options.key}`
    const known = this.#keys.get(key)
    if (known) {
      return {job_id: known.id, state: known.record.state, position: null, is_new: false}
    }
    const id = (this.jobs.size + 1).toString(16).padStart(32, "0")
    const job = new FakeJob(this, session, id, task, kwargs, options)
    this.jobs.set(id, job)
    if (key) this.#keys.set(key, job)
    job.append("queued", {position: 1})
    queueMicrotask(() => this.#programs.get(task)?.(job))
    return {job_id: id, state: "queued", position: 1, is_new: true}
  }

  #page(owner: string, {before, limit = 50}: Options): object {
    const ids = [...this.jobs.keys()].reverse().filter(id => !before || id < String(before))
    const all = ids.map(id => this.job(id).record).filter(job => job.owner === owner)
    const jobs = all.slice(0, Number(limit))
    return {jobs, next: jobs.length < all.length ? jobs.at(-1)?.job_id : null}
  }

  #history({job_id, since, limit = 1000}: Options): object {
    const job = this.job(job_id)
    const later = job.events.slice(Number(since))
    const events = later.slice(0, Number(limit))
    return {events, more: events.length < later.length, ended: job.hasEnded}
  }

  #recover(authid: string, {epoch, since, limit = 1000}: Options): StreamPage {
    const stream = this.#stream(authid)
    const seq = stream.events.length
    if (epoch !== stream.epoch || Number(since) < stream.forgotten) {
      const jobs = [...this.jobs.values()].map(job => job.record)
      const open = jobs.filter(job => job.owner === authid && !isTerminal(job.state))
      const answer = {epoch: stream.epoch, seq, events: [], more: false}
      return {...answer, recovered: false, jobs: open, next: null}
    }
    const events = stream.events.slice(Number(since), Number(since) + Number(limit))
    const more = Number(since) + events.length < seq
    return {recovered: true, epoch: stream.epoch, seq, events, more}
  }

  #stream(authid: string) {
    const known = this.#streams.get(authid)
    if (known) return known
    this.#epochs += 1
    const stream = {epoch: `epoch${this.#epochs}`, events: [], forgotten: 0}
    this.#streams.set(authid, stream)
    return stream
  }
}

/** A job that a test moves by hand, or a program of a {@link FakeNode}. */
export class FakeJob {
  readonly events: JobEvent[] = []
  readonly printed: Record<OutputSource, Uint8Array> = {
    stdout: new Uint8Array(),
    stderr: new Uint8Array(),
    result: new Uint8Array(),
  }
  readonly #left = new Map<string, FakeFile>()
  /** The bytes of each stream that are not kept, once they are printed. */
  gap = {from: Number.POSITIVE_INFINITY, to: Number.POSITIVE_INFINITY}
  readonly owner: string
  #startedAt = 0

  /** @internal */
  constructor(
    private readonly node: FakeNode,
    readonly submitter: FakeSession,
    readonly id: string,
    readonly task: string,
    readonly args: Record<string, unknown>,
    readonly options: Options,
  ) {
    this.owner = submitter.authid
  }

  get record(): JobRecord {
    const [first, ...later] = this.events as [JobEvent, ...JobEvent[]]
    const {priority = 0, tags = [], timeout = 3600} = this.options as Partial<JobRecord>
    const known = {...recordOf(first), arguments: this.args, priority, tags, timeout}
    return later.reduce(advance, known)
  }

  get details(): JobDetails {
    const {stdout, stderr} = this.printed
    const position = this.record.state === "queued" ? 1 : null
    const output = {stdout: stdout.length, stderr: stderr.length}
    const waiting =
      position === null ? null : {code: "slots", text: "2 of 2 slots are in use", used: 2, limit: 2}
    return {...this.record, attempts: [], position, waiting, intake: this.node.intake, output}
  }

  get hasEnded(): boolean {
    return isTerminal(this.record.state)
  }

  append<T extends EventType>(type: T, data: EventData[T]): this {
    this.node.append(this, type, data)
    return this
  }

  start(): this {
    this.#startedAt = Date.now()
    return this.append("started", {})
  }

  progress(fraction: number | null, message: string | null = null, eta: number | null = null) {
    return this.append("progress", {fraction, message, eta})
  }

  message(text: string, level: MessageLevel = "info", data: unknown = null) {
    return this.append("message", {level, text, data})
  }

  ask(text: string, schema: object = {type: "boolean"}, preset: {default?: unknown} = {}): this {
    const question = String(this.events.length)
    const {...copy} = schema as Record<string, unknown>
    return this.append("question", {question, text, schema: copy, ...preset, expires_at: null})
  }

  /** @internal */
  answer(by: string, question: string, answer: unknown): null {
    if (!this.record.questions.some(each => each.question === question)) {
      throw new TaskRealmError(
        "unknown_question",
        `The job asks no question '${question}' just now`,
      )
    }
    this.append("answered", {question, answer, by, refused: null})
    return null
  }

  print(text: string, stream: OutputStream = "stdout"): this {
    const before = this.printed[stream]
    const bytes = new TextEncoder().encode(text)
    const after = new Uint8Array(before.length + bytes.length)
    after.set(before)
    after.set(bytes, before.length)
    this.printed[stream] = after
    const chunk = {stream, offset: before.length, next: after.length, text}
    this.node.publish(outputTopic(uidOf(this.owner), this.id), chunk)
    return this
  }

  get artifacts(): Artifact[] {
    return [...this.#left.values()].map(({artifact}) => artifact)
  }

  /** Leave a file. */
  async leave(name: string, content: string, mediaType = "text/plain"): Promise<this> {
    const file = await fileOf(name, content, mediaType)
    this.#left.set(name, file)
    return this.append("artifact", file.artifact)
  }

  /** @internal */
  piece(name: string, offset: number): object {
    const file = this.#left.get(name)
    if (!file) throw new TaskRealmError("unknown_artifact", `There is no artifact ${name}`)
    return pieceOf(file, offset)
  }

  /** Succeed with a *result* too big for an event. */
  succeedBig(result: unknown): this {
    this.printed.result = new TextEncoder().encode(JSON.stringify(result))
    const size = this.printed.result.length
    const file = {name: "result.json", title: null, media_type: "application/json", size}
    this.append("artifact", {...file, sha256: "0".repeat(64), expires_at: null})
    const ending = {result: null, artifact: "result.json", duration: this.#duration}
    return this.append("succeeded", ending)
  }

  succeed(result: unknown = null): this {
    return this.append("succeeded", {result, duration: this.#duration})
  }

  fail(error: string, exit_code = 1): this {
    const stderr_tail = new TextDecoder().decode(this.printed.stderr.slice(-2000))
    const duration = this.#duration
    return this.append("failed", {error, exit_code, signal: null, stderr_tail, duration})
  }

  /** @internal */
  cancel(by: string, {reason = null, now = false}: Options): string {
    const {state} = this.record
    const ending = {by, reason: reason as string | null, duration: this.#duration}
    if (isTerminal(state)) return `already_${state}`
    if (state === "queued") {
      this.append("cancelled", ending)
      return "removed_from_queue"
    }
    if (now) this.append("cancelled", ending)
    else if (state !== "stopping") this.append("stopping", {...ending, grace: 10})
    return "stopping"
  }

  /** @internal */
  read(stream: OutputSource, offset: number): OutputPage<OutputSource> {
    const bytes = this.printed[stream]
    const size = bytes.length
    const {from, to} = this.gap
    const start = offset >= from && offset < to ? to : offset
    // Pages end between characters: continuation bytes of UTF-8 are 10xxxxxx.
    let next = Math.min(size, start + 65_536, start < from ? from : size)
    while (next < size && ((bytes[next] ?? 0) & 0xc0) === 0x80) next -= 1
    const text = new TextDecoder().decode(bytes.slice(start, next))
    const end = this.hasEnded && next === size
    return {stream, offset: start, next, text, size, skipped: start - offset, end}
  }

  get #duration(): number {
    return (Date.now() - this.#startedAt) / 1000
  }
}

/** A session of a {@link FakeNode}. */
export class FakeSession implements Session {
  readonly role = "user"
  readonly closed: Promise<void>
  close!: () => void
  #isOpen = true
  #handlers = new Map<string, Handler>()

  /** @internal */
  constructor(
    private readonly node: FakeNode,
    readonly authid: string,
  ) {
    this.closed = new Promise(resolve => {
      this.close = () => {
        this.#isOpen = false
        resolve()
      }
    })
  }

  call(uri: string, args: readonly unknown[], kwargs: Options): Promise<unknown> {
    return this.#settled(() => {
      if (this.node.isExecutorAway) {
        throw new TaskRealmError("unavailable", "The executor is away just now; try again later")
      }
      // A copy, as if it had crossed the wire.
      return structuredClone(this.node.answer(this, uri, args, kwargs))
    })
  }

  subscribe(topic: string, handler: Handler): Promise<() => Promise<void>> {
    return this.#settled(() => {
      this.#handlers.set(topic, handler)
      return async () => void this.#handlers.delete(topic)
    })
  }

  /** @internal */
  receive(topic: string, payload: unknown): void {
    const copy = structuredClone(payload)
    void pause(this.node.delay()).then(() => {
      if (this.#isOpen) this.#handlers.get(topic)?.(copy)
    })
  }

  async #settled<T>(act: () => T): Promise<T> {
    const lost = this.closed.then(() => {
      throw new TaskRealmError("disconnected", "The connection was lost before the answer came")
    })
    const answer = pause(this.node.delay()).then(async () => {
      const result = act()
      await pause(this.node.delay())
      return result
    })
    return Promise.race([lost, answer])
  }
}

function pause(seconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, seconds * 1000))
}
