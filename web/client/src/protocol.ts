/** The words on the wire: URIs, jobs, their states and their events. */

export const uris = {
  tasks: "taskrealm.tasks",
  check: "taskrealm.check",
  exec: "taskrealm.exec",
  cancel: "taskrealm.cancel",
  answer: "taskrealm.answer",
  job: "taskrealm.job",
  jobs: "taskrealm.jobs",
  events: "taskrealm.events",
  output: "taskrealm.output",
  token: "taskrealm.token",
  uploadBegin: "taskrealm.upload.begin",
  uploadAppend: "taskrealm.upload.append",
  uploadStatus: "taskrealm.upload.status",
  uploadFinish: "taskrealm.upload.finish",
  uploadRemove: "taskrealm.upload.remove",
  artifacts: "taskrealm.artifacts",
  artifact: "taskrealm.artifact",
  catalog: "taskrealm.catalog",
} as const

/** The topic that carries the events of every job of the user *uid*. */
export function jobsTopic(uid: string): string {
  return `taskrealm.user.${uid}.jobs`
}

/** The topic that carries the output of one job while somebody watches. */
export function outputTopic(uid: string, jobId: string): string {
  return `taskrealm.user.${uid}.output.${jobId}`
}

/** The topic that carries the places in the queue of the jobs of the user *uid*. */
export function queueTopic(uid: string): string {
  return `taskrealm.user.${uid}.queue`
}

/** The part of a URI that stands for *authid*: `"u"` and the unpadded base32 of its UTF-8 bytes. */
export function uidOf(authid: string): string {
  const digits = "abcdefghijklmnopqrstuvwxyz234567"
  let uid = "u"
  let bits = 0
  let value = 0
  for (const byte of new TextEncoder().encode(authid)) {
    value = ((value << 8) | byte) & 0xfff
    bits += 8
    while (bits >= 5) {
      bits -= 5
      uid += digits[(value >> bits) & 31]
    }
  }
  return bits === 0 ? uid : uid + digits[(value << (5 - bits)) & 31]
}

/** Where a job is in its life; the terminal states are final. */
export type JobState =
  | "delayed"
  | "queued"
  | "running"
  | "stopping"
  | "succeeded"
  | "failed"
  | "cancelled"
  | "timed_out"
  | "expired"
  | "lost"

export type TerminalState = "succeeded" | "failed" | "cancelled" | "timed_out" | "expired" | "lost"

const TERMINAL: ReadonlySet<string> = new Set<TerminalState>([
  "succeeded",
  "failed",
  "cancelled",
  "timed_out",
  "expired",
  "lost",
])

/** Whether *word*, a state or an event type, is one that ends a job. */
export function isTerminal(word: string): word is TerminalState {
  return TERMINAL.has(word)
}

/**
 * Whether the node takes jobs and starts them: `open` does both, `paused` starts none,
 * `draining` does neither.
 */
export type Intake = "open" | "paused" | "draining"

/** Who receives the events of a job as they happen. */
export type Delivery = "user" | "session" | "none"

/** What every event says, whatever its type. */
export interface EventHead {
  owner: string
  /** Changes when the user's stream starts anew; null for a job outside the stream. */
  epoch: string | null
  /** Counts without holes within the user's stream, from 1; null for a job outside the stream. */
  seq: number | null
  job_id: string
  /** Counts without holes within the job, from 1. */
  job_seq: number
  /** The batch whose child the job is, if it is one. */
  parent?: string
  task: string
  /** When it happened, ISO 8601. */
  at: string
  attempt: number
}

/** How far a running job has come. */
export interface Progress {
  /** From 0 to 1, or null when nobody knows. */
  fraction: number | null
  message: string | null
  /** Seconds that remain, as far as anybody can tell. */
  eta: number | null
}

/** How much what a program tells matters. */
export type MessageLevel = "debug" | "info" | "warning" | "error"

/** What a running job asks its owner; {@link Job.answer} answers. */
export interface Question {
  /** Its id within the job. */
  question: string
  text: string
  /** JSON Schema (2020-12) of the answer. */
  schema: Record<string, unknown>
  /** The answer that counts when nobody gives one in time; absent if there is none. */
  default?: unknown
  /** Until when somebody may answer, ISO 8601; null: until the job ends. */
  expires_at: string | null
}

