/** Days and moments as fields take them and as the wire does. */

const DATE = /^(\d{4,6})-(\d\d)-(\d\d)$/

/** Whether *draft* is a day of the calendar. */
export function isDate(draft: string): boolean {
  return DATE.test(draft) && !Number.isNaN(Date.parse(draft))
}

/** Whether *draft* is a time of day. */
export function isTime(draft: string): boolean {
  return /^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?$/.test(draft)
}

/** The moment that was typed, in the viewer's zone, with its offset; null if it is none. */
export function momentOf(draft: string): string | null {
  const date = new Date(draft)
  if (!/^\d{4,6}-\d\d-\d\dT/.test(draft) || Number.isNaN(date.getTime())) return null
  const offset = -date.getTimezoneOffset()
  const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60]
  const seconds = /T\d\d:\d\d$/.test(draft) ? ":00" : ""
  const zone = offset === 0 ? "Z" : `${offset < 0 ? "-" : "+"}${two(hours)}:${two(minutes)}`
  return `${draft}${seconds}${zone}`
}

/** The moment *iso* in the viewer's zone, as a field for it takes it. */
export function localMoment(iso: string): string | null {
  const date = new Date(iso)
  if (!/^\d{4}-\d\d-\d\dT/.test(iso) || Number.isNaN(date.getTime())) return null
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString()
  return local.replace(/(:00)?\.000Z$/, "").replace(/Z$/, "")
}

/** When *value* is, in milliseconds; null if it is no moment. */
export function instant(value: unknown): number | null {
  const found = typeof value === "string" ? Date.parse(value) : Number.NaN
  return Number.isNaN(found) ? null : found
}

function two(number: number): string {
  return String(number).padStart(2, "0")
}
