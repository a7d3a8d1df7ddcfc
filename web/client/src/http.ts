/**
 * A session over HTTP, for networks that let no WebSocket through; loaded when it is needed.
 *
 * Calls are requests of their own. What is published comes through a channel of the gateway,
 * as server-sent events where they arrive as they are sent, and by long poll where somebody on
 * the way holds them up. A channel that is lost ends the session, as a lost socket does.
 */

import {disconnected, fromCode, TaskRealmError} from "./errors"
import {type Scope, uris} from "./protocol"
import {type Join, JoinRefused, type Session} from "./wamp"

/** All in seconds. */
const FIRST_BYTE = 4
const SILENCE = 40
const LONG_POLL = 25
const REST = 1

/** Cuts of the stream, one after the other without news, after which the session is given up. */
const PATIENCE = 3

/** Problems by which the node refuses whoever joins; others mean that it cannot be reached. */
const REFUSALS: ReadonlySet<unknown> = new Set(["invalid_token", "not_authorized"])

/** Answers of these come before what is published meanwhile, as through a WebSocket. */
const FIRST: ReadonlySet<string> = new Set([uris.exec, uris.execMany])

interface Opened {
  channel: string
  authid: string
  authrole: string
  scope: Scope
  expires_at: string | null
}

interface Publication {
  number: number
  topic: string
  args: unknown[]
}

type Handler = (...args: unknown[]) => void

/**
 * Join as whoever has the ticket.
 *
 * @throws {JoinRefused} refused, unreachable, or given up because *signal* was aborted
 */
export const joinByHttp: Join = async ({api, ticket}, signal) => {
  const me = await opened(api, ticket, signal)
  return new HttpSession(api, ticket, me)
}

class HttpSession implements Session {
  readonly authid: string
  readonly role: string
  readonly scope: Scope
  readonly expiresAt: number | null
  readonly transport = "http"
  readonly closed: Promise<void>

  #channel: string
  #handlers = new Map<string, Handler>()
  #end = new AbortController()
  #last = 0
  #isHeldUp = false
  /** Submissions under way: what is published waits for their answers. */
  #submissions = 0
  #held: Publication[] = []

  constructor(
    private readonly api: string,
    private readonly ticket: string,
    {authid, authrole, scope, expires_at, channel}: Opened,
  ) {
    this.authid = authid
    this.role = authrole
    this.scope = scope
    this.expiresAt = expires_at === null ? null : Date.parse(expires_at)
    this.#channel = `channels/${channel}`
    this.closed = new Promise(resolve =>
      this.#end.signal.addEventListener("abort", () => resolve()),
    )
    void this.#listen()
  }

  async call(
    procedure: string,
    args: readonly unknown[],
    kwargs: Record<string, unknown>,
  ): Promise<unknown> {
    if (!FIRST.has(procedure)) return await this.#json("POST", "call", {procedure, args, kwargs})
    this.#submissions += 1
    try {
      return await this.#json("POST", "call", {procedure, args, kwargs})
    } finally {
      // Whoever has called goes on before what waits is handed out.
      setTimeout(() => {
        this.#submissions -= 1
        this.#handOut()
      })
    }
  }

  async subscribe(topic: string, handler: Handler): Promise<() => Promise<void>> {
    const path = `${this.#channel}/topics/${topic}`
    this.#handlers.set(topic, handler)
    try {
      await this.#json("POST", path)
    } catch (error) {
      this.#handlers.delete(topic)
      throw error
    }
    return async () => {
      this.#handlers.delete(topic)
      await this.#json("DELETE", path)
    }
  }