/** Durations are in seconds. */
export interface EventData {
  delayed: {
    delay?: number | null
    not_before?: string | null
    /** The jobs that have to succeed before. */
    after?: string[]
    /** Of a child of a batch: its place among all of them, from 1, and their number. */
    number?: number
    of?: number
  }
  queued: {position: number}
  started: Record<never, never>
  progress: Progress
  message: {level: MessageLevel; text: string; data: unknown}
  artifact: {
    name: string
    media_type: string
    size: number
    title: string | null
    sha256: string
    expires_at: string | null
  }
  question: Question
  /** `by` is null when nobody answered in time; `refused` says so if there is no default either. */
  answered: {question: string; answer: unknown; by: string | null; refused: "timeout" | null}
  /** All tags and all data of the job, after the program has added some. */
  updated: {tags: string[]; data: Record<string, unknown>}
  stopping: {by: string; reason: string | null; grace: number}
  /**
   * `attempt` is the one that came to nothing; the next begins after `delay`. `failure` is the
   * name by which its task has named it: `lost`, an exit code, …
   */
  retrying: {failure?: string | number; reason: string; delay: number; retries_left: number}
  /** `artifact` is the name of the result where it is too big for an event; then `result` is null. */
  succeeded: {result: unknown; duration: number; artifact?: string}
  failed: {
    error: string
    exit_code: number | null
    signal: string | number | null
    stderr_tail: string | null
    duration: number
    /** The name of the Python exception that the function of the task raised. */
    exception?: string
  }
  cancelled: {by: string; reason: string | null; duration: number | null}
  timed_out: {timeout: number; duration: number; stderr_tail: string | null}
  expired: {expires: number; reason: string}
  lost: {reason: string}
}

export type EventType = keyof EventData

/** One thing that happened to a job; `type` tells which other fields it has. */
export type JobEvent<T extends EventType = EventType> = {
  [K in T]: EventHead & {type: K} & EventData[K]
}[T]

/** A job as the server describes it. Times are ISO 8601, durations seconds. */
export interface JobRecord {
  job_id: string
  task: string
  owner: string
  submitted_by: string
  arguments: Record<string, unknown>
  submitted_at: string
  state: JobState
  /** What its submitter asked for and what the node `granted` in addition. */
  priority: number
  granted: number
  attempt: number
  timeout: number | null
  tags: string[]
  deliver: Delivery
  /** How often the job may run again after a failure that its task names. */
  retries: number
  /** The caller's own name for the request. */
  key: string | null
  /** Seconds that the job was asked to wait. */
  delay: number | null
  /** Before when the job was asked not to start. */
  not_before: string | null
  /** The batch whose child the job is. */
  parent: string | null
  /** The jobs that have to succeed before this one starts. */
  after: string[]
  /** When the next attempt is due, as long as the job waits for that. */
  retry_at: string | null
  /** Seconds that the job may wait for a slot before its first attempt. */
  expires: number | null
  /** When that is over, as long as the job waits for a slot. */
  expires_at: string | null
  /** The name of the schedule that made the job. */
  schedule: string | null
  started_at: string | null
  ended_at: string | null
  progress: Progress | null
  /** What its program asks just now. */
  questions: Question[]
  /** What its program has noted for others to read. */
  data: Record<string, unknown>
  /** Who asked to stop the job, and why. */
  cancel: {by: string; reason: string | null} | null
  result?: unknown
  /** The name of a result that is too big for `result`; {@link Job.result} fetches it. */
  artifact?: string
  error?: string
  exit_code?: number | null
  signal?: string | number | null
  stderr_tail?: string | null
  duration?: number | null
  by?: string
  reason?: string | null
}

/** One run of a job; `end` is how it ended, or the failure after which the job runs again. */
export interface Attempt {
  attempt: number
  started_at: string
  ended_at: string | null
  end: string | number | null
  reason: string | null
}

/** What a job waits for. */
export interface Waiting {
  /** Stable: `time`, `retry`, `paused`, `task`, `user`, `slots`, `turn` and so on. */
  code: string
  /** A sentence for people. */
  text: string
  /** Of whatever it is, so much is taken, of so much that there is, and the job needs this. */
  used?: number
  limit?: number
  needed?: number
}

/** One job with what only the scheduler and the journal know. */
export interface JobDetails extends JobRecord {
  attempts: Attempt[]
  /** 1-based place in the queue, or null when the job does not wait. */
  position: number | null
  /** Why the job waits, or null when it does not. */
  waiting: Waiting | null
  intake: Intake
  /** Bytes printed on each stream. */
  output: Record<OutputStream, number>
}

