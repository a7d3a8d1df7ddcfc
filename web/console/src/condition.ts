/** How a node is, as operators are told, and what there is to worry about. */

import type {Intake} from "@taskrealm/client"
import {bytes} from "@taskrealm/elements/base"
import {health as words} from "./words/health"

/** The answer of `taskrealm.admin.diagnostics`; sizes in bytes, times in seconds. */
export interface Diagnostics {
  at: string
  versions: Record<string, string>
  machine: {system: string; processors: number | null}
  uptime: number
  intake: Intake
  tasks: number
  components: {role: string; authid: string; since: string | null}[]
  sessions: number
  lag: number
  journal: {database: number; idle: number; audit: number; jobs: number; limit: number}
  disk: {total: number; free: number}
  settings: string | null
  policy: string | null
  reload: Reload | null
}

/** What came of a reload. */
export interface Reload {
  at?: string
  by?: string
  tasks: number
  added: string[]
  removed: string[]
  changed: string[]
  mistakes: string[]
}

/** The answer of `taskrealm.admin.statistics`, as far as it is shown. */
export interface Statistics {
  intake: Intake
  running: number
  queued: number
  delayed: number
  slots: number
  slots_used: number
  queue_limit: number
  oldest: number | null
  rates: Record<string, Record<string, number>>
}

/** Something that somebody should look after; `bad` if it stops jobs. */
export interface Trouble {
  level: "warn" | "bad"
  text: string
}

const NEARLY = 0.9 // of what there may be
const LITTLE = 0.05 // of the disk
const LATE = 1 // seconds

/** What there is to worry about, the worst first. */
export function troublesOf(told: Diagnostics, busy: Statistics): Trouble[] {
  const found: Trouble[] = []
  const note = (level: Trouble["level"], is: boolean, text: string) => {
    if (is) found.push({level, text})
  }
  const {disk, journal, lag, components, reload} = told
  note("bad", disk.free < disk.total * LITTLE, words.troubles.disk(bytes(disk.free)))
  note("bad", !components.some(({role}) => role === "gateway"), words.troubles.gateway)
  note("bad", busy.queued > busy.queue_limit * NEARLY, words.troubles.queue)
  if (busy.intake !== "open") note("warn", true, words.troubles[busy.intake])
  note("warn", journal.jobs > journal.limit * NEARLY, words.troubles.journal)
  note("warn", lag > LATE, words.troubles.lag(lag))
  note("warn", (reload?.mistakes.length ?? 0) > 0, words.troubles.mistakes)
  return found
}
