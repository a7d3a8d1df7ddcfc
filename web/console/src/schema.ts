/** From JSON Schema to the fields of a form, and from what was typed to arguments. */

type Schema = Record<string, unknown>

/** What a field looks like; whatever has no look of its own is typed as JSON. */
export type Kind =
  | "text"
  | "multiline"
  | "secret"
  | "number"
  | "boolean"
  | "choice"
  | "choices"
  | "lines"
  | "file"
  | "files"
  | "date"
  | "time"
  | "datetime-local"
  | "json"

/** One parameter of a task. */
export interface Field {
  name: string
  title: string
  help: string
  kind: Kind
  /** Whether there is no default. */
  required: boolean
  /** Whether null is a fair value. */
  nullable: boolean
  /** The value that the task takes when none is given; undefined when there is none. */
  preset: unknown
  /** What a `choice` or `choices` field offers. */
  choices: unknown[]
  /** Whether numbers must be whole. */
  whole: boolean
  minimum: number | undefined
  maximum: number | undefined
  minLength: number | undefined
  maxLength: number | undefined
  placeholder: string
  /** Of files: the extensions and media types that are taken; any if there are none. */
  accept: string[]
  /** Of files: the most bytes of one. */
  maxSize: number | undefined
}

/**
 * What stands in a field: text, a tick, ticked choices by their index, or files, of which
 * those that are on the node already are known by their ids.
 */
export type Draft = string | boolean | number[] | FileDraft

/** The files in a field. */
export interface FileDraft {
  files: (File | string)[]
}

/** What a draft means; an omitted one leaves the value to the task's default. */
export type Reading = {value: unknown} | {error: string} | "omitted"

/** The fields for the properties of *schema*, in its order. */
export function fieldsOf(schema: Schema): Field[] {
  const properties = (schema.properties ?? {}) as Record<string, Schema>
  const required = new Set((schema.required ?? []) as string[])
  return Object.entries(properties).map(([name, property]) =>
    fieldOf(name, property, required.has(name), schema),
  )
}

/** The key under which a schema tells what a form should know besides. */
const HINTS = "x-taskrealm"

/** The format of a text that is the id of a file. */
const FILE = "taskrealm-file"

function fieldOf(name: string, property: Schema, required: boolean, root: Schema): Field {
  const {schema, nullable} = withoutNull({...property}, root)
  const items = resolve((schema.items ?? {}) as Schema, root)
  const kind = kindOf(schema, items)
  const whole = schema.type === "integer"
  const hints = ((kind === "files" ? items : schema)[HINTS] ?? {}) as Schema
  const help = text(property.description) || text(schema.description)
  return {
    name,
    title: text(property.title) || text(schema.title) || name,
    help: kind === "lines" ? `${help} One per line.`.trim() : help,
    kind,
    required,
    nullable,
    preset: property.default,
    choices: (kind === "choices" ? choicesOf(items) : choicesOf(schema)) ?? [],
    whole,
    minimum: bound(schema.minimum, schema.exclusiveMinimum, whole ? 1 : 0),
    maximum: bound(schema.maximum, schema.exclusiveMaximum, whole ? -1 : 0),
    minLength: number(schema.minLength),
    maxLength: number(schema.maxLength),
    accept: Array.isArray(hints.accept) ? hints.accept.map(text) : [],
    maxSize: number(hints.max_size),
    placeholder: Array.isArray(property.examples) ? text(property.examples[0]) : "",
  }
}

function kindOf(schema: Schema, items: Schema): Kind {
  if (choicesOf(schema)) return "choice"
  if (schema.format === "duration") return "text"
  switch (schema.type) {
    case "boolean":
      return "boolean"
    case "integer":
    case "number":
      return "number"
    case "string":
      return kindOfText(schema)
    case "array":
      if (choicesOf(items) && schema.uniqueItems === true) return "choices"
      if (items.format === FILE) return "files"
      return items.type === "string" ? "lines" : "json"
    default:
      return "json"
  }
}

function kindOfText({format, writeOnly, maxLength}: Schema): Kind {
  if (format === FILE) return "file"
  if (format === "password" || writeOnly === true) return "secret"
  if (format === "date" || format === "time") return format
  if (format === "multiline" || Number(maxLength) > 500) return "multiline"
  return "text"
}

function choicesOf({enum: options, const: only, type}: Schema): unknown[] | undefined {
  if (Array.isArray(options)) return options
  return only !== undefined && type !== undefined ? [only] : undefined
}

/** *schema* without the alternative of null, references followed. */
function withoutNull(schema: Schema, root: Schema): {schema: Schema; nullable: boolean} {
  const resolved = resolve(schema, root)
  const alternatives = (resolved.anyOf ?? resolved.oneOf) as Schema[] | undefined
  if (alternatives === undefined) {
    if (!Array.isArray(resolved.type)) return {schema: resolved, nullable: false}
    const types = resolved.type.filter(type => type !== "null")
    const type = types.length === 1 ? types[0] : types
    return {schema: {...resolved, type}, nullable: types.length < resolved.type.length}
  }
  const others = alternatives.map(each => resolve(each, root)).filter(each => each.type !== "null")
  const {anyOf, oneOf, ...rest} = resolved
  return {
    // More than one alternative left has no look of its own.
    schema: others.length === 1 ? {...rest, ...others[0]} : rest,
    nullable: others.length < alternatives.length,
  }
}

