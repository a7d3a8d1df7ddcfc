/** Keeps one session joined, for ever: reconnects, subscribes again, and never lets a call hang. */

import {isTransient, TaskRealmError} from "./errors"
import {Signal} from "./signal"
import {type Join, JoinRefused, type Session, type Unsubscribe} from "./wamp"

/** All in seconds. */
const BACKOFF = {first: 1, most: 30}
const JOIN_TIMEOUT = 10
const CALL_TIMEOUT = 30
const STABLE_AFTER = 10
const HEARTBEAT = 25
const RESUBSCRIBE_AFTER = 5
const REPEAT_PATIENCE = 30

/** Failures after which nobody knows whether a request was carried out. */
const REPEATED = ["disconnected", "unavailable", "timeout"] as const

/** Answers to a join that trying again cannot change. */
const FINAL_REASONS: ReadonlySet<string> = new Set([
  "taskrealm.error.invalid_token",
  "taskrealm.error.not_authorized",
  "wamp.error.authentication_failed",
  "wamp.error.not_authorized",
  "wamp.error.no_auth_method",
  "wamp.error.no_such_role",
])

export type Token = string | (() => string | Promise<string>)

/** `joined` says nothing yet about missed events. */
export type Phase = "connecting" | "joined" | "offline" | "denied" | "closed"

export interface ConnectionOptions {
  url: string
  realm: string
  sendLimit?: number | undefined
  token: Token
  join: Join
}

export interface ConnectionHooks {
  /** The phase has changed. */
  onPhase(phase: Phase): void
  /** Nothing was heard for a while, or the page woke up: ask for something, soon. */
  onDoubt(): void
  /** A call has found no executor; what happens meanwhile is not heard. */
  onAway(): void
}

/** What happens on a topic that is to stay subscribed. */
export interface TopicHandler {
  onPublication(...args: unknown[]): void
  /** Subscribed; what was published before is missed. */
  onReady?(): void
  /** The router refused the subscription just now. */
  onRefused?(error: unknown): void
}

/** Seconds to wait after *tries* unsuccessful tries: full jitter, doubling up to a limit. */
export function backoff(tries: number): number {
  return Math.random() * Math.min(BACKOFF.most, BACKOFF.first * 2 ** tries)
}

export class Connection {
  phase: Phase = "connecting"
  session: Session | null = null
  /** Why the phase is `denied`. */
  denial: TaskRealmError | null = null

  #options: ConnectionOptions
  /** By this the node knows that a session of ours which it still holds is dead. */
  #client = randomId()
  #hooks: ConnectionHooks
  #topics = new Map<string, Topic>()
  #wake = new Signal()
  #again = new Signal()
  #attempt: AbortController | null = null
  #lastHeard = 0
  #leaveWindow: () => void

  constructor(options: ConnectionOptions, hooks: ConnectionHooks) {
    this.#options = options
    this.#hooks = hooks
    this.#leaveWindow = this.#watchWindow()
    void this.#run()
  }

  /** Why there will be no session any more; null as long as there may be one. */
  get over(): TaskRealmError | null {
    if (this.phase === "closed") return new TaskRealmError("closed", "The client was closed")
    return this.denial
  }

  close(): void {
    if (this.over) return
    this.#leaveWindow()
    this.#setPhase("closed")
    this.#attempt?.abort()
    this.session?.close()
    this.#wake.raise()
  }

