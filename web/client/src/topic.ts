/** Topics that stay subscribed whatever becomes of the connection. */

import {hasCode} from "./errors"
import {Signal} from "./signal"
import type {Session, Unsubscribe} from "./wamp"

/** Seconds until a subscription that was refused is tried again. */
const RESUBSCRIBE_AFTER = 5

/** What happens on a topic that is to stay subscribed. */
export interface TopicHandler {
  onPublication(...args: unknown[]): void
  /** Subscribed; what was published before is missed. */
  onReady?(): void
  /** The router refused the subscription just now. */
  onRefused?(error: unknown): void
}

/** A topic that stays subscribed, in one session after the other, as long as it has handlers. */
export class Topic {
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
      // Another session has taken its place, and tells the same.
      if (session !== this.#session) return
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
