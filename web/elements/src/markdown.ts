/**
 * The part of Markdown that results are written in, read into plain data; knows no page.
 *
 * HTML in it is text like any other, and a link leads to the web or to a mailbox only.
 */

export type Inline =
  | {kind: "text"; text: string}
  | {kind: "code"; text: string}
  | {kind: "strong" | "em"; content: Inline[]}
  | {kind: "link"; href: string; content: Inline[]}

export type Block =
  | {kind: "heading"; level: number; content: Inline[]}
  | {kind: "paragraph"; content: Inline[]}
  | {kind: "code"; text: string}
  | {kind: "quote"; blocks: Block[]}
  | {kind: "list"; isOrdered: boolean; items: Block[][]}
  | {kind: "table"; head: Inline[][]; rows: Inline[][][]}
  | {kind: "rule"}

/** Quotes and lists within each other, beyond which they are text. */
const DEPTH = 8

const FENCE = /^```/
const HEADING = /^(#{1,6})\s+(.*?)\s*#*$/
const RULE = /^\s*([-*_])(\s*\1){2,}\s*$/
const QUOTE = /^>\s?/
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+/
const DIVIDER = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/

/** Reads *text*. */
export function readMarkdown(text: string): Block[] {
  return blocksOf(text.replace(/\r\n?/g, "\n").split("\n"), 0)
}

function blocksOf(lines: string[], depth: number): Block[] {
  const blocks: Block[] = []
  let at = 0
  const isDeep = depth >= DEPTH

  /** Takes lines as long as *fits* says so. */
  const take = (fits: (line: string) => boolean): string[] => {
    const from = at
    while (at < lines.length && fits(lines[at] as string)) at += 1
    return lines.slice(from, at)
  }

  while (at < lines.length) {
    const line = lines[at] as string
    const heading = HEADING.exec(line)
    if (line.trim() === "") at += 1
    else if (FENCE.test(line)) {
      at += 1
      blocks.push({kind: "code", text: take(each => !FENCE.test(each)).join("\n")})
      at += 1
    } else if (heading) {
      const [, marks = "", words = ""] = heading
      blocks.push({kind: "heading", level: marks.length, content: inline(words)})
      at += 1
    } else if (RULE.test(line)) {
      blocks.push({kind: "rule"})
      at += 1
    } else if (QUOTE.test(line) && !isDeep) {
      const quoted = take(each => QUOTE.test(each)).map(each => each.replace(QUOTE, ""))
      blocks.push({kind: "quote", blocks: blocksOf(quoted, depth + 1)})
    } else if (ITEM.test(line) && !isDeep) {
      blocks.push(listOf(take, line, depth))
    } else if (isTable(line, lines[at + 1])) {
      const [head = "", , ...rows] = take(each => each.includes("|"))
      blocks.push({kind: "table", head: cellsOf(head), rows: rows.map(cellsOf)})
    } else {
      const first = at
      const words = take(each => each.trim() !== "" && (at === first || !startsAnother(each)))
      blocks.push({kind: "paragraph", content: inline(words.join("\n"))})
    }
  }
  return blocks
}

function startsAnother(line: string): boolean {
  return [FENCE, HEADING, QUOTE, ITEM].some(start => start.test(line))
}

/** The items of a list; what is indented deeper than its mark belongs to an item. */
function listOf(
  take: (fits: (line: string) => boolean) => string[],
  first: string,
  depth: number,
): Block {
  const margin = ITEM.exec(first)?.[1]?.length ?? 0
  const isOrdered = /\d/.test(ITEM.exec(first)?.[2] ?? "")
  const isInside = (line: string) => {
    const indent = line.length - line.trimStart().length
    const mark = ITEM.exec(line)
    return mark ? indent > margin || /\d/.test(mark[2] ?? "") === isOrdered : indent > margin
  }
  const items: string[][] = []
  for (const line of take(each => each.trim() !== "" && isInside(each))) {
    const mark = ITEM.exec(line)
    if (mark && (mark[1] ?? "").length <= margin) items.push([line.slice(mark[0].length)])
    else items.at(-1)?.push(line.slice(Math.min(margin + 2, line.search(/\S/))))
  }
  return {kind: "list", isOrdered, items: items.map(item => blocksOf(item, depth + 1))}
}

function isTable(line: string, next: string | undefined): boolean {
  return line.includes("|") && next?.includes("|") === true && DIVIDER.test(next)
}

function cellsOf(row: string): Inline[][] {
  const cells = row
    .trim()
    .replace(/^\|/, "")
    .replace(/\|$/, "")
    .split(/(?<!\\)\|/)
  return cells.map(cell => inline(cell.trim().replaceAll("\\|", "|")))
}

/** What stands within a line: the first mark that is found, and so on behind it. */
const MARKS =
  /(?<tick>`+)(?<code>.+?)\k<tick>|\*\*(?<strong>\S(?:.*?\S)?)\*\*|(?<![*\w])[*_](?<em>[^\s*_](?:[^*_]*[^\s*_])?)[*_](?![*\w])|\[(?<label>[^\]]+)\]\((?<href>[^)\s]+)\)/s

function inline(text: string, depth = 0): Inline[] {
  const content: Inline[] = []
  let rest = text
  while (rest !== "") {
    const found = depth < DEPTH ? MARKS.exec(rest) : null
    const before = found ? rest.slice(0, found.index) : rest
    if (before !== "") content.push({kind: "text", text: before})
    if (!found) break
    rest = rest.slice(found.index + found[0].length)
    content.push(marked(found, depth + 1))
  }
  return content
}

function marked(found: RegExpExecArray, depth: number): Inline {
  const {code, strong, em, label = "", href = ""} = found.groups ?? {}
  if (code !== undefined) return {kind: "code", text: code.trim()}
  if (strong !== undefined) return {kind: "strong", content: inline(strong, depth)}
  if (em !== undefined) return {kind: "em", content: inline(em, depth)}
  if (!isSafe(href)) return {kind: "text", text: found[0]}
  return {kind: "link", href, content: inline(label, depth)}
}

function isSafe(href: string): boolean {
  return /^(https?:\/\/|mailto:)/i.test(href)
}