/** A task that the caller may run. */
export interface Task {
  name: string
  title: string
  help: string
  /** JSON Schema (2020-12) of the arguments, properties in declared order. */
  parameters: Record<string, unknown>
  timeout: number | null
  retries: number
  roles: string[]
  /** Of a task whose jobs make other jobs, its children: how many at once, and what a failure does. */
  batch?: {parallel: number | null; on_failure: "stop" | "continue"}
  /** How many of the node's slots a job takes. */
  slots: number
  /** The group of tasks that share some of the slots. */
  group: string | null
  /** How many jobs may run at once, of all users and of each. */
  most_running: number | null
  most_running_per_user: number | null
  /** How many jobs one user may ask for within so many seconds. */
  rate: {count: number; seconds: number} | null
}

export type OutputStream = "stdout" | "stderr"

/** What can be read by offset; `result` is the JSON of a result too big for an event. */
export type OutputSource = OutputStream | "result"

/** A piece of what a job printed, addressed by byte offset. */
export interface OutputChunk<Source extends OutputSource = OutputStream> {
  stream: Source
  offset: number
  /** The offset behind this piece. */
  next: number
  text: string
  /** Bytes before this piece that are not delivered, because the server did not keep them. */
  skipped?: number
}

/** The answer of `taskrealm.output`. */
export interface OutputPage<Source extends OutputSource = OutputStream> {
  stream: Source
  offset: number
  next: number
  text: string
  /** Bytes printed so far. */
  size: number
  /** Bytes between the offset that was asked for and this one, which are not kept. */
  skipped: number
  end: boolean
}

/** The answer of `taskrealm.events` for a user's stream. */
export interface StreamPage {
  recovered: boolean
  epoch: string
  seq: number
  events: JobEvent[]
  more: boolean
  /** Only when not recovered: the jobs that have not ended, newest first. */
  jobs?: JobRecord[]
  /** Only when not recovered: the `before` that lists the jobs that did not fit; null if none. */
  next?: string | null
}

/** The answer of `taskrealm.events` for one job. */
export interface JobPage {
  events: JobEvent[]
  more: boolean
  /** Whether the job has ended, so that its terminal event is the last there is. */
  ended: boolean
}

export type CancelAnswer = "removed_from_queue" | "stopping" | `already_${JobState}`

/** *record* after *event* has happened to it. */
export function advance(record: JobRecord, event: JobEvent): JobRecord {
  const {type, at, attempt} = event
  if (isTerminal(type)) {
    return {...record, ...dataOf(event), state: type, ended_at: at, attempt, questions: []}
  }
  switch (type) {
    case "delayed": {
      const {delay = null, not_before = null, after = []} = event
      return {...record, state: "delayed", delay, not_before, after}
    }
    case "queued":
      return {...record, state: "queued", attempt, retry_at: null}
    case "retrying": {
      const retry_at = new Date(Date.parse(at) + event.delay * 1000).toISOString()
      const begun = {progress: null, questions: [], cancel: null, started_at: null}
      return {...record, ...begun, state: "delayed", attempt, retry_at}
    }
    case "started":
      return {...record, state: "running", attempt, started_at: at, expires_at: null}
    case "progress": {
      const {fraction, message, eta} = event
      return {...record, progress: {fraction, message, eta}}
    }
    case "question": {
      const {question, text, schema, expires_at} = event
      const preset = "default" in event ? {default: event.default} : {}
      const asked = {question, text, schema, ...preset, expires_at}
      return {...record, questions: [...record.questions, asked]}
    }
    case "answered": {
      const questions = record.questions.filter(({question}) => question !== event.question)
      return {...record, questions}
    }
    case "updated":
      return {...record, tags: event.tags, data: event.data}
    case "stopping": {
      const {by, reason} = event
      return {...record, state: "stopping", cancel: {by, reason}, questions: []}
    }
    default:
      return record
  }
}

/** What *event* says besides its head. */
function dataOf(event: JobEvent): Record<string, unknown> {
  const {owner, epoch, seq, job_id, job_seq, parent, task, type, at, attempt, ...data} = event
  return data
}

/** What is known of a job from its *first* event. */
export function recordOf(first: JobEvent): JobRecord {
  const {job_id, task, owner, attempt, at, parent = null} = first
  const record: JobRecord = {
    job_id,
    task,
    owner,
    attempt,
    submitted_by: owner,
    submitted_at: at,
    arguments: {},
    state: "queued",
    priority: 0,
    granted: 0,
    timeout: null,
    tags: [],
    deliver: "user",
    retries: 0,
    key: null,
    delay: null,
    not_before: null,
    parent,
    after: [],
    retry_at: null,
    expires: null,
    expires_at: null,
    schedule: null,
    started_at: null,
    ended_at: null,
    progress: null,
    questions: [],
    data: {},
    cancel: null,
  }
  return advance(record, first)
}
