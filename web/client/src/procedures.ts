/** What a client does by one call each: a procedure of the node, with types. */

import type {Abortable} from "./abort"
import {
  type CancelAnswers,
  type Check,
  type Choices,
  type JobsFilter,
  type JobsPage,
  type MintedToken,
  type MintOptions,
  type OwnSession,
  type OwnToken,
  type Task,
  type TaskOutcomes,
  uris,
} from "./protocol"
import {type Arguments, type ExecOptions, onWire} from "./submission"
import type {Submission, TaskName} from "./tasks"

/** Jobs in one call. */
const CANCELLED_TOGETHER = 1000

/** All reject as {@link Client.call} does. */
export abstract class Procedures {
  /** Call any procedure. */
  abstract call(
    uri: string,
    args?: readonly unknown[],
    kwargs?: Record<string, unknown>,
    options?: Abortable & {timeout?: number},
  ): Promise<unknown>

  /** The tasks that I may run. */
  async tasks({signal}: Abortable = {}): Promise<Task[]> {
    return (await this.call(uris.tasks, [], {}, {signal})) as Task[]
  }

  /**
   * What may be chosen for a *parameter* whose choices are computed, given the other *args*.
   *
   * @throws {TaskRealmError} `unknown_task`; {@link InvalidArguments}: they are not computed
   */
  async choices(
    task: string,
    parameter: string,
    args: Readonly<Record<string, unknown>> = {},
    {signal}: Abortable = {},
  ): Promise<Choices> {
    return (await this.call(uris.choices, [task, parameter, args], {}, {signal})) as Choices
  }

  /** What running *task* would do, without running it. Throws as {@link Client.exec} does. */
  check<Name extends string>(task: TaskName<Name>, ...submission: Submission<Name>): Promise<Check>
  async check(task: string, args: Arguments = {}, options: ExecOptions = {}): Promise<Check> {
    const {signal, onUpload, ...wanted} = options
    return (await this.call(uris.check, ...onWire(task, args, wanted), {signal})) as Check
  }

  /** My jobs, newest first, a page at a time. */
  async jobs(filter: JobsFilter = {}, {signal}: Abortable = {}): Promise<JobsPage> {
    return (await this.call(uris.jobs, [], {...filter}, {signal})) as JobsPage
  }

  /**
   * Ask many jobs to stop by few calls, each for itself.
   *
   * @param options.reason is shown to whoever looks at the jobs
   * @param options.now kill at once instead of asking first
   * @throws {TaskRealmError} `invalid_arguments`: an id can be none
   */
  async cancelMany(
    ids: readonly string[],
    {signal, ...options}: Abortable & {reason?: string; now?: boolean} = {},
  ): Promise<CancelAnswers> {
    const told: CancelAnswers = {answers: {}, refused: {}}
    for (let start = 0; start < ids.length; start += CANCELLED_TOGETHER) {
      const part = ids.slice(start, start + CANCELLED_TOGETHER)
      const {answers, refused} = (await this.call(
        uris.cancelMany,
        [part],
        {...options},
        {signal},
      )) as CancelAnswers
      Object.assign(told.answers, answers)
      Object.assign(told.refused, refused)
    }
    return told
  }

  /**
   * Make a token, never for more than we may ourselves.
   *
   * @throws {TaskRealmError} `invalid_arguments` (see `fields`), `not_authorized`
   */
  async mint(options: MintOptions = {}): Promise<MintedToken> {
    return (await this.call(uris.mint, [], {...options})) as MintedToken
  }

  /**
   * How the latest jobs ended and how long they ran, by task, or of one *task*, one by one.
   *
   * They are mine, for operators everybody's.
   *
   * @param limit jobs of each task to look at: up to 100, of one task up to 500
   * @throws {TaskRealmError} `unknown_task`
   */
  async outcomes(task: string | null = null, limit = 100): Promise<TaskOutcomes[]> {
    return (await this.call(uris.outcomes, [task], {limit})) as TaskOutcomes[]
  }

  /** My own sessions; of a limited token, this one alone. */
  async sessions(): Promise<OwnSession[]> {
    return await this.#pages<OwnSession>(uris.sessions, "sessions")
  }

  /**
   * End one of my sessions, by its number.
   *
   * @throws {TaskRealmError} `invalid_arguments`, `not_authorized` with a limited token
   */
  async endSession(session: number): Promise<void> {
    await this.call(uris.endSession, [session])
  }

  /** My own tokens that are valid, never the tokens themselves. */
  async tokens(): Promise<OwnToken[]> {
    return await this.#pages<OwnToken>(uris.tokens, "tokens")
  }

  /**
   * Make one of my tokens invalid, by its id; the sessions that joined by it end.
   *
   * @throws {TaskRealmError} `invalid_arguments`, `not_authorized` with a limited token
   */
  async revoke(token: string): Promise<void> {
    await this.call(uris.revoke, [token])
  }

  /** Exchange the one-time *code* that this client has joined with for a token. */
  async redeem(code: string): Promise<{token: string; expires_at: string}> {
    return (await this.call(uris.token, [code])) as {token: string; expires_at: string}
  }

  /** All of what comes by pages under *name*. */
  async #pages<T>(uri: string, name: string): Promise<T[]> {
    const found: T[] = []
    for (let after: unknown; ; ) {
      const page = (await this.call(uri, [], after === undefined ? {} : {after})) as {
        [name: string]: unknown
      }
      found.push(...(page[name] as T[]))
      if (page.next === null) return found
      after = page.next
    }
  }
}
