/** The queue as people see it: slots with what is in them, and lines in order. */

import type {JobRecord, ListedJob, Task} from "@taskrealm/client"

/** The slots of the node, or of a group of tasks. */
export interface Lane {
  /** The name of the group; null for the node. */
  group: string | null
  size: number
  used: number
  /** Each slot: the job in it, `"other"` for one that is not known here, or null if it is free. */
  slots: (JobRecord | "other" | null)[]
}

/** How many slots there are. */
export interface Sizes {
  slots: number
  used: number
  groups: Record<string, number>
}

/** Slots of one lane that are drawn; of more only the number is told. */
export const DRAWN = 64

/** The lanes of a node, with the *running* jobs in the slots that their *tasks* take. */
export function lanesOf(
  sizes: Sizes,
  running: readonly JobRecord[],
  tasks: readonly Task[],
): Lane[] {
  const known = new Map(tasks.map(task => [task.name, task]))
  const taken = (jobs: readonly JobRecord[]) =>
    jobs.flatMap(job => Array<JobRecord>(known.get(job.task)?.slots ?? 1).fill(job))
  // A batch takes no slot while its children run: what is in use is for the node to say.
  const lane = (group: string | null, size: number, used: number, jobs: readonly JobRecord[]) => {
    const inside = taken(jobs).slice(0, Math.max(used, 0))
    const others = Array<"other">(Math.max(0, used - inside.length)).fill("other")
    const free = Array<null>(Math.max(0, size - inside.length - others.length)).fill(null)
    return {group, size, used, slots: [...inside, ...others, ...free].slice(0, DRAWN)}
  }
  const oldest = [...running].sort((a, b) => (a.started_at ?? "").localeCompare(b.started_at ?? ""))
  return [
    lane(null, sizes.slots, sizes.used, oldest),
    ...Object.entries(sizes.groups)
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([group, size]) => {
        const jobs = oldest.filter(job => known.get(job.task)?.group === group)
        return lane(group, size, taken(jobs).length, jobs)
      }),
  ]
}

/** Jobs that wait: those for a slot in their order, and those for their time, the next one first. */
export function linesOf(jobs: readonly ListedJob[]): {line: ListedJob[]; later: ListedJob[]} {
  const line = jobs.filter(job => job.state === "queued")
  const later = jobs.filter(job => job.state === "delayed")
  return {
    line: line.sort((a, b) => (a.position ?? Infinity) - (b.position ?? Infinity) || older(a, b)),
    later: later.sort((a, b) => dueOf(a) - dueOf(b) || older(a, b)),
  }
}

/** When the time of a job comes, in milliseconds; infinite where it waits for something else. */
function dueOf({retry_at, not_before}: JobRecord): number {
  const due = retry_at ?? not_before
  return due === null ? Infinity : Date.parse(due)
}

function older(a: JobRecord, b: JobRecord): number {
  return a.job_id < b.job_id ? -1 : 1
}
