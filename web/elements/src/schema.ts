/** From JSON Schema to the fields of a form. */

import {words} from "./words"

type Schema = Record<string, unknown>

/** What a field looks like; whatever has no look of its own is typed as JSON. */
export type Kind =
  | "text"
  | "multiline"
  | "path"
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
  | "datetime"
  | "duration"
  | "group"
  | "list"
  | "pairs"
  | "variant"
  | "constant"
  | "json"

/** A value to choose, and what to call it. */
export interface Choice {
  value: unknown
  title: string
}

/** One parameter of a task, or a part of one. */
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
  /** What a `choice` or `choices` field offers, as far as that is known. */
  choices: Choice[]
  /** Of choices that the node computes: the parameters that they depend on. */
  computed: {after: string[]} | null
  /** Whether numbers must be whole. */
  whole: boolean
  minimum: number | undefined
  maximum: number | undefined
  /** Bounds that a number may not reach itself. */
  above: number | undefined
  below: number | undefined
  multipleOf: number | undefined
  minLength: number | undefined
  maxLength: number | undefined
  pattern: string | undefined
  minItems: number
  maxItems: number
  placeholder: string
  unit: string
  /** The heading under which fields are shown together; empty for none. */
  heading: string
  /** Of files: the extensions and media types that are taken; any if there are none. */
  accept: string[]
  /** Of files: the most bytes of one. */
  maxSize: number | undefined
  /** The parts of a `group`. */
  fields: Field[]
  /** What is in each place of a `list`, and behind each name of `pairs`. */
  item: Field | null
  /** What a `variant` may be. */
  variants: Field[]
  /** The one value of a `constant`. */
  only: unknown
}

/** The key under which a schema tells what a form should know besides. */
const HINTS = "x-taskrealm"

/** The format of a text that is the id of a file. */
const FILE = "taskrealm-file"

/** Groups within groups, behind which everything is JSON. */
const DEEPEST = 6

/** Characters that a line may have; longer text gets room. */
const LINE = 500

/** Where a schema stands: what its references lead to, and those that have led here. */
interface Place {
  root: Schema
  refs: readonly string[]
  depth: number
}

/** The fields for the properties of *schema*, in its order; whatever *schema* is. */
export function fieldsOf(schema: unknown): Field[] {
  const root = asSchema(schema)
  return partsOf(root, {root, refs: [], depth: 0})
}

function partsOf(schema: Schema, place: Place): Field[] {
  const required = new Set(Array.isArray(schema.required) ? schema.required : [])
  return Object.entries(asSchema(schema.properties)).map(([name, property]) =>
    fieldOf(name, property, required.has(name), place),
  )
}

function fieldOf(name: string, property: unknown, required: boolean, place: Place): Field {
  const own = asSchema(property)
  const found = follow(own, place)
  const {alternatives, nullable, ...rest} = withoutNull(found.schema, found.place)
  const [only, ...more] = alternatives
  const isOne = only !== undefined && more.length === 0
  const inner = isOne ? follow(only, rest.place) : {schema: rest.schema, place: rest.place}
  const schema = isOne ? {...without(rest.schema, "anyOf", "oneOf"), ...inner.schema} : inner.schema
  const within = {...inner.place, depth: inner.place.depth + 1}
  const isDeep = within.depth > DEEPEST || found.isCircle
  const items = follow(asSchema(schema.items), within)
  const titled = more.length > 0 ? constants(alternatives, place) : null
  const choices = titled ?? choicesOf(schema, own)
  const offers = choices ?? choicesOf(items.schema, asSchema(schema.items)) ?? []
  const hints = {
    ...asSchema(items.schema[HINTS]),
    ...asSchema(schema[HINTS]),
    ...asSchema(own[HINTS]),
  }
  const computed = hints.computed_choices === undefined ? null : asSchema(hints.computed_choices)
  const isMany = schema.type === "array"
  const kind = ((): Kind => {
    if ("const" in schema && !nullable) return "constant"
    if (choices) return "choice"
    if (computed) return isMany ? "choices" : "choice"
    if (schema.type === "boolean" && nullable) return "choice"
    if (isDeep) return "json"
    if (more.length > 0) return "variant"
    return kindOf(schema, items.schema, hints)
  })()
  const whole = schema.type === "integer"
  const field: Field = {
    name,
    title: text(own.title) || text(schema.title) || name,
    help: text(own.description) || text(schema.description),
    kind,
    required,
    nullable,
    preset: own.default ?? schema.default,
    choices: kind === "choice" && schema.type === "boolean" && !choices ? yesOrNo() : offers,
    computed: computed && {after: texts(computed.after)},
    whole,
    minimum: bound(schema.minimum, schema.exclusiveMinimum, whole ? 1 : null),
    maximum: bound(schema.maximum, schema.exclusiveMaximum, whole ? -1 : null),
    above: whole ? undefined : number(schema.exclusiveMinimum),
    below: whole ? undefined : number(schema.exclusiveMaximum),
    multipleOf: number(schema.multipleOf),
    minLength: number(schema.minLength),
    maxLength: number(schema.maxLength),
    pattern: typeof schema.pattern === "string" ? schema.pattern : undefined,
    minItems: number(schema.minItems) ?? 0,
    maxItems: number(schema.maxItems) ?? Number.POSITIVE_INFINITY,
    placeholder:
      text(hints.placeholder) || (Array.isArray(own.examples) ? text(own.examples[0]) : ""),
    unit: text(hints.unit),
    heading: text(hints.group),
    accept: texts(hints.accept),
    maxSize: number(hints.max_size),
    fields: kind === "group" ? partsOf(schema, within) : [],
    item: null,
    variants: kind === "variant" ? alternatives.map(each => variantOf(each, within)) : [],
    only: schema.const,
  }
  if (kind === "list") field.item = fieldOf("", schema.items, true, within)
  if (kind === "pairs") field.item = fieldOf("", schema.additionalProperties, true, within)
  return field
}

