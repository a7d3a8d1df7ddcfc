/** From what stands in the fields of a form to arguments, and back. */

import {
  type Draft,
  type Errors,
  type FileDraft,
  type GroupDraft,
  isJson,
  joined,
  type ListDraft,
  type PairsDraft,
  type Reading,
  type SentFile,
  type VariantDraft,
} from "./drafts/draft"
import {readFiles} from "./drafts/files"
import {instant, localMoment, momentOf} from "./drafts/moments"
import {counted, readChoices, readEmpty, readJson, readTyped, wrong} from "./drafts/typed"
import {lengthText, secondsOf} from "./lengths"
import {type Field, isSame} from "./schema"
import {words} from "./words"

/** How *value* stands in *field*; undefined gives an empty field. */
export function draftOf(field: Field, value: unknown): Draft {
  if (value === undefined || field.kind === "secret") return emptyDraft(field)
  const isBlank = field.nullable || field.kind !== "json" || field.preset === null
  if (value === null && isBlank) return emptyDraft(field)
  const draft = shown(field, value)
  if (draft !== null && (field.kind === "choice" || means(field, draft, value))) return draft
  return field.kind === "json" ? pretty(value) : {json: pretty(value)}
}

function pretty(value: unknown): string {
  return JSON.stringify(value, null, 2) ?? ""
}

function emptyDraft(field: Field): Draft {
  switch (field.kind) {
    case "boolean":
      return false
    case "choices":
      return []
    case "file":
    case "files":
      return {files: []}
    case "group":
      return {
        isGiven: !isOptional(field),
        parts: Object.fromEntries(
          field.fields.map(part => [part.name, draftOf(part, part.preset)]),
        ),
      }
    case "list":
      return {items: field.nullable ? null : blanks(field)}
    case "pairs":
      return {pairs: field.nullable ? null : []}
    case "variant":
      return {
        chosen: isOptional(field) ? -1 : 0,
        drafts: field.variants.map(each => draftOf(each, each.preset)),
      }
    default:
      return ""
  }
}

/** Whether a group or a variant may be left out. */
export function isOptional({required, nullable, preset}: Field): boolean {
  return nullable || (!required && preset === undefined)
}

/** As many empty items as there must be. */
function blanks({item, minItems, required}: Field): Draft[] {
  if (!item || !required) return []
  return Array.from({length: Math.min(minItems, 20)}, () => draftOf(item, item.preset))
}

/** A new item of a list, or a new value of pairs. */
export function newItem({item}: Field): Draft {
  return item ? filledGroup(item, draftOf(item, item.preset)) : ""
}

function filledGroup(field: Field, draft: Draft): Draft {
  return field.kind === "group" && typeof draft === "object" && "parts" in draft
    ? {...draft, isGiven: true}
    : draft
}

/** How a value that is neither null nor undefined stands in *field*; null if it cannot. */
function shown(field: Field, value: unknown): Draft | null {
  const isText = typeof value === "string"
  switch (field.kind) {
    case "boolean":
      return typeof value === "boolean" ? value : null
    case "number":
      return typeof value === "number" ? String(value) : null
    case "choice":
      return JSON.stringify(value) ?? ""
    case "choices":
      return Array.isArray(value) ? value.map(each => JSON.stringify(each) ?? "") : null
    case "lines":
      return Array.isArray(value) ? value.join("\n") : null
    case "json":
      return pretty(value)
    case "file":
      return isText ? {files: [kept(value)]} : null
    case "files":
      return isTexts(value) ? {files: value.map(kept)} : null
    case "duration":
      return typeof value === "number" ? lengthText(value) : isText ? value : null
    case "datetime":
      return isText ? localMoment(value) : null
    case "group":
      return isMapping(value) ? shownGroup(field, value) : null
    case "list":
      return Array.isArray(value) && field.item ? shownList(field.item, value) : null
    case "pairs":
      return isMapping(value) && field.item ? shownPairs(field.item, value) : null
    case "variant":
      return shownVariant(field, value)
    case "constant":
      return ""
    default:
      return isText ? value : null
  }
}

function shownGroup(field: Field, value: Record<string, unknown>): GroupDraft {
  const drafts = field.fields.map((part): [string, Draft] => [
    part.name,
    draftOf(part, part.name in value ? value[part.name] : part.preset),
  ])
  return {isGiven: true, parts: Object.fromEntries(drafts)}
}

function shownList(item: Field, value: readonly unknown[]): ListDraft {
  return {items: value.map(each => draftOf(item, each))}
}

function shownPairs(item: Field, value: Record<string, unknown>): PairsDraft {
  return {pairs: Object.entries(value).map(([name, each]) => [name, draftOf(item, each)])}
}

/** The first alternative that *value* fits without being JSON. */
function shownVariant({variants}: Field, value: unknown): VariantDraft | null {
  const drafts = variants.map(each => draftOf(each, value))
  const chosen = drafts.findIndex(
    (draft, index) => !isJson(draft) && variants[index]?.kind !== "json",
  )
  const other = chosen === -1 ? variants.findIndex(each => each.kind === "json") : chosen
  if (other === -1) return null
  return {
    chosen: other,
    drafts: drafts.map((draft, index) => {
      const variant = variants[index] as Field
      return index === other ? draft : draftOf(variant, variant.preset)
    }),
  }
}

function kept(id: string): SentFile {
  return {id, name: null, size: null}
}

/** Whether *draft* is read as *value* again, but for parts that are left to their presets. */
function means(field: Field, draft: Draft, value: unknown): boolean {
  const reading = readDraft({...field, required: true, preset: undefined}, draft)
  if (reading === "omitted" || "errors" in reading) {
    // What does not fit the task any more is better shown in its field than as JSON.
    return reading !== "omitted" && isPlain(field)
  }
  if (field.kind === "datetime") return instant(reading.value) === instant(value)
  if (field.kind === "duration" && typeof value === "number") {
    return Math.abs(Number(reading.value) - value) < 1e-6
  }
  return isSame(reading.value, withoutPresets(field, value, draft))
}

