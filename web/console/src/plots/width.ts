/** How much room a plot has. */

import type {LitElement, ReactiveController} from "lit"

const UNKNOWN = 600 // pixels, until it is measured

/** Keeps the width of its host, in pixels, and lets it render anew when that changes. */
export class Width implements ReactiveController {
  value = UNKNOWN
  #observer: ResizeObserver | null = null

  constructor(private readonly host: LitElement) {
    host.addController(this)
  }

  hostConnected(): void {
    this.#observer = new ResizeObserver(([entry]) => {
      const width = Math.floor(entry?.contentRect.width ?? 0)
      if (width === 0 || width === this.value) return
      this.value = width
      this.host.requestUpdate()
    })
    this.#observer.observe(this.host)
  }

  hostDisconnected(): void {
    this.#observer?.disconnect()
  }
}
