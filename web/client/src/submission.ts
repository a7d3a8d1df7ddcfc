/** What is submitted: tasks, their arguments, and what is wanted of their jobs. */

import type {Delivery} from "./protocol"

/** What is wanted of a job, and of the request for it. */
export interface ExecOptions {
  /**
   * Withdraws the request when it is aborted: it is not sent any more, and if the node has
   * taken it meanwhile, the job is cancelled. `exec` rejects with the reason.
   */
  signal?: AbortSignal | undefined
  /** Told which fraction of the files among the arguments has been sent. */
  onUpload?: (fraction: number) => void
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
   * itself when the answer is lost. Without connection one is made for you.
   */
  key?: string
  /** How often it may run again after a crash; may only lower the task's own number. */
  retries?: number
  /** Seconds to wait in the queue, after which it does not start any more. */
  expires?: number
  tags?: string[]
  /** Who receives the events: every session of the `user`, this `session` only, or `none`. */
  deliver?: Delivery
  /** For backends: the user whose job it will be, with that user's rights. */
  on_behalf_of?: string
  /** The teams of that user. */
  teams?: string[]
}

/** Keyword arguments by name, or positional ones in order. */
export type Arguments = Readonly<Record<string, unknown>> | readonly unknown[]

/** One request of {@link Client.execMany}; `after` may name the job of an earlier one: `"#0"`, … */
export interface ExecRequest extends Omit<ExecOptions, "signal" | "onUpload"> {
  task: string
  args?: Arguments
}

/** A submission as `taskrealm.exec` and `taskrealm.check` take it: in order, and by name. */
export function onWire(
  task: string,
  args: Arguments,
  options: ExecOptions,
): [unknown[], Record<string, unknown>] {
  const isPositional = Array.isArray(args)
  return [[task, isPositional ? args : [], isPositional ? {} : args], {...options}]
}
