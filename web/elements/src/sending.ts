/** The files of a form, sent as soon as they are chosen. */

import type {Client} from "@taskrealm/client"
import type {SentFile} from "./drafts/draft"

/** A file on its way. */
export interface Sending {
  name: string
  /** From 0 to 1. */
  fraction: number
  state: "waiting" | "sending" | "sent" | "stopped" | "failed"
  /** Why it has failed. */
  reason: string
  /** The id of the file, once it is on the node. */
  id: string | null
}

interface Entry extends Sending {
  stop: AbortController
  done: Promise<void>
}

/** Sends files one after the other; what was stopped can be sent again. */
export class Sendings {
  #entries = new Map<File, Entry>()
  #last: Promise<void> = Promise.resolve()

  constructor(
    private readonly client: () => Pick<Client, "upload">,
    private readonly onChange: () => void,
  ) {}

  get(file: File): Sending | undefined {
    return this.#entries.get(file)
  }

  /** Whether any file is on its way. */
  get isBusy(): boolean {
    return [...this.#entries.values()].some(({state}) => ["waiting", "sending"].includes(state))
  }

  /** Send *file*, unless that is being done, or is done. */
  start(file: File): void {
    const known = this.#entries.get(file)
    if (known && known.state !== "stopped" && known.state !== "failed") return
    const stop = new AbortController()
    const entry: Entry = {
      ...{name: file.name, fraction: 0, state: "waiting", reason: "", id: null},
      stop,
      done: Promise.resolve(),
    }
    this.#entries.set(file, entry)
    entry.done = this.#last.then(() => this.#send(file, entry))
    this.#last = entry.done
    this.onChange()
  }

  /** Stop sending *file*; what has been sent of it is dropped. */
  stop(file: File): void {
    const entry = this.#entries.get(file)
    if (!entry || !["waiting", "sending"].includes(entry.state)) return
    entry.state = "stopped"
    entry.stop.abort()
    this.onChange()
  }

  stopAll(): void {
    for (const file of this.#entries.keys()) this.stop(file)
  }

  /** The file on the node that *file* has become; null as long as it has not. */
  sent(file: File): SentFile | null {
    const id = this.#entries.get(file)?.id ?? null
    return id === null ? null : {id, name: file.name, size: file.size}
  }

  /**
   * *args* with the id of each file in its place, at any depth, once all are sent; null when one
   * was stopped.
   *
   * @throws why a file could not be sent
   */
  async settled(args: Record<string, unknown>): Promise<Record<string, unknown> | null> {
    for (const file of filesIn(args)) {
      this.start(file)
      await this.#entries.get(file)?.done
      const entry = this.#entries.get(file)
      if (entry?.state === "failed") throw new Error(entry.reason)
      if (entry?.state !== "sent") return null
    }
    return this.#placed(args) as Record<string, unknown>
  }

  #placed(value: unknown): unknown {
    if (value instanceof File) return this.#entries.get(value)?.id
    if (Array.isArray(value)) return value.map(each => this.#placed(each))
    if (typeof value !== "object" || value === null) return value
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => [name, this.#placed(each)]),
    )
  }

  async #send(file: File, entry: Entry): Promise<void> {
    if (entry.state === "stopped") return
    entry.state = "sending"
    this.onChange()
    try {
      entry.id = await this.client().upload(file, {
        signal: entry.stop.signal,
        onProgress: fraction => {
          entry.fraction = fraction
          this.onChange()
        },
      })
      entry.state = "sent"
    } catch (error) {
      if (!entry.stop.signal.aborted) {
        entry.state = "failed"
        entry.reason = (error as Error).message
      }
    }
    this.onChange()
  }
}

function filesIn(value: unknown): File[] {
  if (value instanceof File) return [value]
  if (typeof value !== "object" || value === null) return []
  return Object.values(value).flatMap(filesIn)
}