  /**
   * Call a procedure.
   *
   * @param timeout seconds to wait for the answer
   * @throws {TaskRealmError} as the other side says, or `disconnected`, or `timeout`
   */
  async call(
    uri: string,
    args: readonly unknown[] = [],
    kwargs: Record<string, unknown> = {},
    timeout = CALL_TIMEOUT,
  ): Promise<unknown> {
    const {session} = this
    if (session === null) {
      throw this.over ?? new TaskRealmError("disconnected", "Not connected; nothing was sent")
    }
    const sentAt = now()
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new TaskRealmError("timeout", `No answer to ${uri} within ${timeout} s`))
        // Nothing at all came in meanwhile: the line is dead, whatever the socket believes.
        if (this.#lastHeard < sentAt) session.close()
      }, timeout * 1000)
    })
    const answer = session.call(uri, args, kwargs).finally(() => this.#heard())
    try {
      return await Promise.race([answer, late])
    } catch (error) {
      if (hasCode(error, "unavailable")) this.#hooks.onAway()
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  /**
   * Call what may be asked twice, again if the answer is lost or there is nobody to answer.
   *
   * @throws {TaskRealmError} as {@link call} does, `REPEAT_PATIENCE` after the first failure
   */
  async repeat(
    uri: string,
    args: readonly unknown[],
    kwargs: Record<string, unknown>,
  ): Promise<unknown> {
    let firstFailure = Number.POSITIVE_INFINITY
    for (let tries = 0; ; tries += 1) {
      try {
        return await this.call(uri, args, kwargs)
      } catch (error) {
        if (this.over || !REPEATED.some(code => hasCode(error, code))) throw error
        firstFailure = Math.min(firstFailure, now())
        const pause = backoff(tries)
        if (now() + pause - firstFailure > REPEAT_PATIENCE) throw error
        await this.#again.wait(pause)
      }
    }
  }

  /**
   * Call until there is an answer; what trying again may cure is tried again.
   *
   * @throws {TaskRealmError} what trying again does not cure
   */
  async ask(uri: string, kwargs: Record<string, unknown>): Promise<unknown> {
    for (let tries = 0; ; tries += 1) {
      try {
        return await this.call(uri, [], kwargs)
      } catch (error) {
        if (!isTransient(error)) throw error
        await this.#again.wait(backoff(tries))
      }
    }
  }

  /** Something has changed for the better: try again at once what waits to be tried again. */
  tryAgain(): void {
    this.#again.raise()
  }

  /**
   * Stay subscribed to *uri*, also after reconnects.
   *
   * @returns call it to unsubscribe
   */
  subscribe(uri: string, handler: TopicHandler): () => void {
    const topic = this.#topics.get(uri) ?? this.#openTopic(uri)
    topic.add(handler)
    return () => topic.delete(handler)
  }

  #openTopic(uri: string): Topic {
    const hooks = {
      onHeard: () => this.#heard(),
      onSettled: () => {
        if (topic.isUnused) this.#topics.delete(uri)
      },
    }
    const topic = new Topic(uri, this.session, hooks)
    this.#topics.set(uri, topic)
    return topic
  }

  async #run(): Promise<void> {
    let tries = 0
    while (!this.over) {
      const lived = await this.#live()
      if (this.over) return
      this.#setPhase("offline")
      if (lived > STABLE_AFTER) tries = 0
      await this.#wake.wait(backoff(tries))
      tries += 1
    }
  }

  /** Join and stay until the session is lost; returns the seconds that it lasted. */
  async #live(): Promise<number> {
    let session: Session
    try {
      session = await this.#join()
    } catch (error) {
      if (isFinal(error)) this.#deny(error)
      return 0
    }
    const joinedAt = now()
    this.#enter(session)
    await session.closed
    this.session = null
    return now() - joinedAt
  }

  async #join(): Promise<Session> {
    const {url, realm, token, join, sendLimit} = this.#options
    const ticket = typeof token === "string" ? token : await token()
    const attempt = new AbortController()
    this.#attempt = attempt
    const timer = setTimeout(() => attempt.abort(), JOIN_TIMEOUT * 1000)
    try {
      return await join({url, realm, ticket, sendLimit, client: this.#client}, attempt.signal)
    } finally {
      clearTimeout(timer)
      this.#attempt = null
    }
  }

  #enter(session: Session): void {
    if (this.over) {
      session.close()
      return
    }
    this.session = session
    this.#heard()
    this.#setPhase("joined")
    for (const topic of this.#topics.values()) topic.enter(session)
  }

  #deny(refusal: JoinRefused): void {
    this.#leaveWindow()
    this.denial = new TaskRealmError("invalid_token", refusal.message, {reason: refusal.reason})
    this.#setPhase("denied")
  }

  #setPhase(phase: Phase): void {
    if (this.phase === phase) return
    this.phase = phase
    this.#again.raise()
    this.#hooks.onPhase(phase)
  }

  #heard(): void {
    this.#lastHeard = now()
  }

  /** Reconnect at once when the network or the page comes back; doubt a silent line. */
  #watchWindow(): () => void {
    const onWake = () => {
      this.#wake.raise()
      if (this.session) this.#hooks.onDoubt()
    }
    const onVisible = () => {
      if (document.visibilityState === "visible") onWake()
    }
    const heartbeat = setInterval(
      () => {
        if (this.session && now() - this.#lastHeard > HEARTBEAT) this.#hooks.onDoubt()
      },
      (HEARTBEAT / 2) * 1000,
    )
    globalThis.addEventListener?.("online", onWake)
    globalThis.document?.addEventListener("visibilitychange", onVisible)
    return () => {
      clearInterval(heartbeat)
      globalThis.removeEventListener?.("online", onWake)
      globalThis.document?.removeEventListener("visibilitychange", onVisible)
    }
  }
}

