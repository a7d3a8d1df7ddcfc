/** What elements are made of. */

import type {Client} from "@taskrealm/client"
import type {LitElement, ReactiveController} from "lit"

/** Something that is asked of the node, and asked again when that may help. */
export class Resource<T> implements ReactiveController {
  value: T | undefined
  error: Error | null = null
  #stop = () => {}
  #asked = 0

  constructor(
    private readonly host: LitElement & {client: Client},
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
    private readonly host: LitElement,
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
