/** Choices that the node computes, asked for again when what they depend on changes. */

import type {Client} from "@taskrealm/client"
import {type Form, isIn} from "./form"
import type {Offers} from "./parts/field"
import {type Choice, type Field, isSame} from "./schema"

/** Seconds of quiet after typing before choices are asked for again. */
const QUIET = 0.3

interface Entry {
  isBusy: boolean
  error: Error | null
  hasMore: boolean
  /** The values that they were asked for with; undefined before the first time. */
  asked: unknown
  number: number
  timer: ReturnType<typeof setTimeout> | undefined
}

export class ComputedChoices {
  #entries = new Map<Field, Entry>()

  constructor(
    private readonly client: () => Pick<Client, "choices">,
    private readonly task: string,
    private readonly form: Form,
    private readonly onChange: () => void,
  ) {
    for (const field of form.fields) {
      if (field.computed === null) continue
      this.#entries.set(field, {
        ...{isBusy: false, error: null, hasMore: false, asked: undefined, number: 0},
        timer: undefined,
      })
    }
  }

  /** Ask for those choices that depend on something that has changed. */
  refresh(): void {
    if (this.#entries.size === 0) return
    const fair = this.form.fair()
    for (const [field, entry] of this.#entries) {
      const after = field.computed?.after ?? []
      const values = Object.fromEntries(after.map(name => [name, fair[name] ?? null]))
      if (isSame(entry.asked, values)) continue
      const isFirst = entry.asked === undefined
      entry.asked = values
      clearTimeout(entry.timer)
      if (isFirst) void this.#ask(field, entry)
      else entry.timer = setTimeout(() => void this.#ask(field, entry), QUIET * 1000)
    }
  }

  /** How things stand with the choices of *field*; undefined if they are not computed. */
  of(field: Field): Offers | undefined {
    const entry = this.#entries.get(field)
    return entry && {...entry, ask: () => void this.#ask(field, entry)}
  }

  stop(): void {
    for (const entry of this.#entries.values()) {
      clearTimeout(entry.timer)
      entry.number += 1
    }
  }

  async #ask(field: Field, entry: Entry): Promise<void> {
    entry.number += 1
    const {number} = entry
    entry.isBusy = true
    this.onChange()
    try {
      const {[field.name]: _, ...given} = this.form.fair()
      const {choices, more} = await this.client().choices(this.task, field.name, given)
      if (number !== entry.number) return
      field.choices = choices
      entry.hasMore = more
      entry.error = null
      this.#forget(field, choices)
    } catch (error) {
      if (number !== entry.number) return
      entry.error = error as Error
    }
    entry.isBusy = false
    this.onChange()
  }

  /** What is not offered any more is not chosen any more. */
  #forget(field: Field, choices: readonly Choice[]): void {
    const draft = this.form.draft(field)
    const isOffered = (json: string) =>
      choices.some(choice => isSame(choice.value, JSON.parse(json)))
    if (typeof draft === "string" && draft !== "" && !isOffered(draft)) {
      const preset = JSON.stringify(field.preset)
      this.form.type(
        field,
        preset !== undefined && draft !== preset && isOffered(preset) ? preset : "",
      )
    } else if (Array.isArray(draft) && !draft.every(isOffered)) {
      this.form.type(field, draft.filter(isOffered))
    }
    for (const place of Object.keys(this.form.errors)) {
      if (isIn(place, field.name)) delete this.form.errors[place]
    }
  }
}
