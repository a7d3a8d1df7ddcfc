/** The answer of `taskrealm.admin.load`, as columns with a place for every step. */

export interface LoadAnswer {
  /** Now, ISO 8601. */
  at: string
  /** Seconds of one sample. */
  step: number
  columns: string[]
  samples: number[][]
}

export const QUANTITIES = ["running", "queued", "delayed", "slots_used", "slots", "lag"] as const

export type Quantity = (typeof QUANTITIES)[number]

export interface Course extends Record<Quantity, (number | null)[]> {
  /** When each step began, in milliseconds since 1970. */
  times: number[]
  /** Seconds of one step. */
  step: number
}

/** Steps that are shown at least. */
const LEAST = 12

/**
 * *answer* over the last *span* seconds, or since its first sample.
 *
 * Steps of which nothing is known have null everywhere: the executor was not there.
 */
export function courseOf({at, step, columns, samples}: LoadAnswer, span: number): Course {
  const now = Math.floor(Date.parse(at) / 1000 / step) * step
  const known = Math.ceil((now - (samples[0]?.[0] ?? now)) / step)
  const count = Math.min(Math.round(span / step), Math.max(known, LEAST))
  const times = Array.from({length: count + 1}, (_, index) => now - (count - index) * step)
  const byTime = new Map(samples.map(sample => [sample[0], sample]))
  const column = (name: Quantity) => {
    const place = columns.indexOf(name)
    return times.map(time => byTime.get(time)?.[place] ?? null)
  }
  const columnsByName = Object.fromEntries(QUANTITIES.map(name => [name, column(name)]))
  return {
    ...(columnsByName as Record<Quantity, (number | null)[]>),
    times: times.map(time => time * 1000),
    step,
  }
}

/** The largest of *values*; 0 if there is none. */
export function peak(values: readonly (number | null)[]): number {
  return values.reduce<number>((most, value) => Math.max(most, value ?? 0), 0)
}

/** The newest that is known of *values*. */
export function latest(values: readonly (number | null)[]): number | null {
  return values.findLast(value => value !== null) ?? null
}