function isPlain({kind}: Field): boolean {
  return ["text", "multiline", "path", "number", "choices", "files"].includes(kind)
}

function withoutPresets(field: Field, value: unknown, draft: Draft): unknown {
  if (isMapping(draft) && "parts" in draft && isMapping(value)) {
    const parts = (draft as unknown as GroupDraft).parts
    const entries = Object.entries(value).flatMap(([name, each]) => {
      const part = field.fields.find(known => known.name === name)
      if (!part) return [[name, each]]
      const own = parts[name] as Draft
      if (isPreset(part, own)) return []
      return [[name, withoutPresets(part, each, own)]]
    })
    return Object.fromEntries(entries)
  }
  if (isMapping(draft) && "items" in draft && Array.isArray(value)) {
    const items = (draft as unknown as ListDraft).items ?? []
    return value.map((each, at) => withoutPresets(field.item as Field, each, items[at] as Draft))
  }
  if (isMapping(draft) && "pairs" in draft && isMapping(value)) {
    const pairs = (draft as unknown as PairsDraft).pairs ?? []
    return Object.fromEntries(
      pairs.map(([name, own]) => [name, withoutPresets(field.item as Field, value[name], own)]),
    )
  }
  if (isMapping(draft) && "chosen" in draft) {
    const {chosen, drafts} = draft as unknown as VariantDraft
    return withoutPresets(field.variants[chosen] as Field, value, drafts[chosen] as Draft)
  }
  if (field.kind === "datetime" && instant(value) !== null) {
    const moment = momentOf(draft as string)
    return instant(moment) === instant(value) ? moment : value
  }
  if (field.kind === "duration" && typeof value === "number") {
    return typeof draft === "string" ? secondsOf(draft) : value
  }
  return value
}

/** What *draft* means as a value of *field*. */
export function readDraft(field: Field, draft: Draft): Reading {
  if (isPreset(field, draft)) return "omitted"
  if (isJson(draft)) return readJson(draft.json)
  switch (field.kind) {
    case "constant":
      return {value: field.only}
    case "boolean":
      return {value: draft === true}
    case "choices":
      return readChoices(field, draft as string[])
    case "file":
    case "files":
      return readFiles(field, draft as FileDraft)
    case "group":
      return readGroup(field, draft as GroupDraft)
    case "list":
      return readList(field, draft as ListDraft)
    case "pairs":
      return readPairs(field, draft as PairsDraft)
    case "variant":
      return readVariant(field, draft as VariantDraft)
    default:
      return draft === "" ? readEmpty(field) : readTyped(field, draft as string)
  }
}

/** A value that was not changed stays the task's own business. */
function isPreset(field: Field, draft: Draft): boolean {
  if (field.required || field.preset === undefined || field.kind === "constant") return false
  return isSame(draft, draftOf(field, field.preset))
}

function readGroup(field: Field, {isGiven, parts}: GroupDraft): Reading {
  if (!isGiven && isOptional(field)) return absent(field)
  const readings = field.fields.map((part): [string, Reading] => [
    part.name,
    readDraft(part, parts[part.name] ?? draftOf(part, part.preset)),
  ])
  return gathered(readings, values => Object.fromEntries(values))
}

function absent({required, nullable, preset}: Field): Reading {
  return nullable && (required || preset !== undefined) ? {value: null} : "omitted"
}

function readList(field: Field, {items}: ListDraft): Reading {
  if (items === null) return absent(field)
  if (items.length === 0 && !field.required && field.preset === undefined) return "omitted"
  const readings = items.map((draft, index): [string, Reading] => [
    String(index),
    readDraft(field.item as Field, draft),
  ])
  const reading = gathered(readings, values => values.map(([, value]) => value))
  return reading !== "omitted" && "value" in reading
    ? counted(field, reading.value as unknown[])
    : reading
}

function readPairs(field: Field, {pairs}: PairsDraft): Reading {
  if (pairs === null) return absent(field)
  const item = field.item as Field
  const used = pairs.filter(([name, draft]) => name !== "" || !isSame(draft, newItem(field)))
  if (used.length === 0 && !field.required && field.preset === undefined) return "omitted"
  const readings = used.map(([name, draft]): [string, Reading] => [name, readDraft(item, draft)])
  const names = used.map(([name]) => name)
  if (names.includes("")) return wrong(words.form.nameMissing)
  const twice = names.find((name, index) => names.indexOf(name) < index)
  if (twice !== undefined) return wrong(words.form.sameName(twice))
  return gathered(readings, values => Object.fromEntries(values))
}

function readVariant(field: Field, {chosen, drafts}: VariantDraft): Reading {
  const variant = field.variants[chosen]
  if (!variant) {
    return field.required && !field.nullable ? wrong(words.form.chooseOne) : absent(field)
  }
  return readDraft(variant, drafts[chosen] ?? draftOf(variant, variant.preset))
}

function gathered(
  readings: readonly [string, Reading][],
  collect: (values: [string, unknown][]) => unknown,
): Reading {
  const errors: Errors = {}
  const values: [string, unknown][] = []
  for (const [name, reading] of readings) {
    if (reading === "omitted") continue
    if ("value" in reading) values.push([name, reading.value])
    else for (const [at, each] of Object.entries(reading.errors)) errors[joined(name, at)] = each
  }
  return Object.keys(errors).length > 0 ? {errors} : {value: collect(values)}
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(each => typeof each === "string")
}
