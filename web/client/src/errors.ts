/**
 * What can go wrong, each with a stable `code`.
 *
 *     TaskRealmError              code: the last part of the error's URI (`unknown_task`, `draining`, …),
 *     │                           or `timeout`, `closed`, `incomplete`, `internal`
 *     ├── InvalidArguments        fields: what each refused field must be
 *     ├── NotAuthorized
 *     ├── InvalidToken
 *     ├── QueueFull               limit
 *     ├── DuplicateJob            jobId: the job that was submitted with this key
 *     ├── RateLimited             retryAfter: seconds
 *     ├── TooLarge                limit: bytes
 *     ├── UnknownJob
 *     ├── Unavailable             nobody is there to answer just now
 *     ├── Disconnected            the connection was lost, or there is none
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

/** Arguments or options were refused; {@link fields} says what each must be. */
export class InvalidArguments extends TaskRealmError {
  override name = "InvalidArguments"
}

/** You may not do this. */
export class NotAuthorized extends TaskRealmError {
  override name = "NotAuthorized"
}

/** The token is wrong, expired, revoked or used up. */
export class InvalidToken extends TaskRealmError {
  override name = "InvalidToken"
}

/** As many jobs wait as may wait. */
export class QueueFull extends TaskRealmError {
  override name = "QueueFull"

  /** How many that are. */
  get limit(): number {
    return Number(this.data.limit)
  }
}

/** Another request was made with this key. */
export class DuplicateJob extends TaskRealmError {
  override name = "DuplicateJob"

  /** The id of the job that it has made. */
  get jobId(): string {
    return String(this.data.job_id)
  }
}

/** Those were too many requests. */
export class RateLimited extends TaskRealmError {
  override name = "RateLimited"

  /** Seconds after which it is worth while to ask again. */
  get retryAfter(): number {
    return Number(this.data.retry_after ?? 0)
  }
}

/** A value exceeds its limit. */
export class TooLarge extends TaskRealmError {
  override name = "TooLarge"

  /** The limit in bytes. */
  get limit(): number {
    return Number(this.data.limit)
  }
}

/** There is no such job, or none that you may see. */
export class UnknownJob extends TaskRealmError {
  override name = "UnknownJob"
}

/** Nobody is there to answer just now; the same request may succeed later. */
export class Unavailable extends TaskRealmError {
  override name = "Unavailable"
}

/** There is no connection, or it was lost before the answer came. */
export class Disconnected extends TaskRealmError {
  override name = "Disconnected"
}

const CLASSES: Readonly<Record<string, typeof TaskRealmError>> = {
  invalid_arguments: InvalidArguments,
  not_authorized: NotAuthorized,
  invalid_token: InvalidToken,
  queue_full: QueueFull,
  duplicate_job: DuplicateJob,
  rate_limited: RateLimited,
  too_large: TooLarge,
  unknown_job: UnknownJob,
  unavailable: Unavailable,
  disconnected: Disconnected,
}

/** The error of this *code*, as the class that it has. */
export function fromCode(
  code: string,
  message: string,
  data: Readonly<Record<string, unknown>> = {},
): TaskRealmError {
  const Class = Object.hasOwn(CLASSES, code) ? CLASSES[code] : undefined
  return new (Class ?? TaskRealmError)(code, message, data)
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
    return fromCode(uri.slice(ERROR_PREFIX.length), sentence, kwargs)
  }
  switch (uri) {
    case "wamp.error.no_such_procedure":
      return fromCode("unavailable", "The executor is away just now; try again later")
    case "wamp.error.canceled":
      return fromCode("unavailable", "The executor went away before it answered")
    case "wamp.error.not_authorized":
      return fromCode("not_authorized", "You may not do this")
    case "wamp.error.authorization_failed":
      return fromCode("unavailable", "The router cannot check rights just now")
    default:
      return fromCode("internal", sentence, {...kwargs, uri})
  }
}

/** Whether *error* is one of ours with this *code*. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof TaskRealmError && error.code === code
}

/** Whether the same request may succeed later. */
export function isTransient(error: unknown): boolean {
  return error instanceof TaskRealmError && TRANSIENT.has(error.code)
}

export function disconnected(): TaskRealmError {
  return fromCode(
    "disconnected",
    "The connection was lost before the answer came; the request may have been carried out",
  )
}

export function incomplete(): TaskRealmError {
  return fromCode(
    "incomplete",
    "The node's journal does not have all events of this job any more; its details tell how it is",
  )
}
