/** What happens to jobs, and what is known of a job after it. */

import {isTerminal, type JobRecord, type Progress, type Question} from "./jobs"

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

/** How much what a program tells matters. */
export type MessageLevel = "debug" | "info" | "warning" | "error"

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

/** What may happen to a job. */
export type EventType = keyof EventData

/** One thing that happened to a job; `type` tells which other fields it has. */
export type JobEvent<T extends EventType = EventType> = {
  [K in T]: EventHead & {type: K} & EventData[K]
}[T]

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
