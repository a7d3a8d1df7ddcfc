/** A session of a fake node, whose answers and publications take as long as the node says. */

import {fromCode} from "./errors"
import {isNarrow, type Scope} from "./protocol"
import type {FakeNode} from "./testing"
import type {Session, Transport, Unsubscribe} from "./wamp"

type Handler = (...args: unknown[]) => void

/** A session of a {@link FakeNode}. */
export class FakeSession implements Session {
  readonly role = "user"
  expiresAt: number | null = null
  readonly closed: Promise<void>
  close!: () => void
  #isOpen = true
  #handlers = new Map<string, Handler>()

  /** @internal */
  constructor(
    private readonly node: FakeNode,
    readonly authid: string,
    readonly scope: Scope,
    readonly transport: Transport,
  ) {
    this.closed = new Promise(resolve => {
      this.close = () => {
        this.#isOpen = false
        resolve()
      }
    })
  }

  call(uri: string, args: readonly unknown[], kwargs: Record<string, unknown>): Promise<unknown> {
    return this.#settled(() => {
      if (this.node.isExecutorAway) {
        throw fromCode("unavailable", "The executor is away just now; try again later")
      }
      // A copy, as if it had crossed the wire.
      return structuredClone(this.node.answer(this, uri, args, kwargs))
    })
  }

  subscribe(topic: string, handler: Handler): Promise<Unsubscribe> {
    return this.#settled(() => {
      if (
        isNarrow(this.scope) &&
        topic.startsWith("taskrealm.user.") &&
        !topic.includes(".output.")
      ) {
        throw fromCode("not_authorized", "You may not do this")
      }
      this.#handlers.set(topic, handler)
      return async () => void this.#handlers.delete(topic)
    })
  }

  /** @internal */
  receive(topic: string, payload: unknown): void {
    const copy = structuredClone(payload)
    void pause(this.node.delay()).then(() => {
      if (this.#isOpen) this.#handlers.get(topic)?.(copy)
    })
  }

  async #settled<T>(act: () => T): Promise<T> {
    const lost = this.closed.then(() => {
      throw fromCode("disconnected", "The connection was lost before the answer came")
    })
    const answer = pause(this.node.delay()).then(async () => {
      const result = act()
      await pause(this.node.delay())
      return result
    })
    return Promise.race([lost, answer])
  }
}

/** Resolves after *seconds*. */
export function pause(seconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, seconds * 1000))
}
