/** Whether a job that has just come, or changed, belongs into a list. */

import type {JobRecord, JobState, JobsFilter} from "@taskrealm/client"

/** Whether *job* fits *filter*, as far as that can be told here: not what it mentions. */
export function fits(job: JobRecord, filter: JobsFilter): boolean {
  const {state, task, owner, tag, since, until, parent = null, children = false} = filter
  if (state !== undefined && !list(state).includes(job.state)) return false
  if (task !== undefined && !list(task).some(each => isLike(job.task, each))) return false
  if (owner != null && job.owner !== owner) return false
  if (tag !== undefined && !job.tags.includes(tag)) return false
  const submitted = Date.parse(job.submitted_at)
  if (since !== undefined && submitted < millisecondsOf(since)) return false
  if (until !== undefined && submitted >= millisecondsOf(until)) return false
  // Children of a batch are listed with it, unless asked for.
  return parent === null ? children || job.parent === null : job.parent === parent
}

/** Whether *name* is like *pattern*, in which `*` stands for any text. */
export function isLike(name: string, pattern: string): boolean {
  const parts = pattern.split("*")
  if (parts.length === 1) return name === pattern
  const first = parts[0] ?? ""
  const last = parts.at(-1) ?? ""
  if (!name.startsWith(first) || name.length < first.length + last.length) return false
  let at = first.length
  for (const part of parts.slice(1, -1)) {
    const found = name.indexOf(part, at)
    if (found === -1) return false
    at = found + part.length
  }
  return name.length - last.length >= at && name.endsWith(last)
}

/** The state that an event of this type leads to; null if it leads to none of its own. */
export function stateAfter(type: string): JobState | null {
  if (type === "started") return "running"
  if (type === "retrying") return "delayed"
  return STATES.has(type) ? (type as JobState) : null
}

const STATES = new Set<string>([
  "delayed",
  "queued",
  "stopping",
  "succeeded",
  "failed",
  "cancelled",
  "timed_out",
  "expired",
  "lost",
])

function list<T>(value: T | T[]): T[] {
  return Array.isArray(value) ? value : [value]
}

function millisecondsOf(moment: string | number): number {
  return typeof moment === "number" ? moment * 1000 : Date.parse(moment)
}
