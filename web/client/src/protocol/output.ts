/** What jobs print, by byte offset. */

/** What a program prints to. */
export type OutputStream = "stdout" | "stderr"

/** What can be read by offset; `result` is the JSON of a result too big for an event. */
export type OutputSource = OutputStream | "result"

/** A piece of what a job printed, addressed by byte offset. */
export interface OutputChunk<Source extends OutputSource = OutputStream> {
  stream: Source
  offset: number
  /** The offset behind this piece. */
  next: number
  text: string
  /** Bytes before this piece that are not delivered, because the server did not keep them. */
  skipped?: number
}

/** The answer of `taskrealm.output`. */
export interface OutputPage<Source extends OutputSource = OutputStream> {
  stream: Source
  offset: number
  next: number
  text: string
  /** Bytes printed so far. */
  size: number
  /** How many of them are kept. */
  kept: number
  /** Bytes between the offset that was asked for and this one, which are not kept. */
  skipped: number
  /** If there are any: all bytes right before this offset that are not kept. */
  gap: number
  end: boolean
}

/** A place where a searched text stands, with the rest of its line as far as that is short. */
export interface OutputMatch {
  /** The first byte of the text. */
  offset: number
  before: string
  text: string
  after: string
}

/** The answer of `taskrealm.search`: what stands in a part of a stream. */
export interface SearchPage {
  stream: OutputStream
  /** In order, the first of each line. */
  matches: OutputMatch[]
  /** The offset where to go on. */
  next: number
  /** Whether there is output from `next` on that was not looked through. */
  more: boolean
  /** Bytes printed so far. */
  size: number
}
