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

import {fromCode, type TaskRealmError} from "./errors"
import {
  type CancelAnswers,
  type Choice,
  type Choices,
  type EventType,
  type Intake,
  isNarrow,
  isTerminal,
  type JobEvent,
  jobsTopic,
  jobTopic,
  type OutputSource,
  queueTopic,
  type Scope,
  type StreamPage,
  type Task,
  uidOf,
  uris,
} from "./protocol"
import {FakeFiles} from "./testing-files"
import {FakeJob, type FakeSearch} from "./testing-job"
import {FakeSession, pause} from "./testing-session"
import {type JoinOptions, JoinRefused, type Session, type Transport} from "./wamp"

export {FakeJob, FakeSession}

type Options = Record<string, unknown>

/** Holds tasks, jobs and their events; sessions join it by {@link FakeNode#join}. */
export class FakeNode {
  /** Whether calls find no executor. */
  isExecutorAway = false
  /** Whether jobs are taken and started, as callers are told. */
  intake: Intake = "open"
  /** Whether new sessions find no router. */
  isUnreachable = false
  /** Whether WebSockets cannot be opened; {@link FakeNode#fallback} joins all the same. */
  isSocketBlocked = false
  /** Seconds that a publication or an answer takes; asked for each. */
  delay: () => number = () => 0

  readonly files = new FakeFiles()
  readonly tasks: Task[] = []
  readonly jobs = new Map<string, FakeJob>()
  #keys = new Map<string, FakeJob>()
  #programs = new Map<string, (job: FakeJob) => void>()
  #streams = new Map<string, {epoch: string; events: JobEvent[]; forgotten: number}>()
  /** What the tokens of these authids are limited to. */
  readonly scopes = new Map<string, Scope>()
  /** When the tokens of these authids expire, in milliseconds since 1970. */
  readonly expiries = new Map<string, number>()
  /** What may be chosen for the parameters that compute it, by task and parameter. */
  readonly choices = new Map<string, Choice[]>()
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
  join = async ({ticket}: JoinOptions): Promise<Session> => await this.#enter(ticket, "websocket")

  /** The same over HTTP; of use as the client's `fallback`. */
  fallback = async ({ticket}: JoinOptions): Promise<Session> => await this.#enter(ticket, "http")

  async #enter(ticket: string, transport: Transport): Promise<Session> {
    await pause(this.delay())
    const isBlocked = this.isSocketBlocked && transport === "websocket"
    if (this.isUnreachable || isBlocked) throw new JoinRefused(null, "The server cannot be reached")
    if (ticket === "wrong") {
      throw new JoinRefused("taskrealm.error.invalid_token", "This token is not valid")
    }
    const session = new FakeSession(this, ticket, this.scopes.get(ticket) ?? {}, transport)
    session.expiresAt = this.expiries.get(ticket) ?? null
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
    if (!job) throw fromCode("unknown_job", "There is no such job")
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
    if (job.options.deliver === "none") return
    this.publish(jobsTopic(uidOf(owner)), [event], only)
    this.publish(jobTopic(uidOf(owner), job.id), [event], only)
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
      case uris.choices:
        return this.#choices(String(args[0]), String(args[1]))
      case uris.exec:
        return this.#exec(session, args, kwargs)
      case uris.execMany:
        return this.#execMany(session, args[0] as Options[])
      case uris.cancel:
        return this.job(args[0]).cancel(session.authid, kwargs)
      case uris.cancelMany:
        return this.#cancelMany(session, args[0] as string[], kwargs)
      case uris.answer:
        return this.job(args[0]).answer(session.authid, String(args[1]), args[2])
      case uris.job:
        return this.job(args[0] ?? kwargs.job_id).details
      case uris.jobs:
        return this.#page(session.authid, kwargs)
      case uris.events:
        if ("job_id" in kwargs) return this.#history(kwargs)
        if (isNarrow(session.scope)) {
          throw fromCode("not_authorized", "This session sees some jobs only")
        }
        return this.#recover(session.authid, kwargs)
      case uris.output:
        return this.job(kwargs.job_id).read(
          kwargs.stream as OutputSource,
          Number(kwargs.offset),
          Number(kwargs.limit ?? 65_536),
        )
      case uris.search:
        return this.job(kwargs.job_id).search(kwargs as unknown as FakeSearch)
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
    if (!definition) throw fromCode("unknown_task", `There is no task ${task}`)
    const {required = []} = definition.parameters as {required?: string[]}
    const missing = required.filter(name => kwargs[name] === undefined || kwargs[name] === "")
    if (missing.length > 0) {
      const fields = Object.fromEntries(missing.map(name => [name, "Field required"]))
      throw fromCode("invalid_arguments", "Some arguments were refused", {fields})
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

  #execMany(session: FakeSession, requests: Options[]): object[] {
    const unknown = requests.find(({task}) => !this.tasks.some(({name}) => name === task))
    if (unknown) throw fromCode("unknown_task", `There is no task ${unknown.task}`)
    return requests.map(({task, args, kwargs, ...options}) =>
      this.#exec(session, [task, args, kwargs], options),
    )
  }

  #cancelMany(session: FakeSession, ids: string[], kwargs: Options): CancelAnswers {
    const told: CancelAnswers = {answers: {}, refused: {}}
    for (const id of new Set(ids)) {
      try {
        told.answers[id] = this.job(id).cancel(session.authid, kwargs)
      } catch (error) {
        const {code, message} = error as TaskRealmError
        told.refused[id] = {error: `taskrealm.error.${code}`, message}
      }
    }
    return told
  }

  #choices(task: string, parameter: string): Choices {
    const choices = this.choices.get(`${task} ${parameter}`)
    if (choices) return {choices, more: false}
    const fields = {[parameter]: "has no choices that are computed"}
    throw fromCode("invalid_arguments", "Some arguments were refused", {fields})
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
