/** How far a job is on its way, as numbers; knows no page. */

import type {JobRecord, Progress} from "@taskrealm/client"

/** Of what happened, which events a page keeps. */
export const EVENTS_KEPT = 2000

/** Where a bar stands, and what it says. */
export interface Way {
  /** From 0 to 1; null when nobody knows. */
  fraction: number | null
  /** By what the fraction is known: the program, or the time that such jobs usually take. */
  by: "program" | "time" | null
  /** Seconds since the attempt began; null before. */
  elapsed: number | null
  /** Seconds that remain, as far as anybody can tell. */
  left: number | null
  message: string | null
  /** Whether it takes longer than such jobs usually do. */
  isOverdue: boolean
}

/** How much longer than usual is still as usual. */
const TOLERANCE = 1.25

/**
 * Where *record* stands at *now*, in milliseconds since 1970.
 *
 * @param usual seconds that jobs of its task usually take, if that is known
 * @param toldAt when its program has told its progress, in milliseconds since 1970
 */
export function wayOf(
  {progress, started_at}: Pick<JobRecord, "progress" | "started_at">,
  now: number,
  usual: number | null,
  toldAt: number | null,
): Way {
  const {fraction, message, eta}: Progress = progress ?? {fraction: null, message: null, eta: null}
  const elapsed = started_at === null ? null : Math.max(0, (now - Date.parse(started_at)) / 1000)
  const isOverdue = usual !== null && elapsed !== null && elapsed > usual * TOLERANCE
  const since = toldAt === null ? 0 : Math.max(0, (now - toldAt) / 1000)
  const left = eta === null ? null : Math.max(0, eta - since)
  if (fraction !== null) return {fraction, by: "program", elapsed, left, message, isOverdue}
  if (usual === null || elapsed === null || usual <= 0) {
    return {fraction: null, by: null, elapsed, left, message, isOverdue}
  }
  const share = Math.min(1, elapsed / usual)
  return {fraction: share, by: "time", elapsed, left, message, isOverdue}
}

/** Holds a bar where it was at most, within one attempt. */
export class Ratchet {
  #attempt = 0
  #most = 0

  /** The fraction to be shown. */
  hold(attempt: number, fraction: number | null): number | null {
    if (attempt !== this.#attempt) {
      this.#attempt = attempt
      this.#most = 0
    }
    if (fraction === null) return null
    this.#most = Math.max(this.#most, fraction)
    return this.#most
  }
}

/** The middle of *durations* in seconds; null when they are too few to tell what is usual. */
export function usualOf(durations: readonly (number | null | undefined)[]): number | null {
  const known = durations.filter(each => typeof each === "number").sort((a, b) => a - b)
  return known.length < 3 ? null : (known[Math.floor(known.length / 2)] ?? null)
}

/** Whole seconds from *now* (milliseconds since 1970) until *due*, never below 0. */
export function secondsUntil(due: string, now: number): number {
  return Math.max(0, Math.ceil((Date.parse(due) - now) / 1000))
}

/** Whole seconds that remain of *seconds* which began at *begun*; a wrong clock adds none. */
export function remaining(begun: string, seconds: number, now: number): number {
  const gone = Math.max(0, (now - Date.parse(begun)) / 1000)
  return Math.max(0, Math.ceil(seconds - gone))
}
