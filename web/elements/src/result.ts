/** What kind of thing a result is, so that it can be shown as such; knows no page. */

/** What fits into a cell of a table. */
export type Cell = string | number | boolean | null

export interface Table {
  columns: string[]
  rows: Cell[][]
}

export type Result =
  | {kind: "none"}
  | {kind: "table"; table: Table}
  | {kind: "markdown"; text: string}
  | {kind: "text"; text: string}
  | {kind: "tree"; value: object}

/** Lines of which one is enough for a text to be taken for Markdown. */
const MARKDOWN = [
  /^#{1,6} \S/m,
  /^```/m,
  /^\s*[-*+] \S.*\n\s*[-*+] \S/m,
  /^\s*1\. \S.*\n\s*2\. \S/m,
  /^\|.+\|\s*\n\|[\s:|-]+\|\s*$/m,
  /\*\*\S[^*\n]*\*\*/,
  /\[[^\]\n]+\]\((https?:|mailto:)[^)\s]+\)/,
]

/** Of which kind *value* is. */
export function resultOf(value: unknown): Result {
  if (value === null || value === undefined) return {kind: "none"}
  if (typeof value === "string") {
    const read = jsonOf(value)
    if (read !== null) return resultOf(read)
    const isMarkdown = MARKDOWN.some(line => line.test(value))
    return {kind: isMarkdown ? "markdown" : "text", text: value}
  }
  if (typeof value !== "object") return {kind: "text", text: String(value)}
  const table = tableOf(value)
  return table ? {kind: "table", table} : {kind: "tree", value}
}

/**
 * *value* as a table: a list of flat objects that share their keys, or of lists of one length; null
 * when it is something else.
 */
export function tableOf(value: object): Table | null {
  if (!Array.isArray(value) || value.length === 0) return null
  if (value.every(isCells)) {
    const [first] = value as [Cell[]]
    const isEven = first.length > 0 && value.every(row => row.length === first.length)
    if (!isEven || value.length < 2) return null
    const isHeaded = first.every(cell => typeof cell === "string")
    const [head, body] = isHeaded ? [first.map(String), value.slice(1)] : [[], value]
    return {columns: head, rows: body as Cell[][]}
  }
  if (!value.every(isFlat)) return null
  const columns = [...new Set(value.flatMap(row => Object.keys(row)))]
  if (columns.length === 0 || columns.length > MOST_COLUMNS) return null
  return {columns, rows: value.map(row => columns.map(column => row[column] ?? null))}
}

/** What a program has printed as JSON; null when *text* is none, or too long to be tried. */
function jsonOf(text: string): object | null {
  if (!/^\s*[[{]/.test(text) || text.length > MOST_JSON) return null
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** Characters up to which a text is read as JSON. */
const MOST_JSON = 2_000_000

/** Beyond this many a table is harder to read than a tree. */
const MOST_COLUMNS = 40

function isCell(value: unknown): value is Cell {
  return value === null || typeof value !== "object"
}

function isCells(value: unknown): value is Cell[] {
  return Array.isArray(value) && value.every(isCell)
}

function isFlat(value: unknown): value is Record<string, Cell> {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every(isCell)
  )
}
