/** Submits tasks, with or without a connection, and holds the jobs that come of it. */

import {type Abortable, unlessAborted} from "./abort"
import type {Connection} from "./connection"
import {sendFile, type UploadOptions} from "./files"
import type {Follower} from "./follower"
import {Job} from "./job"
import {isOffline} from "./page"
import {type JobState, uris} from "./protocol"
import {randomId} from "./random"
import {type Arguments, type ExecOptions, type ExecRequest, onWire} from "./submission"
import type {Session} from "./wamp"

/** The answer to a submission. */
interface Accepted {
  job_id: string
  state: JobState
  is_new?: boolean
}

/** How things stood before a submission. */
interface Before {
  session: Session | null
  heard: number
  /** Whether it has to wait for a connection. */
  isPatient: boolean
}

/** Sends submissions by one connection. */
export class Submitter {
  constructor(
    private readonly connection: Connection,
    private readonly follower: Follower,
  ) {}

  /** See {@link Client.exec}. */
  async exec(task: string, args: Arguments, options: ExecOptions): Promise<Job> {
    const {signal, onUpload, ...wanted} = options
    const before = this.#before()
    if (before.isPatient) wanted.key ??= randomId()
    const sent = await this.#uploaded(args, {signal, onProgress: onUpload})
    const isRepeated = wanted.key !== undefined
    const sending = this.#send(uris.exec, onWire(task, sent, wanted), before, isRepeated, signal)
    const accepted = await this.#unlessWithdrawn(sending as Promise<Accepted>, signal)
    return this.#held(accepted, wanted, before)
  }

  /** See {@link Client.execMany}. */
  async execMany(requests: readonly ExecRequest[], {signal}: Abortable): Promise<Job[]> {
    const before = this.#before()
    const wanted = requests.map(each =>
      before.isPatient ? {...each, key: each.key ?? randomId()} : each,
    )
    const isRepeated = wanted.every(each => each.key !== undefined)
    const asked = wanted.map(({task, args = {}, ...options}) => {
      const [[, positional, named]] = onWire(task, args, {})
      return {task, args: positional, kwargs: named, ...options}
    })
    const sending = this.#send(uris.execMany, [[asked], {}], before, isRepeated, signal)
    const accepted = await unlessAborted(signal, sending as Promise<Accepted[]>)
    return accepted.map((each, index) => this.#held(each, wanted[index] ?? {}, before))
  }

  /** See {@link Client.run}. */
  async run(task: string, args: Arguments, options: ExecOptions): Promise<unknown> {
    const {signal} = options
    const job = await this.exec(task, args, options)
    try {
      return await job.result({signal})
    } catch (error) {
      if (signal?.aborted) this.#withdraw(job.id)
      throw error
    }
  }

  #before(): Before {
    const {session} = this.connection
    return {session, heard: this.follower.heard, isPatient: session === null || isOffline()}
  }

  /** Send what may be sent again when its answer is lost, or may not. */
  async #send(
    uri: string,
    [args, kwargs]: [unknown[], Record<string, unknown>],
    {isPatient}: Before,
    isRepeated: boolean,
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    signal?.throwIfAborted()
    if (!isRepeated) return await this.connection.call(uri, args, kwargs)
    return await this.connection.repeat(uri, args, kwargs, signal, isPatient)
  }

  /** The answer to a submission; when it is withdrawn meanwhile, its job is cancelled. */
  async #unlessWithdrawn(
    sending: Promise<Accepted>,
    signal: AbortSignal | undefined,
  ): Promise<Accepted> {
    try {
      return await unlessAborted(signal, sending)
    } catch (error) {
      if (signal?.aborted) {
        sending.then(
          ({job_id}) => this.#withdraw(job_id),
          () => {},
        )
      }
      throw error
    }
  }

  #withdraw(job: string): void {
    void this.connection.repeat(uris.cancel, [job], {reason: "withdrawn"}).catch(() => {})
  }

  /** The job of a submission that was *accepted*, in the session of *before* if that is still ours. */
  #held(
    {job_id, state, is_new}: Accepted,
    {deliver, on_behalf_of}: ExecOptions,
    {session, heard}: Before,
  ): Job {
    const {connection, follower} = this
    // Its first events may have come before this line runs, whatever the network did meanwhile.
    const isBehind = is_new === false || follower.heard !== heard || connection.session !== session
    const feed = follower.feed(job_id, isBehind, deliver === "session")
    // Events of another user's job come to that user, and nobody sends us any that is for none.
    if (deliver === "none" || on_behalf_of !== undefined) feed.poll()
    if (deliver === "session") {
      const own = session ?? connection.session
      if (own) void own.closed.then(() => feed.poll())
      else feed.poll()
    }
    return new Job(feed, connection, state)
  }

  /** *args* with the id of each file instead of the file. */
  async #uploaded(args: Arguments, options: UploadOptions): Promise<Arguments> {
    const files = [...Object.values(args)].flat().filter(each => each instanceof Blob)
    if (files.length === 0) return args
    await this.connection.joined(options.signal)
    const total = files.reduce((size, file) => size + file.size, 0) || 1
    const ids = new Map<unknown, string>()
    let sent = 0
    for (const file of files) {
      const onProgress = (fraction: number) =>
        options.onProgress?.((sent + fraction * file.size) / total)
      ids.set(file, await sendFile(this.connection, file, {...options, onProgress}))
      sent += file.size
    }
    const told = (value: unknown): unknown =>
      Array.isArray(value) ? value.map(told) : (ids.get(value) ?? value)
    if (Array.isArray(args)) return args.map(told)
    return Object.fromEntries(Object.entries(args).map(([name, value]) => [name, told(value)]))
  }
}
