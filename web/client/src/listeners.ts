/** Listeners by the name of what they listen to; listening gives back its own undo. */

export class Listeners<Events extends Record<string, unknown>> {
  #byName = new Map<keyof Events, Set<(value: never) => void>>()

  /** @returns call it to stop listening */
  on<K extends keyof Events>(name: K, listener: (value: Events[K]) => void): () => void {
    const listeners = this.#byName.get(name) ?? new Set()
    this.#byName.set(name, listeners.add(listener))
    return () => listeners.delete(listener)
  }

  /** Call every listener; one that throws does not keep the others from hearing. */
  emit<K extends keyof Events>(name: K, value: Events[K]): void {
    for (const listener of [...(this.#byName.get(name) ?? [])]) {
      try {
        ;(listener as (value: Events[K]) => void)(value)
      } catch (error) {
        reportError(error)
      }
    }
  }
}
