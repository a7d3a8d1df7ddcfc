/** Lengths of time as people type them. */

const UNITS: Record<string, number> = {d: 86_400, h: 3600, min: 60, m: 60, s: 1, ms: 0.001}

/** The seconds that *text* stands for, such as `90`, `1h 30m` or `2 d`; null if it is no such. */
export function secondsOf(text: string): number | null {
  const words = text.trim()
  if (/^-?\d+(\.\d+)?$/.test(words)) return Number(words)
  if (!/^(\d+(\.\d+)?\s*(ms|min|[dhms])\s*)+$/.test(words)) return null
  let seconds = 0
  for (const [, count = "", unit = ""] of words.matchAll(/(\d+(?:\.\d+)?)\s*(ms|min|[dhms])/g)) {
    seconds += Number(count) * (UNITS[unit] ?? 0)
  }
  return Number(seconds.toFixed(6))
}

/** Whether *text* is a length of time in ISO 8601, such as `PT1H30M`. */
export function isIsoLength(text: string): boolean {
  return /^[+-]?P(?=.)(\d+(\.\d+)?[YMWD])*(T(\d+(\.\d+)?[HMS])+)?$/.test(text.trim())
}

/** *seconds* as one would type them; exact. */
export function lengthText(seconds: number): string {
  if (seconds < 60 || !Number.isFinite(seconds)) return `${seconds}${seconds < 0 ? "" : "s"}`
  const parts: string[] = []
  let left = seconds
  for (const unit of ["d", "h", "m"]) {
    const count = Math.floor(left / (UNITS[unit] ?? 1))
    if (count > 0) parts.push(`${count}${unit}`)
    left -= count * (UNITS[unit] ?? 1)
  }
  if (left > 0) parts.push(`${Number(left.toFixed(6))}s`)
  return parts.join(" ")
}
