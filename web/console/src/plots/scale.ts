/** From values to places on a plot, and the round values that stand beside its axes. */

export type Scale = (value: number) => number

/** What maps *domain* evenly onto *range*; a domain of one value lies in the middle. */
export function linear([low, high]: Pair, [from, to]: Pair): Scale {
  if (low === high) return () => (from + to) / 2
  return value => from + ((value - low) / (high - low)) * (to - from)
}

export type Pair = readonly [number, number]

const ROUND = [1, 2, 5, 10]

/** Round whole steps from 0 to the first above *most*, at most *count* of them. */
export function countTicks(most: number, count = 4): number[] {
  const step = Math.max(1, roundStep(Math.max(most, 1) / count))
  const ticks = [0]
  while ((ticks.at(-1) as number) < most) ticks.push(ticks.length * step)
  if (ticks.length === 1) ticks.push(step)
  return ticks
}

/** The smallest of 1, 2, 5, 10, 20, … times a power of ten that is at least *least*. */
export function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least))
  const factor = ROUND.find(each => each * power >= least * (1 - 1e-9)) ?? 10
  return factor * power
}

const MINUTE = 60
const HOUR = 3600
const DAY = 86_400

/** Seconds between the marks of a time axis. */
const TIME_STEPS = [
  10,
  30,
  MINUTE,
  5 * MINUTE,
  10 * MINUTE,
  15 * MINUTE,
  30 * MINUTE,
  HOUR,
  3 * HOUR,
  6 * HOUR,
  12 * HOUR,
  DAY,
  2 * DAY,
  7 * DAY,
  14 * DAY,
  28 * DAY,
]

/**
 * Round moments between two, at most *count* of them, in milliseconds.
 *
 * They are round where the viewer is: *offset* is how many minutes the clock there is behind UTC.
 */
export function timeTicks(
  from: number,
  to: number,
  count: number,
  offset = new Date(to).getTimezoneOffset(),
): number[] {
  const least = (to - from) / 1000 / Math.max(1, count)
  const step = (TIME_STEPS.find(each => each >= least) ?? Math.ceil(least / DAY) * DAY) * 1000
  const shift = offset * MINUTE * 1000
  const ticks = []
  for (let at = Math.ceil((from - shift) / step) * step + shift; at <= to; at += step) {
    ticks.push(at)
  }
  return ticks
}

/** Whether marks this far apart, in milliseconds, need the day, or the time of day. */
export function isByDay(ticks: readonly number[]): boolean {
  const [first, second] = ticks
  return first !== undefined && second !== undefined && second - first >= DAY * 1000
}
