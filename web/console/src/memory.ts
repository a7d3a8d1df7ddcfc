/** What this browser remembers for one of its users, and for nobody else. */

/** A value under a name of its own; *fallback* until something else is kept. */
export class Memory<T> {
  constructor(
    private readonly name: string,
    private readonly fallback: T,
  ) {}

  /** What is kept for *user*. */
  of(user: string): T {
    try {
      const kept = localStorage.getItem(this.#key(user))
      return kept === null ? this.fallback : (JSON.parse(kept) as T)
    } catch {
      // Storage may be forbidden, and what is in it may be of another version.
      return this.fallback
    }
  }

  keep(user: string, value: T): void {
    try {
      localStorage.setItem(this.#key(user), JSON.stringify(value))
    } catch {
      // A full or forbidden storage is no reason not to go on.
    }
  }

  #key(user: string): string {
    return `taskrealm.${this.name}:${user}`
  }
}
