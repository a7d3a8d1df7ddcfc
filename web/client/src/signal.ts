/** Wakes those who wait. */

export class Signal {
  #wake!: () => void
  #raised!: Promise<void>

  constructor() {
    this.#reset()
  }

  /** Resolves at the next {@link raise}, or after *timeout* seconds. */
  async wait(timeout?: number): Promise<void> {
    await (timeout === undefined ? this.#raised : within(timeout, this.#raised))
  }

  raise(): void {
    this.#wake()
    this.#reset()
  }

  #reset(): void {
    this.#raised = new Promise(resolve => {
      this.#wake = resolve
    })
  }
}

/** Resolves when *promise* does, or after *seconds*. */
export async function within(seconds: number, promise: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const timeout = new Promise<void>(resolve => {
    timer = setTimeout(resolve, seconds * 1000)
  })
  await Promise.race([promise, timeout])
  clearTimeout(timer)
}
