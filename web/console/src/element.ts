/** What all elements of the console have in common. */

import type {Client} from "@taskrealm/client"
import {LitElement, type ReactiveController} from "lit"

/** An element in the page's own tree, styled by the one stylesheet. */
export class PageElement extends LitElement {
  protected override createRenderRoot(): this {
    return this
  }
}

/** Something that is asked of the node, and asked again when that may help. */
export class Resource<T> implements ReactiveController {
  value: T | undefined
  error: Error | null = null
  #stop = () => {}
  #asked = 0

  constructor(
    private readonly host: PageElement & {client: Client},
    private readonly ask: () => Promise<T>,
  ) {
    host.addController(this)
  }

  hostConnected(): void {
    this.#stop = this.host.client.on("status", status => {
      if (status === "live" && (this.error || this.value === undefined)) void this.load()
    })
    // Before the client has joined there is nobody to ask.
    if (this.host.client.authid !== "") void this.load()
  }

  hostDisconnected(): void {
    this.#stop()
  }

  /** Ask; only the answer to the newest question counts. */
  async load(): Promise<void> {
    this.#asked += 1
    const asked = this.#asked
    try {
      const value = await this.ask()
      if (asked !== this.#asked) return
      this.value = value
      this.error = null
    } catch (error) {
      if (asked !== this.#asked) return
      this.error = error as Error
    }
    this.host.requestUpdate()
  }
}

/** Calls its host's update once a second, as long as *isNeeded* says so. */
export class Clock implements ReactiveController {
  #timer: ReturnType<typeof setInterval> | undefined

  constructor(
    private readonly host: PageElement,
    private readonly isNeeded: () => boolean,
  ) {
    host.addController(this)
  }

  hostConnected(): void {
    this.#timer = setInterval(() => {
      if (this.isNeeded()) this.host.requestUpdate()
    }, 1000)
  }

  hostDisconnected(): void {
    clearInterval(this.#timer)
  }
}
