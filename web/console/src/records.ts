/** The records of the audit log, and the files that they are exported to. */

export interface AuditRecord {
  id: number
  at: string
  actor: string | null
  role: string | null
  owner: string | null
  action: string
  object: string | null
  address: string | null
  outcome: string
  detail: Record<string, unknown>
}

const COLUMNS = [
  "id",
  "at",
  "actor",
  "role",
  "owner",
  "action",
  "object",
  "address",
  "outcome",
  "detail",
] as const

/** *records* as CSV (RFC 4180). */
export function csvOf(records: readonly AuditRecord[]): string {
  const rows = records.map(record => COLUMNS.map(name => cell(record[name])).join(","))
  return `${[COLUMNS.join(","), ...rows].join("\r\n")}\r\n`
}

/** *records* as JSON, one a line. */
export function jsonLinesOf(records: readonly AuditRecord[]): string {
  return records.map(record => `${JSON.stringify(record)}\n`).join("")
}

/** Text that users have sent is data: it steers no terminal, and is no formula for a spreadsheet. */
function cell(value: unknown): string {
  const text = value === null ? "" : typeof value === "object" ? JSON.stringify(value) : `${value}`
  const plain = text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
    /[\u0000-\u001f\u007f-\u009f]/g,
    char => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`,
  )
  const harmless = /^[=+\-@]/.test(plain) ? `'${plain}` : plain
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}

/** `datetime-local` *text*, of the viewer's zone, as ISO 8601 with its offset; null for none. */
export function instant(text: string | null): string | null {
  const time = text ? Date.parse(text) : Number.NaN
  return Number.isNaN(time) ? null : new Date(time).toISOString()
}
