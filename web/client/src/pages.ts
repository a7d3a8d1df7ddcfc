/** Reads one stream of output from the node page by page, the next ones asked for in advance. */

import type {Ask, OutputCursor} from "./cursor"
import type {OutputChunk, OutputPage, OutputSource, OutputStream} from "./protocol"

/** Bytes asked for at once. */
export const PAGE = 262_144

/** Pages that may be on their way. */
export const AHEAD = 4

/** Bytes that a page may end before its limit, not to cut a character. */
const OVERLAP = 3

/** Stands for bytes that are no text, however many. */
const NO_CHARACTER = "\ufffd"

/** Gets the page from *offset* on, with so many bytes at most. */
export type AskPage<Source extends OutputSource> = (
  offset: number,
  limit: number,
) => Promise<OutputPage<Source>>

/**
 * What a cursor is behind with, read at the pace of whoever takes it.
 *
 * As long as more than a page is known to be there, the next pages are asked for before the
 * last one has come: the way to the node and back costs its time once, and not for each. One
 * page may cut a character where another begins. So they overlap, and a page that cannot be
 * fitted to the end of the one before is dropped, and asked for again.
 */
export class Pages<Source extends OutputSource = OutputStream> {
  #coming: {ask: Ask; page: Promise<OutputPage<Source>>}[] = []
  #end = ""

  constructor(
    private readonly cursor: OutputCursor<Source>,
    private readonly ask: AskPage<Source>,
    private readonly size = PAGE,
  ) {}

  /** What to deliver of the next page; the cursor takes nothing until it has come. */
  async read(): Promise<OutputChunk<Source>[]> {
    const wanted = this.cursor.ask()
    const next = this.#coming.shift()
    let ask = next?.ask ?? wanted
    let page = next ? fitted(await next.page, ask.since, wanted.since, this.#end) : null
    if (page === null) {
      this.#coming = []
      ask = wanted
      page = await this.ask(wanted.since, this.size)
    }
    this.#end = page.text.slice(-OVERLAP)
    const chunks = this.cursor.answer(ask, page)
    this.#readAhead(page)
    return chunks
  }

  /** Ask for what follows *page*, as far as that is known to be there. */
  #readAhead(page: OutputPage<Source>): void {
    // What takes more room on the wire comes in shorter pages than was asked for.
    if (page.next - page.offset < this.size - OVERLAP) return
    const {since, mark} = this.cursor.ask()
    const last = this.#coming.at(-1)
    let begin = last ? last.ask.since + this.size - OVERLAP : since
    while (this.#coming.length < AHEAD && begin + this.size <= page.size) {
      const coming = this.ask(begin, this.size)
      // Nobody is to be told of one that fails and is not wanted any more.
      coming.catch(() => {})
      this.#coming.push({ask: {since: begin, mark}, page: coming})
      begin += this.size - OVERLAP
    }
  }
}

/**
 * The *page* from *asked* on without what comes before *offset*, where text ends with *end*.
 *
 * Null if that cannot be told from the text alone, or a part of it is missing.
 */
function fitted<Source extends OutputSource>(
  page: OutputPage<Source>,
  asked: number,
  offset: number,
  end: string,
): OutputPage<Source> | null {
  if (asked === offset) return page
  const surplus = offset - asked
  if (page.offset !== asked || surplus < 0 || surplus > OVERLAP) return null
  if (end.includes(NO_CHARACTER)) return null
  return {...page, offset, text: page.text.slice(unitsOf(end, surplus))}
}

/** How many code units the last *size* bytes of a text become that ends with *end*. */
function unitsOf(end: string, size: number): number {
  let left = size
  let units = 0
  for (let at = end.length - 1; at >= 0; at -= 1) {
    const code = end.charCodeAt(at)
    // Half of a pair stands for a character of four bytes, of which no more than three count.
    const length = code < 0x80 ? 1 : code < 0x800 ? 2 : (code & 0xf800) === 0xd800 ? 4 : 3
    if (length > left) break
    left -= length
    units += 1
  }
  // Of a character that is cut, each byte that is left becomes one that says so.
  return units + left
}
