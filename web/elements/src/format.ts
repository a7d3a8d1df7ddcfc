/** Times, durations and sizes for people. */

import type {Progress} from "@taskrealm/client"

const DATE_TIME = new Intl.DateTimeFormat(undefined, {dateStyle: "medium", timeStyle: "short"})
const TIME = new Intl.DateTimeFormat(undefined, {timeStyle: "medium"})

/** The day only when it is not today. */
export function moment(iso: string, today = new Date()): string {
  const date = new Date(iso)
  const isToday = date.toDateString() === today.toDateString()
  return (isToday ? TIME : DATE_TIME).format(date)
}

/** *seconds* in at most two units: `"0.4 s"`, `"1 min 40 s"`, `"2 h 3 min"`. */
export function duration(seconds: number): string {
  if (seconds > 0 && seconds < 0.05) return "under 0.1 s"
  if (seconds < 9.95 && !Number.isInteger(seconds)) return `${seconds.toFixed(1)} s`
  const total = Math.round(seconds)
  if (total < 60) return `${total} s`
  if (total < 3600) return pair(Math.floor(total / 60), "min", total % 60, "s")
  if (total < 86_400) return pair(Math.floor(total / 3600), "h", Math.floor(total / 60) % 60, "min")
  return pair(Math.floor(total / 86_400), "d", Math.floor(total / 3600) % 24, "h")
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`
}

/** Decimal units, as disks are sold. */
export function bytes(size: number): string {
  if (size < 1000) return `${size} bytes`
  if (size < 1_000_000) return `${(size / 1000).toFixed(0)} kB`
  if (size < 1_000_000_000) return `${(size / 1_000_000).toFixed(1)} MB`
  if (size < 1_000_000_000_000) return `${(size / 1_000_000_000).toFixed(1)} GB`
  return `${(size / 1_000_000_000_000).toFixed(1)} TB`
}

/** *number* to the last digit: `"1 234 567"`. */
export function grouped(number: number): string {
  return String(number).replace(/\B(?=(\d{3})+$)/g, "\u202f")
}

/** *fraction* of the whole, never 100 % before it is all. */
export function percent(fraction: number): string {
  return `${Math.floor(fraction * 100)} %`
}

/** What is known of a job's progress: `"61 %, frame 8 of 14, about 2 min left"`. */
export function progressText({fraction, message, eta}: Progress): string {
  const words = [
    fraction === null ? "" : percent(fraction),
    message ?? "",
    eta === null ? "" : `about ${duration(eta)} left`,
  ]
  return words.filter(word => word !== "").join(", ")
}

/** A value of any kind as text. */
export function pretty(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2)
}
