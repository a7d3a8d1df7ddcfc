/** Jobs as the node describes them, and lists of them. */

import type {OutputStream} from "./output"

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

/** How a job may end. */
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

/** How far a running job has come. */
export interface Progress {
  /** From 0 to 1, or null when nobody knows. */
  fraction: number | null
  message: string | null
  /** Seconds that remain, as far as anybody can tell. */
  eta: number | null
}

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

/** What became of the wish to stop a job. */
export type CancelAnswer = "removed_from_queue" | "stopping" | `already_${JobState}`

/** What became of the wish to stop many jobs; both by job id. */
export interface CancelAnswers {
  answers: Record<string, CancelAnswer>
  /** Those that {@link Job.cancel} would have thrown for: the URI of the error, and a sentence. */
  refused: Record<string, {error: string; message: string}>
}

/** Which jobs to list. */
export interface JobsFilter {
  state?: JobState | JobState[]
  /** A name or several; in each, `*` stands for any text. */
  task?: string | string[]
  /** Operators only; null for everybody's. */
  owner?: string | null
  /** The `next` of the page before. */
  before?: string
  /** Jobs on a page at most: 50 unless given, up to 200. */
  limit?: number
  /** Only the children of this batch. */
  parent?: string
  /** Whether the children of batches are listed too; without `parent` they are left out. */
  children?: boolean
  tag?: string
  /** Submitted then or later; ISO 8601 with its offset from UTC, or seconds since 1970. */
  since?: string | number
  /** Submitted before. */
  until?: string | number
  /**
   * Only those that mention it, whatever its case: in arguments, tags, data, outcome, or in the
   * first or the last mebibyte of each stream of output that we may read.
   */
  text?: string
  /** Whether to count jobs by state; goes without `tag` and `text`. */
  counts?: boolean
}

/** A job as lists have it. */
export interface ListedJob extends JobRecord {
  /** Why it waits, if it does. */
  waiting?: Waiting
  /** Its place among those that wait for a slot, from 1; null while it waits for its time. */
  position?: number | null
}

/** Some of the jobs; few, or even none, as long as there is a `next`. */
export interface JobsPage {
  /** Newest first. */
  jobs: ListedJob[]
  /** For the next page; null when this was the last. */
  next: string | null
  /** With `text`: when the last job was submitted that was looked at; null if none was. */
  searched?: string | null
  /** If asked for: how many jobs there are by state, whatever `state` says, up to 1000 each. */
  counts?: Partial<Record<JobState, number>>
}
