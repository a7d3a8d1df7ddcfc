/** Some fields with what was typed into them, and what is wrong with it. */

import {draftOf, readDraft} from "./drafts"
import {type Draft, isJson, joined, type SentFile} from "./drafts/draft"
import type {Field} from "./schema"

export class Form {
  /** A sentence for each place that needs a change: a field, or a part of one (`size.width`). */
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

  /** Let all fields be as the task has them. */
  clear(): void {
    this.#drafts.clear()
    this.errors = {}
  }

  /** The values by name; null when something needs a change first, as `errors` then tells. */
  read(): Record<string, unknown> | null {
    const values: Record<string, unknown> = {}
    this.errors = {}
    for (const field of this.fields) {
      const reading = readDraft(field, this.draft(field))
      if (reading === "omitted") continue
      if ("value" in reading) values[field.name] = reading.value
      else this.#refuse(field.name, reading.errors)
    }
    return this.firstWrong ? null : values
  }

  /** The values of those fields that need no change, without secrets; files as *sent* has them. */
  fair(sent: (file: File) => SentFile | null = () => null): Record<string, unknown> {
    const values: Record<string, unknown> = {}
    for (const field of this.fields) {
      const reading = readDraft(field, withSent(this.draft(field), sent) as Draft)
      if (reading === "omitted" || !("value" in reading) || field.kind === "secret") continue
      if (!hasFile(reading.value)) values[field.name] = reading.value
    }
    return values
  }

  /** Say what is wrong with *field* alone, as it stands. */
  check(field: Field): void {
    for (const place of Object.keys(this.errors))
      if (isIn(place, field.name)) delete this.errors[place]
    const reading = readDraft(field, this.draft(field))
    if (reading !== "omitted" && "errors" in reading) this.#refuse(field.name, reading.errors)
  }

  /** Whether something was typed into *field*. */
  isTyped(field: Field): boolean {
    return this.#drafts.has(field.name)
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
      const field = this.fields.find(({name}) => isIn(path, name))
      if (!field) {
        others[path] = sentence
        continue
      }
      for (const [place, words] of places(path, sentence)) {
        const at = this.#shown(field, place)
        const part = place.slice(at.length + 1)
        const told = part ? `${part} ${words}` : words
        this.errors[at] = this.errors[at] ? `${this.errors[at]}; ${told}` : told
      }
    }
    return others
  }

  get firstWrong(): Field | undefined {
    return this.fields.find(field => this.isWrong(field))
  }

  /** Whether *field*, or a part of it, needs a change. */
  isWrong({name}: Field): boolean {
    return Object.keys(this.errors).some(place => isIn(place, name))
  }

  /**
   * What was typed, to be kept: no secrets, and of files only those that are on the node, as
   * *sent* knows.
   */
  typed(sent: (file: File) => SentFile | null = () => null): Record<string, Draft> {
    const typed: Record<string, Draft> = {}
    for (const field of this.fields) {
      const draft = this.#drafts.get(field.name)
      if (draft === undefined || field.kind === "secret") continue
      const kept = withSent(draft, sent) as Draft
      if (!hasFile(kept)) typed[field.name] = kept
    }
    return typed
  }

  /** Take what `typed` gave before. */
  restore(typed: Readonly<Record<string, Draft>>): void {
    for (const field of this.fields) {
      const draft = typed[field.name]
      if (draft !== undefined && field.kind !== "secret") this.type(field, draft)
    }
  }

  #refuse(name: string, errors: Readonly<Record<string, string>>): void {
    for (const [place, sentence] of Object.entries(errors)) {
      this.errors[joined(name, place)] = sentence
    }
  }

  /** The innermost place around *place* that the form shows. */
  #shown(field: Field, place: string): string {
    const steps = place.split(".").slice(1)
    const at = [field.name]
    let current: Field = field
    let draft: Draft | undefined = this.draft(field)
    for (const step of steps) {
      while (
        draft !== undefined &&
        current.kind === "variant" &&
        isMapping(draft) &&
        "chosen" in draft
      ) {
        const chosen: number = draft.chosen
        const variant = current.variants[chosen]
        if (!variant) return at.join(".")
        draft = draft.drafts[chosen]
        current = variant
      }
      if (draft === undefined || isJson(draft) || !isMapping(draft)) break
      let next: Field | undefined
      if ("parts" in draft) {
        next = current.fields.find(part => part.name === step && part.kind !== "constant")
        draft = draft.parts[step]
      } else if ("items" in draft) {
        next = draft.items?.[Number(step)] === undefined ? undefined : (current.item ?? undefined)
        draft = draft.items?.[Number(step)]
      } else if ("pairs" in draft) {
        const pair: [string, Draft] | undefined = draft.pairs?.find(([name]) => name === step)
        next = pair ? (current.item ?? undefined) : undefined
        draft = pair?.[1]
      }
      if (!next) break
      at.push(step)
      current = next
    }
    return at.join(".")
  }
}

/** Whether *place* is *name*, or a part of it. */
export function isIn(place: string, name: string): boolean {
  return place === name || place.startsWith(`${name}.`) || place.startsWith(`${name}[`)
}

/** The node names items of lists in its sentences: `"width of item 2 must be less"`. */
function places(path: string, sentence: string): [place: string, sentence: string][] {
  const base = path.replaceAll(/\[(\d+)\]/g, ".$1")
  return sentence.split(/; or (?=(?:\S+ of )*item \d+ )/).map(each => {
    const found = /^((?:(?:item \d+|\S+) of )*)item (\d+) (.+)$/s.exec(each)
    if (!found) return [base, each]
    const [, chain = "", number = "", words = ""] = found
    const steps = chain.split(" of ").filter(Boolean).reverse().map(indexed)
    return [[base, String(Number(number) - 1), ...steps].join("."), words]
  })
}

function indexed(step: string): string {
  const number = /^item (\d+)$/.exec(step)?.[1]
  return number === undefined ? step : String(Number(number) - 1)
}

/** *value* with what *sent* gives in the place of each file that is on the node. */
function withSent(value: unknown, sent: (file: File) => SentFile | null): unknown {
  if (value instanceof File) return sent(value) ?? value
  if (Array.isArray(value)) return value.map(each => withSent(each, sent))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, withSent(each, sent)]),
  )
}

function hasFile(value: unknown): boolean {
  if (value instanceof File) return true
  if (typeof value !== "object" || value === null) return false
  return Object.values(value).some(hasFile)
}

function isMapping(draft: Draft): draft is Exclude<Draft, string | boolean | string[]> {
  return typeof draft === "object" && !Array.isArray(draft)
}
