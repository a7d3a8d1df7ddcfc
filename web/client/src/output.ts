/** What a job prints, from the journal and then live, without a repeat and with its gaps told. */

import type {Connection} from "./connection"
import {OutputCursor} from "./cursor"
import type {JobFeed} from "./feed"
import {
  type OutputChunk,
  type OutputPage,
  type OutputSource,
  type OutputStream,
  outputTopic,
  uidOf,
  uris,
} from "./protocol"
import {Signal} from "./signal"

/** Bytes asked for at once. */
const PAGE = 262_144

/** Seconds between questions when live output cannot be subscribed to. */
const POLL = 1

/** Seconds to wait for bytes that were published before they could be asked for. */
const PATIENCE = 0.25

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
    return await readOn(cursor, feed, connection)
  }
}

/** The result of a job that has succeeded, where it was too big for the terminal event. */
export async function readResult(feed: JobFeed, connection: Connection): Promise<unknown> {
  const cursor = new OutputCursor<"result">("result", 0)
  let json = ""
  while (!cursor.hasEnded) {
    for (const chunk of await readOn(cursor, feed, connection)) json += chunk.text
  }
  return JSON.parse(json)
}

/** Ask for what is missing behind *cursor*. */
async function readOn<Source extends OutputSource>(
  cursor: OutputCursor<Source>,
  feed: JobFeed,
  connection: Connection,
): Promise<OutputChunk<Source>[]> {
  const ask = cursor.ask()
  const kwargs = {job_id: feed.id, stream: cursor.stream, offset: ask.since, limit: PAGE}
  return cursor.answer(ask, (await connection.ask(uris.output, kwargs)) as OutputPage<Source>)
}