function variantOf(alternative: Schema, place: Place): Field {
  const field = fieldOf("", alternative, true, place)
  return field.title === "" ? {...field, title: nameOf(field)} : field
}

/** What an alternative without a title is called. */
function nameOf(field: Field): string {
  const tag = field.fields.find(part => part.kind === "constant")
  if (tag) return text(tag.only)
  return field.whole ? words.form.kinds.whole : words.form.kinds[field.kind]
}

function kindOf(schema: Schema, items: Schema, hints: Schema): Kind {
  if (schema.format === "duration") return "duration"
  switch (schema.type) {
    case "boolean":
      return "boolean"
    case "integer":
    case "number":
      return "number"
    case "string":
      return kindOfText(schema, hints)
    case "array":
      return kindOfList(schema, items)
    case "object":
      return kindOfObject(schema)
    default:
      return "json"
  }
}

function kindOfText({format, writeOnly, maxLength}: Schema, hints: Schema): Kind {
  if (format === FILE) return "file"
  if (format === "password" || writeOnly === true) return "secret"
  if (format === "date" || format === "time" || format === "path") return format
  if (format === "date-time") return "datetime"
  const isLong = hints.multiline === true || format === "multiline" || Number(maxLength) > LINE
  return isLong ? "multiline" : "text"
}

function kindOfList(schema: Schema, items: Schema): Kind {
  if (Array.isArray(schema.prefixItems) || Object.keys(items).length === 0) return "json"
  if (choicesOf(items, items)) return "choices"
  if (items.format === FILE) return "files"
  const plain = Object.keys(items).every(key => ["type", "title", "pattern"].includes(key))
  return items.type === "string" && plain ? "lines" : "list"
}

function kindOfObject(schema: Schema): Kind {
  const more = schema.additionalProperties
  if (Object.keys(asSchema(schema.properties)).length > 0) return "group"
  return Object.keys(asSchema(more)).length > 0 ? "pairs" : "json"
}

/** The values that *schema* lists, by the names that it or *own* gives them. */
function choicesOf(schema: Schema, own: Schema): Choice[] | undefined {
  const {enum: options, const: only, type} = schema
  const values = Array.isArray(options)
    ? options.filter(each => each !== null || type === undefined)
    : only !== undefined && type !== undefined
      ? [only]
      : undefined
  const titles = [own, schema].flatMap(each => {
    const named = asSchema(each[HINTS]).choices
    return Array.isArray(named) ? named.map(asSchema) : []
  })
  return values?.map(value => ({
    value,
    title: text(titles.find(each => isSame(each.value, value))?.title) || titleOf(value),
  }))
}

/** Alternatives that are one value each are choices by their titles. */
function constants(alternatives: readonly Schema[], place: Place): Choice[] | null {
  const found = alternatives.map(each => follow(each, place).schema)
  if (!found.every(each => "const" in each)) return null
  return found.map(each => ({value: each.const, title: text(each.title) || titleOf(each.const)}))
}

function yesOrNo(): Choice[] {
  return [true, false].map(value => ({value, title: titleOf(value)}))
}

/** What a value is called that nobody has given a name. */
export function titleOf(value: unknown): string {
  if (typeof value === "boolean") return value ? words.form.yes : words.form.no
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "")
}

