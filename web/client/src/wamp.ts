/**
 * One WAMP session over one WebSocket; the only module that knows autobahn.js.
 *
 * Uses autobahn's session, not its `Connection`, which gives up reconnecting when it should
 * not, nor its transports, half of which are for Node. Reconnecting is the business of
 * `connection.ts`.
 */

import * as autobahn from "autobahn/lib/session.js"
import {disconnected, fromCode, fromWire, TaskRealmError} from "./errors"
import type {Scope} from "./protocol"

/** What carries a session. */
export type Transport = "websocket" | "http"

/** Who and where to join. */
export interface JoinOptions {
  url: string
  /** Where the gateway is, for sessions over HTTP. */
  api: string
  realm: string
  ticket: string
  /** Bytes of the largest message that the router takes; the usual ones unless given. */
  sendLimit?: number | undefined
  /** The id of a client in all its sessions: a new one takes over from an older one. */
  client: string
}

/** Bytes of one message that a node takes unless it is set otherwise. */
const SEND_LIMIT = 1_048_576

/** Bytes of a message besides what is given to the procedure. */
const ENVELOPE = 256

/** A joined session. Every promise settles when the session is lost, at the latest. */
export interface Session {
  readonly authid: string
  readonly role: string
  /** What the session is limited to. */
  readonly scope: Scope
  /** When the router ends it, in milliseconds since 1970; null if it says nothing of that. */
  readonly expiresAt: number | null
  readonly transport: Transport
  /** Resolves when the session is lost or closed. */
  readonly closed: Promise<void>
  call(uri: string, args: readonly unknown[], kwargs: Record<string, unknown>): Promise<unknown>
  /** Never subscribe to a topic while another request about the same one is under way. */
  subscribe(topic: string, handler: (...args: unknown[]) => void): Promise<Unsubscribe>
  close(): void
}

export type Unsubscribe = () => Promise<void>

/** The router closed the door before the session was joined. */
export class JoinRefused extends Error {
  override name = "JoinRefused"

  constructor(
    /** The URI of the reason, or null when there was no WAMP answer at all. */
    readonly reason: string | null,
    message: string,
  ) {
    super(message)
  }
}

/** Opens sessions; tests put another one in its place. */
export type Join = (options: JoinOptions, signal: AbortSignal) => Promise<Session>

/**
 * Join *realm* with a ticket.
 *
 * @throws {JoinRefused} refused, unreachable, or given up because *signal* was aborted
 */
export const join: Join = async ({url, realm, ticket, sendLimit, client}, signal) => {
  const socket = new WebSocket(url, ["wamp.2.json"])
  const transport = transportOf(socket)
  const report = (error: unknown) => console.error("taskrealm:", error)
  const session = new autobahn.Session(transport, deferred, () => ticket, report, report)

  const pending = new Set<(error: TaskRealmError) => void>()
  let isOpen = true
  let reportClosed = () => {}
  const closed = new Promise<void>(resolve => {
    reportClosed = resolve
  })

  /** Ends everything at once: a dead network would delay the WebSocket's own close for minutes. */
  const end = () => {
    if (!isOpen) return
    isOpen = false
    transport.close()
    for (const reject of pending) reject(disconnected())
    pending.clear()
    reportClosed()
  }

  /** *answer*, or a rejection when the session ends first; autobahn leaves it open then. */
  const settled = <T>(start: () => Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      if (!isOpen) {
        reject(disconnected())
        return
      }
      pending.add(reject)
      start()
        .then(resolve, error => reject(asError(error)))
        .finally(() => pending.delete(reject))
    })

  const {authid, authrole, authextra} = await new Promise<autobahn.WelcomeDetails>(
    (resolve, reject) => {
      let refusal = new JoinRefused(null, "The server cannot be reached")
      const giveUp = () => end()
      signal.addEventListener("abort", giveUp, {once: true})
      closed.then(() => reject(refusal))
      socket.onopen = () => session.join(realm, ["ticket"], "", {client})
      socket.onclose = end
      session.onjoin = details => {
        signal.removeEventListener("abort", giveUp)
        resolve(details)
      }
      session.onleave = (reason, details) => {
        refusal = new JoinRefused(reason, details.message || reason)
        // autobahn's answer to a GOODBYE is written one microtask later.
        queueMicrotask(end)
      }
      if (signal.aborted) end()
    },
  )

  return {
    authid,
    role: authrole,
    scope: authextra?.scope ?? {},
    expiresAt: authextra?.expires_at ? Date.parse(authextra.expires_at) : null,
    transport: "websocket",
    closed,
    call: (uri, args, kwargs) =>
      settled(async () => {
        // The router would close the connection over it, for everybody who uses it.
        requireRoom(args, kwargs, sendLimit ?? SEND_LIMIT)
        const result = await session.call(uri, args, kwargs)
        return result instanceof autobahn.Result
          ? {args: result.args, kwargs: result.kwargs}
          : result
      }),
    subscribe: async (topic, handler) => {
      const deliver = (args: unknown[]) => {
        if (isOpen) handler(...args)
      }
      const subscription = await settled(() => session.subscribe(topic, deliver))
      return () => settled(async () => void (await subscription.unsubscribe()))
    },
    close: end,
  }

  function asError(error: unknown): TaskRealmError {
    if (error instanceof autobahn.Error) return fromWire(error.error, error.args, error.kwargs)
    if (error instanceof TaskRealmError) return error
    // autobahn throws texts: "session not open", "subscription not active".
    return typeof error === "string" ? disconnected() : fromCode("internal", `${error}`)
  }
}

/** @throws {TaskRealmError} `too_large` when a call with these arguments exceeds *limit* bytes */
function requireRoom(args: readonly unknown[], kwargs: object, limit: number): void {
  const size = new TextEncoder().encode(JSON.stringify([args, kwargs])).length + ENVELOPE
  if (size <= limit) return
  const message = `A call of ${size} bytes is larger than the ${limit} bytes that the node takes`
  throw fromCode("too_large", message, {limit})
}

/** What carries the messages of an autobahn session through *socket*. */
function transportOf(socket: WebSocket): autobahn.Transport {
  const transport: autobahn.Transport = {
    // An error here has to reject the request, which a promise of autobahn's own would not.
    send: message => socket.send(JSON.stringify(message)),
    close: (code, reason) => socket.close(code, reason),
    onmessage: () => {},
  }
  socket.onmessage = ({data}) => transport.onmessage(JSON.parse(data))
  return transport
}

/** autobahn would take the `when` library otherwise, whose promises report rejections early. */
function deferred() {
  let resolve!: (value: unknown) => void
  let reject!: (reason: unknown) => void
  const promise = new Promise<unknown>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  return {promise, resolve, reject}
}
