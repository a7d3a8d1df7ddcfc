/** How to connect: as pages say it, and as the connection needs it. */

import type {JoinerOptions, Token} from "./joiner"
import {type Join, join, type Transport} from "./wamp"

/** Where to connect to, and as whom. */
export interface ConnectOptions {
  /** Where the router's WebSocket is; relative to the page. `"/ws"` unless given. */
  url?: string
  /** A token, or what gets one: it is asked before every join, so it may hand out a fresh one. */
  token: Token
  /** `"taskrealm"` unless given. */
  realm?: string
  /** Where the node answers HTTP; `api` beside `url` unless given. */
  api?: string
  /**
   * The only way to connect. Unless given, a WebSocket, and HTTP with the same events where no
   * WebSocket gets through.
   */
  transport?: Transport
  /** The node's `max_message_size` in bytes where that is not the usual one. */
  sendLimit?: number
  /** @internal Opens sessions; tests put another one in its place. */
  join?: Join
  /** @internal The same for sessions over HTTP. */
  fallback?: Join
}

/** *options* with all that was left out. */
export function completed(options: ConnectOptions): JoinerOptions {
  const {token, transport, sendLimit, realm = "taskrealm"} = options
  const url = absolute(options.url ?? "/ws")
  return {
    url,
    api: apiOf(url, options.api),
    realm,
    token,
    transport,
    sendLimit,
    join: options.join ?? join,
    fallback: options.fallback ?? (options.join ? undefined : joinByHttp),
  }
}

/** *url* as a WebSocket URL, relative to the page. */
function absolute(url: string): string {
  const resolved = new URL(url, globalThis.location?.href)
  resolved.protocol = resolved.protocol.replace("http", "ws")
  return resolved.href
}

/** Where HTTP is answered: *given*, relative to the page, or `api` beside the WebSocket's *url*. */
function apiOf(url: string, given: string | undefined): string {
  const api = given === undefined ? new URL("api", url) : new URL(given, globalThis.location?.href)
  api.protocol = api.protocol.replace("ws", "http")
  return api.href.replace(/\/$/, "")
}

/** Joins over HTTP; the code for that is loaded when it is needed. */
const joinByHttp: Join = async (options, signal) => {
  const http = await import("./http")
  return await http.joinByHttp(options, signal)
}