function resolve(schema: Schema, root: Schema): Schema {
  const path = text(schema.$ref).match(/^#\/\$defs\/(.+)$/)?.[1]
  const target = path && (root.$defs as Record<string, Schema> | undefined)?.[path]
  if (!target) return schema
  const {$ref, ...rest} = schema
  return {...resolve(target, root), ...rest}
}

function bound(inclusive: unknown, exclusive: unknown, step: number): number | undefined {
  return number(inclusive) ?? (typeof exclusive === "number" ? exclusive + step : undefined)
}

function number(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined
}

function text(value: unknown): string {
  return value === undefined || value === null ? "" : String(value)
}

/** How *value* stands in *field*; undefined gives an empty field. */
export function draftOf(field: Field, value: unknown): Draft {
  switch (field.kind) {
    case "boolean":
      return value === true
    case "choice":
      return value === undefined ? "" : text(indexOf(field.choices, value) ?? "")
    case "choices":
      return (Array.isArray(value) ? value : []).flatMap(item => indexOf(field.choices, item) ?? [])
    case "lines":
      return Array.isArray(value) ? value.join("\n") : ""
    case "json":
      return value === undefined || value === null ? "" : JSON.stringify(value, null, 2)
    case "file":
      return {files: typeof value === "string" ? [value] : []}
    case "files":
      return {files: Array.isArray(value) ? value.map(text) : []}
    default:
      return text(value)
  }
}

function indexOf(choices: unknown[], value: unknown): number | undefined {
  const index = choices.findIndex(choice => JSON.stringify(choice) === JSON.stringify(value))
  return index === -1 ? undefined : index
}

/** What *draft* means as a value of *field*. */
export function readDraft(field: Field, draft: Draft): Reading {
  if (typeof draft === "boolean") return unlessPreset(field, draft, draft)
  if (typeof draft === "object" && "files" in draft) return readFiles(field, draft)
  if (typeof draft !== "string") {
    return unlessPreset(
      field,
      draft,
      draft.map(index => field.choices[index]),
    )
  }
  if (draft === "") return readEmpty(field)
  switch (field.kind) {
    case "number":
      return readNumber(field, draft)
    case "choice":
      return unlessPreset(field, draft, field.choices[Number(draft)])
    case "lines":
      return unlessPreset(
        field,
        draft,
        draft.split("\n").filter(line => line !== ""),
      )
    case "json":
      return readJson(field, draft)
    default:
      return readText(field, draft)
  }
}

/** The value is the file itself, to be sent before the task is run, or its id. */
function readFiles(field: Field, {files}: FileDraft): Reading {
  const large = files.find(
    file => file instanceof File && field.maxSize !== undefined && file.size > field.maxSize,
  )
  if (large instanceof File) {
    return {error: `${large.name} is too large: it has ${large.size} bytes of ${field.maxSize}`}
  }
  if (field.kind === "files") return unlessPreset(field, {files}, files)
  if (files.length > 0) return {value: files[0]}
  if (field.required) return field.nullable ? {value: null} : {error: "Choose a file"}
  return "omitted"
}

function readEmpty(field: Field): Reading {
  const isText = ["text", "multiline", "secret"].includes(field.kind)
  const isList = field.kind === "lines"
  if (field.required) {
    if (isList && !field.minLength) return {value: []}
    return field.nullable ? {value: null} : {error: "Fill this in"}
  }
  if (field.preset === null || field.preset === undefined) return "omitted"
  if (field.nullable) return {value: null}
  if (isText) return unlessPreset(field, "", "")
  return isList ? unlessPreset(field, "", []) : {error: "Fill this in"}
}

function readNumber(field: Field, draft: string): Reading {
  const {whole, minimum, maximum} = field
  const value = Number(draft)
  if (!Number.isFinite(value)) return {error: "This must be a number"}
  if (whole && !Number.isInteger(value)) return {error: "This must be a whole number"}
  if (minimum !== undefined && value < minimum) return {error: `This must be at least ${minimum}`}
  if (maximum !== undefined && value > maximum) return {error: `This must be at most ${maximum}`}
  return unlessPreset(field, draft, value)
}

function readText(field: Field, draft: string): Reading {
  const {minLength = 0, maxLength = Number.POSITIVE_INFINITY} = field
  if (draft.length < minLength) return {error: `This must have at least ${minLength} characters`}
  if (draft.length > maxLength) return {error: `This must have at most ${maxLength} characters`}
  return unlessPreset(field, draft, draft)
}

function readJson(field: Field, draft: string): Reading {
  try {
    return unlessPreset(field, draft, JSON.parse(draft))
  } catch (error) {
    return {error: `This must be JSON: ${(error as Error).message}`}
  }
}

/** A value that was not changed stays the task's own business. */
function unlessPreset(field: Field, draft: Draft, value: unknown): Reading {
  const isPreset = JSON.stringify(draft) === JSON.stringify(draftOf(field, field.preset))
  return !field.required && field.preset !== undefined && isPreset ? "omitted" : {value}
}
