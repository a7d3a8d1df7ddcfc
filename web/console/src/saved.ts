/** Arguments that somebody wants to use again, by a name; they stay in this browser. */

export interface Saved {
  name: string
  args: Record<string, unknown>
}

/** What one user has saved for one task. */
export class SavedArguments {
  readonly #key: string

  constructor(
    user: string,
    private readonly task: string,
    private readonly storage: Pick<Storage, "getItem" | "setItem"> = localStorage,
  ) {
    this.#key = `taskrealm.saved.${user}`
  }

  get all(): readonly Saved[] {
    const saved = this.#tasks[this.task]
    return Array.isArray(saved) ? saved : []
  }

  /** Save *args* under *name*, in the place of what had that name. */
  add(name: string, args: Record<string, unknown>): void {
    this.#write([...this.all.filter(each => each.name !== name), {name, args}])
  }

  remove(name: string): void {
    this.#write(this.all.filter(each => each.name !== name))
  }

  get #tasks(): Record<string, Saved[]> {
    try {
      return JSON.parse(this.storage.getItem(this.#key) ?? "{}") ?? {}
    } catch {
      return {}
    }
  }

  #write(saved: readonly Saved[]): void {
    this.storage.setItem(this.#key, JSON.stringify({...this.#tasks, [this.task]: saved}))
  }
}

/** *args* in a few words: their values, with their names where a value alone says nothing. */
export function inShort(args: Readonly<Record<string, unknown>>, limit = 80): string {
  const parts = Object.entries(args)
    .filter(([, value]) => value !== null && value !== "" && value !== "***")
    .map(([name, value]) => {
      if (typeof value === "string" && !/^file_[0-9a-f]{32}$/.test(value)) return value
      if (value === true) return name
      if (typeof value === "number" || value === false) return `${name} ${value}`
      return typeof value === "string" ? name : `${name} ${JSON.stringify(value)}`
    })
  const words = parts.join(", ").replaceAll(/\s+/g, " ")
  return words.length > limit ? `${words.slice(0, limit - 1)}…` : words
}
