/** Joins a realm: with a token that is fresh, over whatever gets through. */

import {unlessAborted} from "./abort"
import {randomId} from "./random"
import {type Join, JoinRefused, type Session, type Transport} from "./wamp"

/** All in seconds. */
const JOIN_TIMEOUT = 10
/** Between tries to open a WebSocket again, while HTTP takes its place: half of it to all. */
const UPGRADE_AFTER = 60
/** Before a token expires: time to join with another one. */
const RENEW_BEFORE = 30
/** Sessions shorter than this are not renewed ahead; clocks may differ by about so much. */
const RENEWED_AFTER = 60

/** WebSockets that could not be opened, one after the other, before HTTP is tried. */
const BLOCKED = 2

/** Answers to a join that trying again cannot change. */
const FINAL_REASONS: ReadonlySet<string> = new Set([
  "taskrealm.error.invalid_token",
  "taskrealm.error.not_authorized",
  "wamp.error.authentication_failed",
  "wamp.error.not_authorized",
  "wamp.error.no_auth_method",
  "wamp.error.no_such_role",
])

/** A token, or what gets one. */
export type Token = string | (() => string | Promise<string>)

/** Where to join, as whom, and by what. */
export interface JoinerOptions {
  url: string
  realm: string
  sendLimit?: number | undefined
  token: Token
  /** Where the gateway is. */
  api?: string
  /** The only way to join; both unless given. */
  transport?: Transport | undefined
  join: Join
  /** Joins over HTTP where no WebSocket gets through. */
  fallback?: Join | undefined
}

/** Gets sessions for a connection, and knows when there may be a better one. */
export class Joiner {
  #options: JoinerOptions
  /** By this the node knows that a session of ours which it still holds is dead. */
  #client = randomId()
  #attempt: AbortController | null = null
  /** WebSockets in a row that could not be opened. */
  #blocked = 0
  #isStopped = false

  constructor(options: JoinerOptions) {
    this.#options = options
  }

  /**
   * Join, with a fresh token if the first is refused.
   *
   * @throws {JoinRefused} see {@link isFinal}
   */
  async join(): Promise<Session> {
    const ticket = await this.#ticket()
    try {
      return await this.#joinWith(ticket)
    } catch (error) {
      if (!isFinal(error) || typeof this.#options.token === "string") throw error
      // It may have expired on its way, or have come from a cache.
      const fresh = await this.#ticket()
      if (fresh === ticket) throw error
      return await this.#joinWith(fresh)
    }
  }

  /**
   * Join beside a session that stays meanwhile.
   *
   * @throws {JoinRefused} whatever the reason, the other session is as good as it was
   */
  async joinBeside(): Promise<Session> {
    // Under the same id, the node would take the session that we have for dead.
    this.#client = randomId()
    return await this.#through(this.#options.transport ?? "websocket", await this.#ticket())
  }

  /** Whether it is over HTTP only because no WebSocket got through. */
  isSubstitute({transport}: Session): boolean {
    return transport === "http" && this.#options.transport !== "http"
  }

  /** Seconds after which to look for a better *session*; infinite if it is as good as any. */
  lasting(session: Session): number {
    const {expiresAt} = session
    const {token} = this.#options
    const upgrade = this.isSubstitute(session)
      ? UPGRADE_AFTER * (1 - Math.random() / 2)
      : Number.POSITIVE_INFINITY
    if (typeof token === "string" || expiresAt === null) return upgrade
    const left = (expiresAt - Date.now()) / 1000
    return left > RENEWED_AFTER ? Math.min(upgrade, left - RENEW_BEFORE) : upgrade
  }

  /** Give up what is under way. */
  stop(): void {
    this.#isStopped = true
    this.#attempt?.abort()
  }

  async #joinWith(ticket: string): Promise<Session> {
    const {transport, fallback} = this.#options
    if (transport === "http") return await this.#through("http", ticket)
    try {
      return await this.#through("websocket", ticket)
    } catch (error) {
      const isUnreached = error instanceof JoinRefused && error.reason === null
      if (this.#isStopped || !isUnreached || !fallback || transport) throw error
      if (this.#blocked < BLOCKED) throw error
      return await this.#through("http", ticket)
    }
  }

  /** The token, in the time that a join has. */
  async #ticket(): Promise<string> {
    const {token} = this.#options
    if (typeof token === "string") return token
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(), JOIN_TIMEOUT * 1000)
    return await unlessAborted(late.signal, (async () => token())()).finally(() =>
      clearTimeout(timer),
    )
  }

  async #through(transport: Transport, ticket: string): Promise<Session> {
    const {url, api = "", realm, join, fallback, sendLimit} = this.#options
    const isSocket = transport === "websocket"
    const attempt = new AbortController()
    this.#attempt = attempt
    const timer = setTimeout(() => attempt.abort(), JOIN_TIMEOUT * 1000)
    const enter = isSocket ? join : (fallback ?? join)
    const options = {url, api, realm, ticket, sendLimit, client: this.#client}
    try {
      const session = await enter(options, attempt.signal)
      if (isSocket) this.#blocked = 0
      return session
    } catch (error) {
      // One that hangs is as good a sign as two that fail.
      if (isSocket) this.#blocked += attempt.signal.aborted ? BLOCKED : 1
      throw error
    } finally {
      clearTimeout(timer)
      this.#attempt = null
    }
  }
}

/** Whether *error* is an answer that trying again cannot change. */
export function isFinal(error: unknown): error is JoinRefused {
  return error instanceof JoinRefused && error.reason !== null && FINAL_REASONS.has(error.reason)
}
