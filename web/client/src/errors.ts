/**
 * What can go wrong, each with a stable `code`.
 *
 *     TaskRealmError              code: the last part of the error's URI (`queue_full`, `unknown_job`, …),
 *     │                           or `disconnected`, `unavailable`, `timeout`, `closed`, `incomplete`
 *     └── JobError                a job ended without success; code: the state it ended in
 *         ├── JobFailed
 *         ├── JobCancelled
 *         ├── JobTimedOut
 *         ├── JobExpired
 *         └── JobLost
 */

import type {EventData, JobEvent, TerminalState} from "./protocol"

const ERROR_PREFIX = "taskrealm.error."

const TRANSIENT: ReadonlySet<string> = new Set([
  "disconnected",
  "unavailable",
  "timeout",
  "rate_limited",
  "internal",
])

/** Something was refused or went wrong; `message` is a sentence for people. */
export class TaskRealmError extends Error {
  override name = "TaskRealmError"

  constructor(
    /** Stable, for programs: `queue_full`, `invalid_arguments`, `disconnected`, … */
    readonly code: string,
    message: string,
    /** What the server tells besides the sentence, such as `limit` or `retry_after`. */
    readonly data: Readonly<Record<string, unknown>> = {},
  ) {
    super(message)
  }

  /** For `invalid_arguments`: what each refused field must be. Empty for other errors. */
  get fields(): Readonly<Record<string, string>> {
    return (this.data.fields ?? {}) as Record<string, string>
  }
}

/** A job ended in another state than `succeeded`; `event` is its last event. */
export class JobError<S extends TerminalState = TerminalState> extends TaskRealmError {
  override name = "JobError"

  constructor(
    readonly event: JobEvent<S>,
    message: string,
  ) {
    super(event.type, message, {...event})
  }

  get jobId(): string {
    return this.event.job_id
  }
}

/** The job's program failed; `event` has `exit_code`, `signal` and `stderr_tail`. */
export class JobFailed extends JobError<"failed"> {
  override name = "JobFailed"
}

/** Somebody cancelled the job; `event` says who (`by`) and why (`reason`). */
export class JobCancelled extends JobError<"cancelled"> {
  override name = "JobCancelled"
}

/** The job ran longer than it may. */
export class JobTimedOut extends JobError<"timed_out"> {
  override name = "JobTimedOut"
}

/** The job waited longer than it may. */
export class JobExpired extends JobError<"expired"> {
  override name = "JobExpired"
}

/** The executor went away while the job ran. */
export class JobLost extends JobError<"lost"> {
  override name = "JobLost"
}

/** The error for a job whose last event is *event*. */
export function jobError(event: JobEvent<Exclude<TerminalState, "succeeded">>): JobError {
  switch (event.type) {
    case "failed":
      return new JobFailed(event, event.error)
    case "cancelled":
      return new JobCancelled(event, `Cancelled by ${event.by}${because(event)}`)
    case "timed_out":
      return new JobTimedOut(event, `Stopped after its limit of ${event.timeout} s`)
    case "expired":
      return new JobExpired(event, `Waited too long in the queue: ${event.reason}`)
    case "lost":
      return new JobLost(event, event.reason)
  }
}

function because({reason}: EventData["cancelled"]): string {
  return reason ? `: ${reason}` : ""
}

/** The error that arrived as a WAMP error *uri* with *args* and *kwargs*. */
export function fromWire(
  uri: string,
  args: readonly unknown[],
  kwargs: Record<string, unknown>,
): TaskRealmError {
  const sentence = typeof args[0] === "string" ? args[0] : uri
  if (uri.startsWith(ERROR_PREFIX)) {
    return new TaskRealmError(uri.slice(ERROR_PREFIX.length), sentence, kwargs)
  }
  switch (uri) {
    case "wamp.error.no_such_procedure":
      return new TaskRealmError("unavailable", "The executor is away just now; try again later")
    case "wamp.error.canceled":
      return new TaskRealmError("unavailable", "The executor went away before it answered")
    case "wamp.error.not_authorized":
      return new TaskRealmError("not_authorized", "You may not do this")
    case "wamp.error.authorization_failed":
      return new TaskRealmError("unavailable", "The router cannot check rights just now")
    default:
      return new TaskRealmError("internal", sentence, {...kwargs, uri})
  }
}

/** Whether the same request may succeed later. */
export function isTransient(error: unknown): boolean {
  return error instanceof TaskRealmError && TRANSIENT.has(error.code)
}

export function disconnected(): TaskRealmError {
  return new TaskRealmError(
    "disconnected",
    "The connection was lost before the answer came; the request may have been carried out",
  )
}

export function incomplete(): TaskRealmError {
  return new TaskRealmError(
    "incomplete",
    "The node's journal does not have all events of this job any more; its details tell how it is",
  )
}
