/** Jobs as files for other programs. */

import type {JobRecord} from "@taskrealm/client"

/** The columns of the table, in order. */
const COLUMNS = [
  "job_id",
  "task",
  "state",
  "owner",
  "submitted_by",
  "submitted_at",
  "started_at",
  "ended_at",
  "duration",
  "exit_code",
  "attempt",
  "priority",
  "tags",
  "arguments",
  "error",
  "reason",
] as const

/** What a cell begins with that a spreadsheet takes for a formula. */
const FORMULA = /^[=+\-@\t\r]/

/** *jobs* as CSV (RFC 4180) with a heading. */
export function csvOf(jobs: readonly JobRecord[]): string {
  const rows = jobs.map(job => COLUMNS.map(name => cell(job[name])))
  return [COLUMNS.join(","), ...rows.map(row => row.join(","))].map(row => `${row}\r\n`).join("")
}

/** *jobs* as a JSON list. */
export function jsonOf(jobs: readonly JobRecord[]): string {
  return `${JSON.stringify(jobs, null, 2)}\n`
}

function cell(value: unknown): string {
  const text =
    value === null || value === undefined
      ? ""
      : typeof value === "object"
        ? JSON.stringify(value)
        : String(value)
  const harmless = typeof value === "string" && FORMULA.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}
