/** Keeps one session joined, for ever: reconnects, subscribes again, and never lets a call hang. */

import {unlessAborted} from "./abort"
import {fromCode, hasCode, isTransient, type TaskRealmError} from "./errors"
import {isFinal, Joiner, type JoinerOptions} from "./joiner"
import {isHidden, onNetwork, onVisibility} from "./page"
import {backoff} from "./random"
import {Signal, within} from "./signal"
import {Topic, type TopicHandler} from "./topic"
import type {JoinRefused, Session} from "./wamp"

/** All in seconds. */
const CALL_TIMEOUT = 30
const STABLE_AFTER = 10
const HEARTBEAT = 25
const REPEAT_PATIENCE = 30

/** Seconds; timers take no more than 2^31 milliseconds. */
const LONGEST_PAUSE = 86_400

/** How many times longer the pauses are while nobody sees the page. */
const HIDDEN = 10

/** Failures after which nobody knows whether a request was carried out. */
const REPEATED = ["disconnected", "unavailable", "timeout"] as const

/** `joined` says nothing yet about missed events. */
export type Phase = "connecting" | "joined" | "offline" | "denied" | "closed"

/** What a connection tells of itself. */
export interface ConnectionHooks {
  /** The phase has changed. */
  onPhase(phase: Phase): void
  /** Joined, for the first time or again; perhaps as somebody else. */
  onSession(session: Session): void
  /** Nothing was heard for a while, or the page woke up: ask for something, soon. */
  onDoubt(): void
  /** A call has found no executor; what happens meanwhile is not heard. */
  onAway(): void
}

/** One session after the other, as if they were one. */
export class Connection {
  phase: Phase = "connecting"
  session: Session | null = null
  /** Why the phase is `denied`. */
  denial: TaskRealmError | null = null
  /** When it is tried again to join, in milliseconds since 1970; null when nobody waits for that. */
  retryAt: number | null = null

  #joiner: Joiner
  #hooks: ConnectionHooks
  #topics = new Map<string, Topic>()
  #wake = new Signal()
  #again = new Signal()
  /** Calls under way in each session. */
  #underWay = new Map<Session, number>()
  /** Sessions that others have taken the place of; they end with the last of their calls. */
  #retired = new Set<Session>()
  #lastHeard = 0
  #leaveWindow: () => void

  constructor(options: JoinerOptions, hooks: ConnectionHooks) {
    this.#joiner = new Joiner(options)
    this.#hooks = hooks
    this.#leaveWindow = this.#watchWindow()
    void this.#run()
  }

  /** Why there will be no session any more; null as long as there may be one. */
  get over(): TaskRealmError | null {
    if (this.phase === "closed") return fromCode("closed", "The client was closed")
    return this.denial
  }

