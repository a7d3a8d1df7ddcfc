/** How jobs ended, gathered by time and by how long they ran. */

import type {Outcome, TerminalState} from "@taskrealm/client"

/** The order in which they are stacked, from the bottom. */
export const ENDS = [
  "succeeded",
  "cancelled",
  "expired",
  "timed_out",
  "lost",
  "failed",
] as const satisfies readonly TerminalState[]

export interface Bucket {
  /** Milliseconds since 1970. */
  from: number
  to: number
  counts: Partial<Record<TerminalState, number>>
  total: number
}

/** Seconds that the buckets of a plot may be wide. */
const WIDTHS = [60, 300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86_400, 7 * 86_400]

/**
 * *outcomes* by when the jobs ended, oldest first, in at most *most* buckets of a round width.
 *
 * The buckets reach without a hole from the first to the last end.
 */
export function byTime(outcomes: readonly Outcome[], most: number): Bucket[] {
  const times = outcomes.map(({ended_at}) => Date.parse(ended_at))
  if (times.length === 0) return []
  const first = Math.min(...times)
  const last = Math.max(...times)
  const least = (last - first) / 1000 / Math.max(1, most - 1)
  const seconds = WIDTHS.find(each => each >= least) ?? Math.ceil(least / 86_400) * 86_400
  const width = seconds * 1000
  const start = Math.floor(first / width) * width
  const count = Math.floor((last - start) / width) + 1
  const buckets: Bucket[] = Array.from({length: count}, (_, at) => ({
    from: start + at * width,
    to: start + (at + 1) * width,
    counts: {},
    total: 0,
  }))
  for (const [at, {state}] of outcomes.entries()) {
    const bucket = buckets[Math.floor(((times[at] as number) - start) / width)] as Bucket
    bucket.counts[state] = (bucket.counts[state] ?? 0) + 1
    bucket.total += 1
  }
  return buckets
}

export interface Bin {
  /** Seconds, from and up to but not including. */
  from: number
  to: number
  count: number
}

/** Edges of bins, in seconds, each about twice the one before and round for people. */
const EDGES = [
  0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 18_000, 36_000,
  86_400, 172_800, 432_000, 864_000, 1_728_000, 4_320_000,
] as const

/** How many of *durations*, in seconds, lie between round edges; none is left out. */
export function byDuration(durations: readonly number[]): Bin[] {
  if (durations.length === 0) return []
  const places = durations.map(placeOf)
  const first = Math.min(...places)
  const bins = Array.from({length: Math.max(...places) - first + 1}, (_, at) => ({
    from: EDGES[first + at] as number,
    to: EDGES[first + at + 1] ?? Number.POSITIVE_INFINITY,
    count: 0,
  }))
  for (const place of places) (bins[place - first] as Bin).count += 1
  return bins
}

/** The last edge that is not above *duration*; nobody cares what is below the first. */
function placeOf(duration: number): number {
  return Math.max(
    0,
    EDGES.findLastIndex(edge => edge <= duration),
  )
}

/** The share of jobs that succeeded, from 0 to 1; null if there was none. */
export function successRate(states: Partial<Record<TerminalState, number>>): number | null {
  const total = Object.values(states).reduce((sum, count) => sum + count, 0)
  return total === 0 ? null : (states.succeeded ?? 0) / total
}