/** A topic that stays subscribed, in one session after the other, as long as it has handlers. */
class Topic {
  #handlers = new Set<TopicHandler>()
  #session: Session | null
  #unsubscribe: Unsubscribe | null = null
  #isSettling = false
  #retry = new Signal()

  constructor(
    private readonly uri: string,
    session: Session | null,
    private readonly hooks: {onHeard(): void; onSettled(): void},
  ) {
    this.#session = session
  }

  get isUnused(): boolean {
    return this.#handlers.size === 0
  }

  add(handler: TopicHandler): void {
    this.#handlers.add(handler)
    if (this.#unsubscribe) handler.onReady?.()
    else void this.#settle()
  }

  delete(handler: TopicHandler): void {
    this.#handlers.delete(handler)
    void this.#settle()
  }

  /** Subscriptions end with their session. */
  enter(session: Session): void {
    this.#session = session
    this.#unsubscribe = null
    this.#retry.raise()
    void this.#settle()
  }

  /** One request at a time: autobahn mixes up a subscription and its undo under way together. */
  async #settle(): Promise<void> {
    if (this.#isSettling) return
    this.#isSettling = true
    while (this.#session !== null && this.isUnused === (this.#unsubscribe !== null)) {
      const session = this.#session
      try {
        if (this.#unsubscribe) await this.#leave(this.#unsubscribe)
        else await this.#join(session)
      } catch (error) {
        if (session !== this.#session) continue
        if (hasCode(error, "disconnected")) break
        for (const handler of this.#handlers) handler.onRefused?.(error)
        await this.#retry.wait(RESUBSCRIBE_AFTER)
      }
    }
    this.#isSettling = false
    this.hooks.onSettled()
  }

  async #join(session: Session): Promise<void> {
    const unsubscribe = await session.subscribe(this.uri, (...args) => {
      this.hooks.onHeard()
      for (const handler of [...this.#handlers]) {
        try {
          handler.onPublication(...args)
        } catch (error) {
          // One listener that fails must not keep the others from hearing.
          reportError(error)
        }
      }
    })
    if (session !== this.#session) return
    this.#unsubscribe = unsubscribe
    for (const handler of [...this.#handlers]) handler.onReady?.()
  }

  async #leave(unsubscribe: Unsubscribe): Promise<void> {
    this.#unsubscribe = null
    await unsubscribe()
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof TaskRealmError && error.code === code
}

function isFinal(error: unknown): error is JoinRefused {
  return error instanceof JoinRefused && error.reason !== null && FINAL_REASONS.has(error.reason)
}

/** 128 random bits in hexadecimal digits; pages without TLS have no `crypto.randomUUID`. */
function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, byte => byte.toString(16).padStart(2, "0")).join("")
}

/** Seconds on a clock that never jumps. */
function now(): number {
  return performance.now() / 1000
}
