/** What a session or a token is limited to, in words. */

import type {Scope} from "@taskrealm/client"
import {access as words} from "../words/access"

export function limitsText({tasks, jobs, read_only}: Scope): string {
  const parts = [...(tasks ?? []), ...(jobs ?? []).map(job => job.slice(-6).toUpperCase())]
  if (read_only) parts.push(words.looking)
  return parts.length === 0 ? words.noLimits : parts.join(", ")
}
