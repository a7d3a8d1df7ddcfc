/** Where a search leads. */

import type {Task} from "@taskrealm/client"
import {jobLink, type ScreenName, taskLink} from "./route"

export interface Destination {
  kind: "task" | "screen" | "job"
  title: string
  note: string
  href: string
}

/** What there is to be found. */
export interface Places {
  tasks: readonly Pick<Task, "name" | "title">[]
  places: readonly {name: ScreenName; title: string}[]
  /** Newest first. */
  jobs: readonly {id: string; title: string; note: string}[]
  /** What the way to a job is called that only its id is known of. */
  jobOfId(id: string): string
}

/** As many as fit without looking far. */
const MOST = 12

/** Jobs that are offered before anything is typed, and among other things. */
const JOBS = 4

const JOB_ID = /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i

/** What *search* may mean, the best first; without a search, where people go most. */
export function destinations(
  search: string,
  {tasks, places, jobs, jobOfId}: Places,
): Destination[] {
  const wanted = search.trim()
  const [id] = wanted.match(JOB_ID) ?? []
  if (id) return [{kind: "job", title: jobOfId(id), note: "", href: jobLink(id)}]
  const all: Destination[] = [
    ...tasks.map(({name, title}) => ({
      kind: "task" as const,
      title: title || name,
      note: title && title !== name ? name : "",
      href: taskLink(name),
    })),
    ...places.map(({name, title}) => ({
      kind: "screen" as const,
      title,
      note: "",
      href: `#/${name}`,
    })),
  ]
  const going = jobs.map(job => ({
    kind: "job" as const,
    title: job.title,
    note: job.note,
    href: jobLink(job.id),
  }))
  if (wanted === "") return [...going.slice(0, JOBS), ...all].slice(0, MOST)
  const found = ranked(all, wanted)
  const foundJobs = ranked(going, wanted).slice(0, JOBS)
  return [...found.slice(0, MOST - foundJobs.length), ...foundJobs]
}

/** Those that have every word of *wanted*, the better match first. */
function ranked(all: readonly Destination[], wanted: string): Destination[] {
  const terms = wanted.toLowerCase().split(/\s+/)
  return all
    .map(each => ({each, score: score(each, terms)}))
    .filter(({score}) => score > 0)
    .sort((a, b) => b.score - a.score)
    .map(({each}) => each)
}

/** 0 unless each of *terms* is in it; more where a word begins with it. */
function score({title, note}: Destination, terms: readonly string[]): number {
  const text = `${title} ${note}`.toLowerCase()
  let sum = 0
  for (const term of terms) {
    const at = text.indexOf(term)
    if (at < 0) return 0
    if (at === 0) sum += 3
    else sum += /[\s._-]/.test(text[at - 1] ?? "") ? 2 : 1
  }
  return sum
}
