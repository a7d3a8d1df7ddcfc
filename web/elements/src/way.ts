/** A job's way in words. */

import type {Way} from "./course"
import {duration, percent} from "./format"
import {words} from "./words"

/** A way in words: `"61 %, frame 8 of 14, about 1 min 40 s left"`. */
export function wayText(way: Way, usual: number | null): string {
  const parts = [way.by === "program" && way.fraction !== null ? percent(way.fraction) : ""]
  parts.push(way.message ?? "")
  if (way.left !== null) parts.push(words.job.left(duration(Math.round(way.left))))
  else if (way.by !== "program" && way.elapsed !== null) parts.push(timeText(way, usual))
  return parts.filter(part => part !== "").join(", ")
}

function timeText({elapsed, isOverdue}: Way, usual: number | null): string {
  const so = duration(Math.floor(elapsed ?? 0))
  if (usual === null) return words.job.elapsed(so)
  const usually = duration(Math.round(usual))
  return isOverdue ? words.job.overdue(so, usually) : words.job.elapsedOf(so, usually)
}
