/** What stands in the fields of a form. */

/**
 * What stands in a field.
 *
 * Text for most kinds, and the JSON of the chosen value for a choice. A value for which a field
 * has no look stands there as JSON, whatever the kind of the field is.
 */
export type Draft =
  | string
  | boolean
  | string[]
  | FileDraft
  | GroupDraft
  | ListDraft
  | PairsDraft
  | VariantDraft
  | JsonDraft

/** The files in a field: to be sent, or on the node. */
export interface FileDraft {
  files: (File | SentFile)[]
}

/** A file on the node. */
export interface SentFile {
  id: string
  /** Null for a file that an earlier job was given. */
  name: string | null
  size: number | null
}

export interface GroupDraft {
  /** Whether there is a group at all; where there must be one, it counts for nothing. */
  isGiven: boolean
  parts: Record<string, Draft>
}

/** Null in the place of items is null as the value. */
export interface ListDraft {
  items: Draft[] | null
}

export interface PairsDraft {
  pairs: [name: string, draft: Draft][] | null
}

export interface VariantDraft {
  /** The number of the chosen alternative; -1 for none. */
  chosen: number
  drafts: Draft[]
}

export interface JsonDraft {
  json: string
}

/** What is wrong, by the place in the field: `""` is the field itself, `width` a part of it. */
export type Errors = Record<string, string>

/** What a draft means; an omitted one leaves the value to the task's default. */
export type Reading = {value: unknown} | {errors: Errors} | "omitted"

/** Whether *draft* stands there as JSON though its field has a look. */
export function isJson(draft: Draft): draft is JsonDraft {
  return typeof draft === "object" && "json" in draft
}

/** The place *inner* within the place *outer*. */
export function joined(outer: string, inner: string): string {
  return inner === "" ? outer : `${outer}.${inner}`
}
