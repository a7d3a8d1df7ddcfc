/** Tasks: what they take, and how their jobs ended. */

import type {Intake, TerminalState, Waiting} from "./jobs"

/** A task that the caller may see. */
export interface Task {
  name: string
  title: string
  help: string
  /** JSON Schema (2020-12) of the arguments, properties in declared order. */
  parameters: Record<string, unknown>
  timeout: number | null
  retries: number
  roles: string[]
  /** What the caller may do with it; left out by nodes that do not say. */
  rights?: Right[]
  /** How long the caller's jobs of it ran lately; null if nobody knows yet. */
  usual?: Durations | null
  /** How the last of them ended. */
  last?: Outcome | null
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

/** What a caller may do with a task, and with jobs of its own of it. */
export type Right = "see" | "run" | "output" | "cancel"

/** How long jobs ran that succeeded, in seconds: a tenth of them shorter than `p10`. */
export interface Durations {
  /** How many jobs these are. */
  n: number
  p10: number
  p50: number
  p90: number
  longest: number
}

/** How a job ended. */
export interface Outcome {
  job_id: string
  state: TerminalState
  /** ISO 8601. */
  ended_at: string
  /** Seconds that it ran; null if it never did. */
  duration: number | null
}

/** How the latest jobs of a task ended: one's own, for operators everybody's. */
export interface TaskOutcomes {
  task: string
  jobs: number
  states: Partial<Record<TerminalState, number>>
  durations: Durations | null
  last: Outcome | null
  /** Newest first; only if one task was asked about. */
  latest?: Outcome[]
}

/** One value that a parameter may have. */
export interface Choice {
  value: unknown
  title: string
}

/** What may be chosen for a parameter. */
export interface Choices {
  choices: Choice[]
  /** Whether there are others, which may be given as well. */
  more: boolean
}

/** What running a task with these arguments would do. */
export interface Check {
  /** The command line, secrets masked; absent if the task runs no program. */
  argv?: string[]
  /** Seconds that the job may run. */
  timeout: number | null
  /** Place in the queue that it would get; 0 means that it would start at once. */
  position: number
  /** Why it would wait, or null if it would start at once. */
  waiting: Waiting | null
  intake: Intake
}
