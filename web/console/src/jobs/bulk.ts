/** What is done to many jobs at once. */

import type {Client, JobDetails, JobRecord, JobsFilter, Task} from "@taskrealm/client"

/** Calls that are under way at the same time. */
const AT_ONCE = 6

/** Jobs in one page of an export. */
const PAGE = 200

/** Jobs that are exported at most. */
export const EXPORTED = 10_000

/** What became of many jobs. */
export interface Outcome {
  done: number
  /** Those for which there was nothing left to do. */
  idle: number
  failures: {job_id: string; reason: string}[]
}

/** Cancel the jobs with these *ids*. */
export async function cancelAll(
  client: Client,
  ids: readonly string[],
  reason: string,
): Promise<Outcome> {
  const {answers, refused} = await client.cancelMany(ids, reason === "" ? {} : {reason})
  const all = Object.values(answers)
  const idle = all.filter(answer => answer.startsWith("already_")).length
  const failures = Object.entries(refused).map(([job_id, {message}]) => ({
    job_id,
    reason: message,
  }))
  return {done: all.length - idle, idle, failures}
}

/**
 * Run the jobs with these *ids* again, with the same arguments.
 *
 * *secret* is why one is left out whose task, among *tasks*, has a secret that nobody kept.
 */
export function runAgain(
  client: Client,
  ids: readonly string[],
  tasks: readonly Task[],
  secret: string,
): Promise<Outcome> {
  // What was submitted first runs first.
  return all([...ids].sort(), async id => {
    const job = (await client.call("taskrealm.job", [id])) as JobDetails
    const task = tasks.find(({name}) => name === job.task)
    if (task && hasSecret(task)) throw new Error(secret)
    const options = {tags: job.tags, priority: job.priority - job.granted}
    await client.call("taskrealm.exec", [job.task, [], job.arguments], options)
  })
}

/** Whether one of the parameters of *task* is a secret, which its jobs do not keep. */
export function hasSecret({parameters}: Task): boolean {
  return /"(format":"password|writeOnly":true)/.test(JSON.stringify(parameters))
}

/** All jobs that *filter* finds, up to {@link EXPORTED}, and whether there are more. */
export async function collect(
  client: Client,
  filter: JobsFilter,
  onCount: (count: number) => void,
  most = EXPORTED,
): Promise<{jobs: JobRecord[]; hasMore: boolean}> {
  const found: JobRecord[] = []
  let before: string | null = null
  do {
    const page = await client.jobs({...filter, limit: PAGE, ...(before !== null && {before})})
    found.push(...page.jobs)
    before = page.next
    onCount(Math.min(found.length, most))
  } while (before !== null && found.length < most)
  return {jobs: found.slice(0, most), hasMore: before !== null || found.length > most}
}

async function all(ids: readonly string[], act: (id: string) => Promise<void>): Promise<Outcome> {
  const outcome: Outcome = {done: 0, idle: 0, failures: []}
  const rest = [...ids]
  const work = async () => {
    for (let id = rest.shift(); id !== undefined; id = rest.shift()) {
      try {
        await act(id)
        outcome.done += 1
      } catch (error) {
        outcome.failures.push({job_id: id, reason: (error as Error).message})
      }
    }
  }
  await Promise.all(Array.from({length: Math.min(AT_ONCE, ids.length)}, work))
  return outcome
}
