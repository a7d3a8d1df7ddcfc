/** What a job prints, from the journal and then live, without a repeat and with its gaps told. */

import type {Connection} from "./connection"
import {OutputCursor} from "./cursor"
import type {JobFeed} from "./feed"
import {isHidden, onVisibility} from "./page"
import {type AskPage, PAGE, Pages} from "./pages"
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
import type {TopicHandler} from "./topic"

/** Bytes that a question has to ask for, which are those of the longest character. */
const SHORTEST = 4

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
  /** What was printed before `from`, or so far, backwards in pieces of whole characters. */
  reverse?: boolean | undefined
  /** Whether to go on while nobody sees the page. */
  background?: boolean | undefined
  /** Ends the reading when it is aborted. */
  signal?: AbortSignal | undefined
}

/** Which piece of the output to read. */
export interface PageOptions {
  /** `"stdout"` unless given. */
  stream?: OutputStream | undefined
  /** The byte to begin at; 0 unless given. */
  offset?: number | undefined
  /** Bytes at most, from 4 to 262 144. */
  limit?: number | undefined
}

/** Where to search. */
export interface SearchOptions {
  /** `"stdout"` unless given. */
  stream?: OutputStream | undefined
  /** The byte to begin at: 0, or the `next` of the page before. */
  offset?: number | undefined
  /** Matches at most, up to 1000. */
  limit?: number | undefined
  /** Whether upper and lower case differ; they do not unless it is given. */
  matchCase?: boolean | undefined
}

/** Yields output until the job has ended and everything is delivered. */
export async function* readOutput(
  feed: JobFeed,
  connection: Connection,
  {stream, from = 0, signal, background = false}: OutputOptions,
): AsyncGenerator<OutputChunk, void> {
  const streams: OutputStream[] = stream ? [stream] : ["stdout", "stderr"]
  const start = (name: OutputStream) => (typeof from === "number" ? from : (from[name] ?? 0))
  const cursors = streams.map(name => new OutputCursor(name, start(name)))
  const pages = new Map(
    cursors.map(cursor => [cursor, new Pages(cursor, asking(cursor.stream, feed, connection))]),
  )
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
  const handler: TopicHandler = {
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
  }
  const topic = outputTopic(uidOf(owner), feed.id)
  const rests = () => !background && isHidden()
  let unsubscribe: (() => void) | null = null
  const followPage = () => {
    if (rests()) {
      unsubscribe?.()
      unsubscribe = null
    } else {
      // What was published meanwhile is asked for as soon as the topic is heard again.
      unsubscribe ??= connection.subscribe(topic, handler)
    }
    stir()
  }
  const deaf = onVisibility(followPage)
  followPage()
  feed.until(() => feed.hasEnded || isOver).then(interrupt, interrupt)
  signal?.addEventListener("abort", stir)

  try {
    while (!signal?.aborted) {
      if (rests()) {
        await news.wait()
        continue
      }
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
    deaf()
    followNoMore()
    signal?.removeEventListener("abort", stir)
  }

  function followNoMore(): void {
    unsubscribe?.()
  }

  async function next(cursor: OutputCursor): Promise<OutputChunk[]> {
    const live = cursor.take()
    if (live.length > 0 || !cursor.behind) return live
    return (await pages.get(cursor)?.read()) ?? []
  }
}

/**
 * Yields what was printed before `from`, or so far, the last piece first.
 *
 * Of both streams, unless only one is wanted, each piece says which it is of.
 */
export async function* readBack(
  jobId: string,
  connection: Connection,
  {stream, from, signal}: OutputOptions,
): AsyncGenerator<OutputChunk, void> {
  for (const name of stream ? [stream] : (["stdout", "stderr"] as const)) {
    const ask = async (offset: number, limit: number) =>
      (await connection.ask(uris.output, {
        job_id: jobId,
        stream: name,
        offset,
        limit,
      })) as OutputPage
    const given = typeof from === "number" ? from : from?.[name]
    let end = Math.min(given ?? Number.POSITIVE_INFINITY, (await ask(0, SHORTEST)).size)
    while (end > 0) {
      // A page that is read up to here ends where a character does, and this one begins there.
      const start = end > PAGE ? (await ask(end - PAGE - SHORTEST, SHORTEST)).next : 0
      const pieces: OutputChunk[] = []
      for (let at = Math.min(start, end - 1); at < end; ) {
        if (signal?.aborted) return
        const {offset, next, text, skipped} = await ask(at, Math.max(SHORTEST, end - at))
        if (next <= at) break
        const isGap = offset >= end
        pieces.push({
          stream: name,
          offset: isGap ? end : offset,
          next: Math.min(next, end),
          text: isGap ? "" : upTo(text, end - offset),
          ...(skipped > 0 && {skipped: Math.min(skipped, end - at)}),
        })
        at = next
      }
      for (const piece of pieces.reverse()) {
        if (signal?.aborted) return
        yield piece
      }
      end = Math.min(start, end - 1)
    }
  }
}

/** The beginning of *text* that takes no more than *size* bytes. */
function upTo(text: string, size: number): string {
  const bytes = new TextEncoder().encode(text)
  return bytes.length <= size ? text : new TextDecoder().decode(bytes.subarray(0, size))
}

/** The result of a job that has succeeded, where it was too big for the terminal event. */
export async function readResult(feed: JobFeed, connection: Connection): Promise<unknown> {
  const cursor = new OutputCursor<"result">("result", 0)
  const pages = new Pages(cursor, asking("result", feed, connection))
  let json = ""
  while (!cursor.hasEnded) {
    for (const chunk of await pages.read()) json += chunk.text
  }
  return JSON.parse(json)
}

/** How pages of *stream* are asked for. */
function asking<Source extends OutputSource>(
  stream: Source,
  feed: JobFeed,
  connection: Connection,
): AskPage<Source> {
  return async (offset, limit) => {
    const kwargs = {job_id: feed.id, stream, offset, limit}
    return (await connection.ask(uris.output, kwargs)) as OutputPage<Source>
  }
}
