/** What a job prints, from the journal and then live, without a hole or a repeat. */

import type {Connection} from "./connection"
import type {JobFeed} from "./feed"
import {
  type OutputChunk,
  type OutputPage,
  type OutputStream,
  outputTopic,
  uidOf,
  uris,
} from "./protocol"
import {Signal} from "./signal"
import type {Ask} from "./stream"

/** Characters of live output held for a slow reader; more is dropped and asked for later. */
const HELD_LIMIT = 1_000_000

/** Seconds between questions when live output cannot be subscribed to. */
const POLL = 1

/** Seconds to wait for bytes that were published before they could be asked for. */
const PATIENCE = 0.25

/** Puts the pieces of one stream in order by their byte offsets; knows no network. */
export class OutputCursor {
  #position: number
  #behind = false
  #hasEnded = false
  #interruptions = 0
  #held: OutputChunk[] = []
  #heldLength = 0

  /** @param from the byte offset to begin at */
  constructor(
    readonly stream: OutputStream,
    from: number,
  ) {
    this.#position = from
  }

  /** Whether output may be missing, so that it must be asked for. */
  get behind(): boolean {
    return this.#behind
  }

  /** Whether the job has ended and everything was delivered. */
  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** Output may have been missed up to this moment. */
  interrupt(): void {
    this.#behind = !this.#hasEnded
    this.#interruptions += 1
  }

  ask(): Ask {
    return {since: this.#position, mark: this.#interruptions}
  }

  /** Take *chunk* as it was published. */
  live(chunk: OutputChunk): void {
    this.#held.push(chunk)
    this.#heldLength += chunk.text.length
    if (this.#heldLength > HELD_LIMIT) {
      this.#hold([])
      this.interrupt()
    }
  }

  /** Live chunks that continue what was delivered. */
  take(): OutputChunk[] {
    const ready: OutputChunk[] = []
    const waiting: OutputChunk[] = []
    for (const chunk of this.#held) {
      if (chunk.next <= this.#position) continue
      if (this.#behind || chunk.offset !== this.#position) {
        this.#behind = true
        waiting.push(chunk)
      } else {
        this.#position = chunk.next
        ready.push(chunk)
      }
    }
    this.#hold(waiting)
    return ready
  }

  /** Take the answer to *ask*. */
  answer(ask: Ask, {stream, offset, next, text, size, dropped, end}: OutputPage): OutputChunk[] {
    this.#position = next
    this.#hasEnded = end
    // Beyond the limit nothing is kept, so a hole there is never filled. Nor can an overlap be
    // cut out of the text of a live chunk; its rest is asked for.
    const isFull = dropped > 0 && next === size
    this.#hold(isFull ? [] : this.#held.filter(chunk => chunk.offset >= next))
    const hasHole = this.#held[0] !== undefined && this.#held[0].offset !== next
    this.#behind = !end && (next < size || hasHole || ask.mark !== this.#interruptions)
    const ready: OutputChunk[] = text === "" ? [] : [{stream, offset, next, text}]
    if (end && dropped > 0) ready.push({stream, offset: next, next, text: "", dropped})
    return ready
  }

  #hold(chunks: OutputChunk[]): void {
    this.#held = chunks
    this.#heldLength = chunks.reduce((length, chunk) => length + chunk.text.length, 0)
  }
}

/** Which output to read. */
export interface OutputOptions {
  /** One stream only; both unless given. */
  stream?: OutputStream | undefined
  /** The byte offset to begin at, for each stream; 0 unless given. */
  from?: number | Partial<Record<OutputStream, number>> | undefined
  /** Ends the reading when it is aborted. */
  signal?: AbortSignal | undefined
}

/** Yields output until the job has ended and everything is delivered. */
export async function* readOutput(
  feed: JobFeed,
  connection: Connection,
  {stream, from = 0, signal}: OutputOptions,
): AsyncGenerator<OutputChunk, void> {
  const streams: OutputStream[] = stream ? [stream] : ["stdout", "stderr"]
  const start = (name: OutputStream) => (typeof from === "number" ? from : (from[name] ?? 0))
  const cursors = streams.map(name => new OutputCursor(name, start(name)))
  const news = new Signal()
  let hasNews = false
  let isRefused = false
  let isOver = false

  const stir = () => {
    hasNews = true
    news.raise()
  }
  const interrupt = () => {
    for (const cursor of cursors) cursor.interrupt()
    stir()
  }

  await feed.until(() => feed.record !== null)
  const owner = feed.record?.owner ?? ""
  const unsubscribe = connection.subscribe(outputTopic(uidOf(owner), feed.id), {
    onPublication: published => {
      const chunk = published as OutputChunk
      cursors.find(cursor => cursor.stream === chunk.stream)?.live(chunk)
      stir()
    },
    onReady: () => {
      isRefused = false
      interrupt()
    },
    onRefused: () => {
      isRefused = true
      interrupt()
    },
  })
  feed.until(() => feed.hasEnded || isOver).then(interrupt, interrupt)
  signal?.addEventListener("abort", stir)

  try {
    while (!signal?.aborted) {
      hasNews = false
      for (const cursor of cursors) {
        for (const chunk of await next(cursor)) {
          hasNews = true
          if (signal?.aborted) return
          yield chunk
        }
      }
      if (cursors.every(cursor => cursor.hasEnded)) return
      if (hasNews) continue
      const isPolled = isRefused || feed.isPolled
      const pause = isPolled ? POLL : undefined
      await news.wait(cursors.some(cursor => cursor.behind) ? PATIENCE : pause)
      if (isPolled) interrupt()
    }
  } finally {
    isOver = true
    unsubscribe()
    signal?.removeEventListener("abort", stir)
  }

  async function next(cursor: OutputCursor): Promise<OutputChunk[]> {
    const live = cursor.take()
    if (live.length > 0 || !cursor.behind) return live
    const ask = cursor.ask()
    const kwargs = {job_id: feed.id, stream: cursor.stream, offset: ask.since}
    return cursor.answer(ask, (await connection.ask(uris.output, kwargs)) as OutputPage)
  }
}