  close(): void {
    if (this.over) return
    this.#leaveWindow()
    this.#setPhase("closed")
    this.#joiner.stop()
    for (const session of [this.session, ...this.#retired]) session?.close()
    this.#wake.raise()
  }

  /** Try at once what waits to be tried: to join, or to get back to a WebSocket. */
  retry(): void {
    this.#wake.raise()
  }

  /**
   * Resolves when there is a session.
   *
   * @throws {TaskRealmError} when there will be none any more; the reason of *signal*
   */
  async joined(signal?: AbortSignal): Promise<Session> {
    while (this.session === null) {
      if (this.over) throw this.over
      await unlessAborted(signal, this.#again.wait())
    }
    return this.session
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
    if (this.over) throw this.over
    if (session === null) {
      throw fromCode("disconnected", "Not connected; nothing was sent")
    }
    const sentAt = now()
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(fromCode("timeout", `No answer to ${uri} within ${timeout} s`))
        // Nothing at all came in meanwhile: the line is dead, whatever the socket believes.
        if (this.#lastHeard < sentAt) session.close()
      }, timeout * 1000)
    })
    this.#underWay.set(session, (this.#underWay.get(session) ?? 0) + 1)
    const answer = session.call(uri, args, kwargs).finally(() => {
      this.#heard()
      this.#settled(session)
    })
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
   * @param signal no more tries when it is aborted
   * @param isPatient whether to wait for a connection, however long that takes
   * @throws {TaskRealmError} as {@link call} does, `REPEAT_PATIENCE` after the first failure
   */
  async repeat(
    uri: string,
    args: readonly unknown[],
    kwargs: Record<string, unknown>,
    signal?: AbortSignal,
    isPatient = false,
  ): Promise<unknown> {
    let firstFailure = Number.POSITIVE_INFINITY
    for (let tries = 0; ; tries += 1) {
      signal?.throwIfAborted()
      if (isPatient) await this.joined(signal)
      try {
        return await this.call(uri, args, kwargs)
      } catch (error) {
        if (this.over || !REPEATED.some(code => hasCode(error, code))) throw error
        if (isPatient && this.session === null) {
          firstFailure = Number.POSITIVE_INFINITY
          continue
        }
        firstFailure = Math.min(firstFailure, now())
        const pause = backoff(tries)
        if (now() + pause - firstFailure > REPEAT_PATIENCE) throw error
        await unlessAborted(signal, this.#again.wait(pause))
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
      if (lived > STABLE_AFTER) tries = 0
      const pause = backoff(tries) * (isHidden() ? HIDDEN : 1)
      this.retryAt = Date.now() + pause * 1000
      this.#setPhase("offline")
      await this.#wake.wait(pause)
      this.retryAt = null
      tries += 1
    }
  }

  /** Join and stay until the session is lost; returns the seconds that it lasted. */
  async #live(): Promise<number> {
    let session: Session | null
    try {
      session = await this.#joiner.join()
    } catch (error) {
      if (isFinal(error)) this.#deny(error)
      return 0
    }
    const joinedAt = now()
    while (session) {
      this.#enter(session)
      session = await this.#successor(session)
    }
    this.session = null
    return now() - joinedAt
  }

  /** A better session in place of *session*; null when that is lost. */
  async #successor(session: Session): Promise<Session | null> {
    let isLost = false
    const lost = session.closed.then(() => {
      isLost = true
    })
    while (!isLost) {
      const pause = this.#joiner.lasting(session)
      let isWoken = false
      const woken = this.#wake.wait().then(() => {
        isWoken = true
      })
      await within(Math.min(pause, LONGEST_PAUSE), Promise.race([lost, woken]))
      if (isLost) break
      // Where the network has changed, WebSockets may get through.
      if (isWoken ? !this.#joiner.isSubstitute(session) : pause > LONGEST_PAUSE) continue
      try {
        const next = await this.#joiner.joinBeside()
        if (!this.over) this.#retire(session)
        return next
      } catch {
        // What we have is good as long as it lasts.
      }
    }
    return null
  }

  /** Let *session* end when its last call has its answer. */
  #retire(session: Session): void {
    this.#retired.add(session)
    void session.closed.then(() => this.#retired.delete(session))
    if (!this.#underWay.has(session)) session.close()
    else setTimeout(() => session.close(), CALL_TIMEOUT * 1000)
  }

  #settled(session: Session): void {
    const left = (this.#underWay.get(session) ?? 1) - 1
    if (left > 0) this.#underWay.set(session, left)
    else {
      this.#underWay.delete(session)
      if (this.#retired.has(session)) session.close()
    }
  }

  #enter(session: Session): void {
    if (this.over) {
      session.close()
      return
    }
    this.session = session
    this.#heard()
    this.#hooks.onSession(session)
    this.#setPhase("joined")
    for (const topic of this.#topics.values()) topic.enter(session)
  }

  #deny(refusal: JoinRefused): void {
    this.#leaveWindow()
    this.denial = fromCode("invalid_token", refusal.message, {reason: refusal.reason})
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
    const doubt = () => {
      if (this.session) this.#hooks.onDoubt()
    }
    const onWake = () => {
      this.#wake.raise()
      doubt()
    }
    const leavePage = onVisibility(() => {
      if (!isHidden()) onWake()
    })
    // Without a network, what is sent now is lost, although the socket does not know it yet.
    const leaveNetwork = onNetwork(onWake, doubt)
    const heartbeat = setInterval(
      () => {
        if (now() - this.#lastHeard > HEARTBEAT) doubt()
      },
      (HEARTBEAT / 2) * 1000,
    )
    return () => {
      clearInterval(heartbeat)
      leaveNetwork()
      leavePage()
    }
  }
}

/** Seconds on a clock that never jumps. */
function now(): number {
  return performance.now() / 1000
}
