/** What of one's own goes on just now, and what has ended lately. */

import {
  advance,
  type Client,
  isTerminal,
  type JobEvent,
  type JobRecord,
  recordOf,
} from "@taskrealm/client"

/** How many jobs go on. */
export interface Count {
  running: number
  waiting: number
}

/** Jobs of the past that are asked for at first. */
const REMEMBERED = 20

/** Follows the user's own stream; children of batches are counted as their batch. */
export class Tally {
  #jobs = new Map<string, JobRecord>()
  #listeners = new Set<() => void>()
  #stops: (() => void)[]
  #isAsked = false

  constructor(private readonly client: Client) {
    this.#stops = [
      client.on("snapshot", ({jobs}) => this.#restart(jobs)),
      client.on("event", event => this.#follow(event)),
      client.on("status", () => void this.#ask()),
    ]
    void this.#ask()
  }

  stop(): void {
    for (const stop of this.#stops) stop()
  }

  /**
   * Be told when a count or an outcome has changed.
   *
   * @returns call it to be told no more
   */
  on(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Newest first. */
  get jobs(): JobRecord[] {
    // Ids are sortable by time.
    return [...this.#jobs.values()].sort((a, b) => (a.job_id < b.job_id ? 1 : -1))
  }

  /** How many jobs go on: of one *task*, or of all. */
  count(task?: string): Count {
    const jobs = this.#of(task).filter(({state}) => !isTerminal(state))
    const running = jobs.filter(({state}) => state === "running" || state === "stopping").length
    return {running, waiting: jobs.length - running}
  }

  /** The job of *task* that ended last, as far as is known. */
  last(task: string): JobRecord | undefined {
    const when = ({ended_at}: JobRecord) => ended_at ?? ""
    const ended = this.#of(task).filter(({state}) => isTerminal(state))
    return ended.reduce<JobRecord | undefined>(
      (latest, job) => (latest && when(latest) > when(job) ? latest : job),
      undefined,
    )
  }

  #of(task: string | undefined): JobRecord[] {
    return [...this.#jobs.values()].filter(job => task === undefined || job.task === task)
  }

  /** Ask for the past, once; it says nothing that cannot be done without. */
  async #ask(): Promise<void> {
    if (this.#isAsked || this.client.status !== "live") return
    this.#isAsked = true
    try {
      const {jobs} = await this.client.jobs({limit: REMEMBERED, owner: this.client.authid})
      // What is known from events is newer than an answer.
      for (const job of jobs) if (!this.#jobs.has(job.job_id)) this.#keep(job)
      this.#tell()
    } catch {
      this.#isAsked = false
    }
  }

  /** A snapshot has all jobs that go on: any other has ended, nobody knows how. */
  #restart(jobs: readonly JobRecord[]): void {
    for (const [id, {state}] of this.#jobs) if (!isTerminal(state)) this.#jobs.delete(id)
    for (const job of jobs) this.#keep(job)
    this.#tell()
  }

  #follow(event: JobEvent): void {
    const job = this.#jobs.get(event.job_id)
    if (job) this.#jobs.set(event.job_id, advance(job, event))
    else if (event.job_seq === 1) this.#keep(recordOf(event))
    // Progress changes no count.
    if (event.type !== "progress" && event.type !== "message") this.#tell()
  }

  #keep(job: JobRecord): void {
    if (job.parent === null) this.#jobs.set(job.job_id, job)
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }
}