  close(): void {
    if (this.#end.signal.aborted) return
    this.#end.abort()
    // Nobody waits for it: an idle channel is closed by the node, too.
    void request(this.api, this.ticket, "DELETE", this.#channel).catch(() => {})
  }

  /** Read the channel until it cannot be read any more. */
  async #listen(): Promise<void> {
    for (let failures = 0; failures < PATIENCE && !this.#end.signal.aborted; ) {
      const before = this.#last
      try {
        if (this.#isHeldUp) await this.#poll()
        else await this.#stream()
        failures = 0
      } catch (error) {
        if (error instanceof TaskRealmError && error.code !== "unavailable") break
        failures = this.#last > before ? 1 : failures + 1
        await pause(REST * failures)
      }
    }
    this.#end.abort()
  }

  async #poll(): Promise<void> {
    const path = `${this.#channel}/publications?after=${this.#last}&wait=${LONG_POLL}`
    const late = AbortSignal.timeout((LONG_POLL + SILENCE) * 1000)
    const response = await this.#ask("GET", path, undefined, late)
    const {publications} = (await response.json()) as {publications: Publication[]}
    for (const publication of publications) this.#take(publication)
  }

  /** Read server-sent events; returns when the node has ended them, or they are held up. */
  async #stream(): Promise<void> {
    const stop = new AbortController()
    const signal = AbortSignal.any([stop.signal, this.#end.signal])
    let timer = setTimeout(() => {
      this.#isHeldUp = true
      stop.abort()
    }, FIRST_BYTE * 1000)
    try {
      const path = `${this.#channel}/publications?after=${this.#last}`
      const accept = {Accept: "text/event-stream"}
      const response = await this.#ask("GET", path, undefined, signal, accept)
      const reader = (response.body as ReadableStream<BufferSource>)
        .pipeThrough(new TextDecoderStream())
        .getReader()
      let text = ""
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        clearTimeout(timer)
        timer = setTimeout(() => stop.abort(), SILENCE * 1000)
        const frames = (text + part.value).split("\n\n")
        text = frames.pop() ?? ""
        for (const frame of frames) {
          const data = frame.split("\n").find(line => line.startsWith("data: "))
          if (data) this.#take(JSON.parse(data.slice(6)))
        }
      }
    } catch (error) {
      if (!this.#isHeldUp) throw error
    } finally {
      clearTimeout(timer)
    }
  }

  #take(publication: Publication): void {
    if (publication.number <= this.#last) return
    this.#last = publication.number
    this.#held.push(publication)
    this.#handOut()
  }

  #handOut(): void {
    if (this.#submissions > 0 || this.#end.signal.aborted) return
    for (const {topic, args} of this.#held.splice(0)) this.#handlers.get(topic)?.(...args)
  }

  async #json(method: string, path: string, body?: object): Promise<unknown> {
    const response = await this.#ask(method, path, body)
    try {
      return response.status === 204 ? null : await response.json()
    } catch {
      throw disconnected()
    }
  }

  /** @throws {TaskRealmError} `disconnected` when the session ends first, and what the node says */
  async #ask(
    method: string,
    path: string,
    body?: object,
    signal?: AbortSignal,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const end = this.#end.signal
    const until = signal ? AbortSignal.any([signal, end]) : end
    try {
      return await request(this.api, this.ticket, method, path, {body, signal: until, headers})
    } catch (error) {
      if (end.aborted || !(error instanceof TaskRealmError)) throw disconnected()
      // The token is good no more, or the node knows the channel no more.
      if (error.code === "invalid_token" || error.code === "unknown_channel") {
        this.#end.abort()
        throw disconnected()
      }
      throw error
    }
  }
}

async function opened(api: string, ticket: string, signal: AbortSignal): Promise<Opened> {
  try {
    const response = await request(api, ticket, "POST", "channels", {signal})
    return (await response.json()) as Opened
  } catch (error) {
    const isRefusal = error instanceof TaskRealmError && REFUSALS.has(error.code)
    const reason = isRefusal ? `taskrealm.error.${error.code}` : null
    throw new JoinRefused(reason, isRefusal ? error.message : "The server cannot be reached")
  }
}

/** @throws {TaskRealmError} the problem that the node tells */
async function request(
  api: string,
  ticket: string,
  method: string,
  path: string,
  options: {
    body?: object | undefined
    signal?: AbortSignal
    headers?: Record<string, string>
  } = {},
): Promise<Response> {
  const {body, signal = null, headers = {}} = options
  const response = await fetch(`${api}/${path}`, {
    method,
    signal,
    cache: "no-store",
    credentials: "omit",
    headers: {
      ...headers,
      Authorization: `Bearer ${ticket}`,
      ...(body && {"Content-Type": "application/json"}),
    },
    ...(body && {body: JSON.stringify(body)}),
  })
  if (response.ok) return response
  const told: unknown = await response.json().catch(() => null)
  // A page of a proxy, or of whatever else stands there instead of the node.
  if (typeof told !== "object" || told === null || !("code" in told)) {
    throw new TaskRealmError("unavailable", "The node cannot be reached just now")
  }
  const {code, detail, title, status, ...data} = told as Record<string, unknown>
  throw fromCode(String(code), String(detail), data)
}

function pause(seconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, seconds * 1000))
}