/** The alternatives in *schema* besides null; none where it says itself what it is. */
function withoutNull(
  schema: Schema,
  place: Place,
): {schema: Schema; place: Place; alternatives: Schema[]; nullable: boolean} {
  const listed = [schema.anyOf, schema.oneOf].find(each => Array.isArray(each) && each.length > 0)
  if (Array.isArray(listed)) {
    const all = listed.flatMap(each => flattened(asSchema(each), place))
    const alternatives = all.filter(each => !isNull(follow(each, place).schema))
    return {schema, place, alternatives, nullable: alternatives.length < all.length}
  }
  const hasNull = Array.isArray(schema.enum) && schema.enum.includes(null)
  if (!Array.isArray(schema.type)) {
    return {schema, place, alternatives: [], nullable: hasNull && schema.type !== undefined}
  }
  const types = schema.type.filter(type => type !== "null")
  const [type] = types
  const nullable = types.length < schema.type.length
  if (types.length > 1 && schema.format !== "duration" && !Array.isArray(schema.enum)) {
    const alternatives = types.map(each => ({...without(schema, "title"), type: each}))
    return {schema, place, alternatives, nullable}
  }
  return {schema: {...schema, type}, place, alternatives: [], nullable}
}

/** The alternatives that *schema* itself consists of, if that is all there is to it. */
function flattened(schema: Schema, place: Place): Schema[] {
  const {anyOf, oneOf, $ref, title, discriminator, description, ...rest} = schema
  const listed = Array.isArray(anyOf) ? anyOf : oneOf
  const isAll = Array.isArray(listed) && listed.length > 0 && Object.keys(rest).length === 0
  if (!isAll || $ref !== undefined || place.depth > DEEPEST) return [schema]
  const within = {...place, depth: place.depth + 1}
  return listed.flatMap(each => flattened(asSchema(each), within))
}

function isNull(schema: Schema): boolean {
  return schema.type === "null" || ("const" in schema && schema.const === null)
}

/** *schema* with what it refers to, and what stands beside that counting more. */
function follow(schema: Schema, place: Place): {schema: Schema; place: Place; isCircle: boolean} {
  const ref = text(schema.$ref)
  if (ref === "") {
    const all = Array.isArray(schema.allOf) ? schema.allOf : []
    if (all.length === 0) return {schema, place, isCircle: false}
    const parts = all.map(each =>
      follow(asSchema(each), {...place, refs: [...place.refs, "allOf"]}),
    )
    const isCircle = place.refs.length > DEEPEST * 3 || parts.some(each => each.isCircle)
    const merged = [...parts.map(each => each.schema), without(schema, "allOf")].reduce(merge, {})
    return {schema: merged, place, isCircle}
  }
  if (place.refs.includes(ref) || place.refs.length > DEEPEST * 3) {
    return {schema: without(schema, "$ref"), place, isCircle: true}
  }
  const target = ref
    .replace(/^#\/?/, "")
    .split("/")
    .reduce<unknown>((found, step) => asSchema(found)[decoded(step)], place.root)
  const led = follow(asSchema(target), {...place, refs: [...place.refs, ref]})
  return {...led, schema: {...led.schema, ...without(schema, "$ref")}}
}

function decoded(step: string): string {
  return step.replaceAll("~1", "/").replaceAll("~0", "~")
}

function merge(one: Schema, other: Schema): Schema {
  const properties = {...asSchema(one.properties), ...asSchema(other.properties)}
  const required = [one.required, other.required].flatMap(each => (Array.isArray(each) ? each : []))
  return {
    ...one,
    ...other,
    ...(Object.keys(properties).length > 0 ? {properties, required} : {}),
  }
}

function without(schema: Schema, ...names: string[]): Schema {
  return Object.fromEntries(Object.entries(schema).filter(([name]) => !names.includes(name)))
}

function bound(inclusive: unknown, exclusive: unknown, step: number | null): number | undefined {
  if (typeof inclusive === "number") return inclusive
  return typeof exclusive === "number" && step !== null ? exclusive + step : undefined
}

function asSchema(value: unknown): Schema {
  const isMapping = typeof value === "object" && value !== null && !Array.isArray(value)
  return isMapping ? (value as Schema) : {}
}

function number(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined
}

function text(value: unknown): string {
  return value === undefined || value === null ? "" : String(value)
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.map(text) : []
}

/** Whether two values are the same as JSON. */
export function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(sorted(one)) === JSON.stringify(sorted(other))
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== "object" || value === null || value instanceof Blob) return value
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))
  return Object.fromEntries(entries.map(([name, each]) => [name, sorted(each)]))
}
