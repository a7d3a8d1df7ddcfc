/** A list of jobs that changes all the time, and never under the pointer. */

import type {ListedJob} from "@taskrealm/client"

/**
 * Jobs, newest first.
 *
 * While it is held, no row comes, goes or moves: new jobs wait until {@link release}, and those
 * that do not belong here any more stay. What is said of a job that is shown changes at once.
 */
export class JobList {
  #jobs = new Map<string, ListedJob>()
  #rows: string[] = []
  #waiting = new Set<string>()
  #isHeld = false

  /** *belongs* tells whether a job fits what is listed. */
  constructor(private readonly belongs: (job: ListedJob) => boolean) {}

  /** The rows, from top to bottom. */
  get rows(): ListedJob[] {
    return this.#rows.map(id => this.#jobs.get(id) as ListedJob)
  }

  /** How many jobs wait to be shown. */
  get waiting(): number {
    return this.#waiting.size
  }

  get isHeld(): boolean {
    return this.#isHeld
  }

  /** The job, if it is a row or waits to be one. */
  get(id: string): ListedJob | undefined {
    return this.#jobs.get(id)
  }

  /** Begin anew with *jobs*, as a page has them. */
  begin(jobs: readonly ListedJob[]): void {
    this.#jobs = new Map(jobs.map(job => [job.job_id, job]))
    this.#rows = [...this.#jobs.keys()]
    this.#waiting.clear()
  }

  /** Add older *jobs* at the end; what is known already stays where it is. */
  append(jobs: readonly ListedJob[]): void {
    for (const job of jobs) {
      if (!this.#jobs.has(job.job_id)) this.#rows.push(job.job_id)
      else if (this.#waiting.delete(job.job_id)) this.#insert(job.job_id)
      this.#jobs.set(job.job_id, job)
    }
  }

  /** Take *job* as it is now, new or known. */
  put(job: ListedJob): void {
    const isKnown = this.#jobs.has(job.job_id)
    const belongs = this.belongs(job)
    if (!isKnown && !belongs) return
    this.#jobs.set(job.job_id, job)
    if (!belongs && this.#waiting.has(job.job_id)) this.#forget(job.job_id)
    else if (!belongs && !this.#isHeld) this.#forget(job.job_id)
    else if (!isKnown && this.#isHeld) this.#waiting.add(job.job_id)
    else if (!isKnown) this.#insert(job.job_id)
  }

  /** Move no row until {@link release}. */
  hold(): void {
    this.#isHeld = true
  }

  /** Show what waits, and nothing that does not belong here. */
  release(): void {
    this.#isHeld = false
    for (const id of this.#waiting) this.#insert(id)
    this.#waiting.clear()
    for (const job of this.rows) if (!this.belongs(job)) this.#forget(job.job_id)
  }

  /** Put a row where it belongs by its age: ids are sortable by time. */
  #insert(id: string): void {
    const place = this.#rows.findIndex(each => each < id)
    this.#rows.splice(place === -1 ? this.#rows.length : place, 0, id)
  }

  #forget(id: string): void {
    this.#jobs.delete(id)
    this.#waiting.delete(id)
    this.#rows = this.#rows.filter(each => each !== id)
  }
}
