/** Some fields with what was typed into them, and what is wrong with it. */

import {type Draft, draftOf, type Field, readDraft} from "./schema"

export class Form {
  /** A sentence for each field that needs a change. */
  errors: Record<string, string> = {}
  #drafts = new Map<string, Draft>()

  constructor(readonly fields: readonly Field[]) {}

  /** What stands in *field*: what was typed, or else the task's default. */
  draft(field: Field): Draft {
    return this.#drafts.get(field.name) ?? draftOf(field, field.preset)
  }

  type(field: Field, draft: Draft): void {
    this.#drafts.set(field.name, draft)
  }

  /** Put *values* into the fields that they belong to. */
  fill(values: Readonly<Record<string, unknown>>): void {
    for (const field of this.fields) {
      if (field.name in values) this.type(field, draftOf(field, values[field.name]))
    }
  }

  /** The values by name; null when something needs a change first, as `errors` then tells. */
  read(): Record<string, unknown> | null {
    const values: Record<string, unknown> = {}
    this.errors = {}
    for (const field of this.fields) {
      const reading = readDraft(field, this.draft(field))
      if (reading === "omitted") continue
      if ("error" in reading) this.errors[field.name] = reading.error
      else values[field.name] = reading.value
    }
    return this.firstWrong ? null : values
  }

  /**
   * Take what the server says about fields, or about parts of them (`size.width`).
   *
   * @returns what is about none of these fields
   */
  refuse(fields: Readonly<Record<string, string>>): Record<string, string> {
    const others: Record<string, string> = {}
    this.errors = {}
    for (const [path, sentence] of Object.entries(fields)) {
      const name = path.split(/[.[]/, 1)[0] ?? path
      const errors = this.fields.some(field => field.name === name) ? this.errors : others
      const part = path.slice(name.length + 1)
      const words = part ? `${part} ${sentence}` : sentence
      errors[name] = errors[name] ? `${errors[name]}; ${words}` : words
    }
    return others
  }

  get firstWrong(): Field | undefined {
    return this.fields.find(({name}) => this.errors[name] !== undefined)
  }
}
