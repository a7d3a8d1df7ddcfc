import fc from "fast-check"
import {expect, test} from "vitest"
import {draftOf, readDraft} from "../src/drafts"
import {Form} from "../src/form"
import {fieldsOf} from "../src/schema"
import {field} from "./fields"

test("fields keep the order in which the task declares them", () => {
  const fields = fieldsOf({properties: {z: {type: "string"}, a: {type: "integer"}}})

  expect(fields.map(({name}) => name)).toEqual(["z", "a"])
})

const $defs = {
  Size: {
    type: "object",
    title: "Size",
    properties: {width: {type: "integer"}, height: {type: "integer", default: 480}},
    required: ["width"],
    additionalProperties: false,
  },
  Circle: {
    type: "object",
    title: "Circle",
    properties: {kind: {const: "circle", type: "string"}, radius: {type: "number"}},
    required: ["kind", "radius"],
  },
  Color: {type: "string", enum: ["red", "blue"]},
  Tree: {
    type: "object",
    properties: {name: {type: "string"}, below: {type: "array", items: {$ref: "#/$defs/Tree"}}},
  },
}

test.each([
  ["text", {type: "string"}],
  ["text", {type: "string", pattern: "^[^\\r\\n]*$"}],
  ["multiline", {type: "string", format: "multiline"}],
  ["multiline", {type: "string", maxLength: 10_000}],
  ["multiline", {type: "string", "x-taskrealm": {multiline: true}}],
  ["path", {type: "string", format: "path"}],
  ["secret", {type: "string", format: "password"}],
  ["secret", {anyOf: [{type: "string", writeOnly: true}, {type: "null"}]}],
  ["date", {type: "string", format: "date"}],
  ["time", {type: "string", format: "time"}],
  ["datetime", {type: "string", format: "date-time"}],
  ["duration", {type: ["string", "number"], format: "duration"}],
  ["duration", {anyOf: [{type: ["string", "number"], format: "duration"}, {type: "null"}]}],
  ["number", {type: "integer"}],
  ["number", {type: "number"}],
  ["boolean", {type: "boolean"}],
  ["choice", {type: ["boolean", "null"]}],
  ["choice", {enum: ["a", 1, null]}],
  ["choice", {$ref: "#/$defs/Color"}],
  [
    "choice",
    {
      oneOf: [
        {const: 1, title: "One"},
        {const: 2, title: "Two"},
      ],
    },
  ],
  ["choice", {type: "string", "x-taskrealm": {computed_choices: {after: []}}}],
  ["constant", {const: "a", type: "string"}],
  ["choices", {type: "array", uniqueItems: true, items: {enum: ["a", "b"]}}],
  ["choices", {type: "array", items: {type: "string", enum: ["a", "b"]}}],
  [
    "choices",
    {type: "array", items: {type: "string", "x-taskrealm": {computed_choices: {after: []}}}},
  ],
  ["lines", {type: "array", items: {type: "string"}}],
  ["list", {type: "array", items: {type: "integer"}}],
  ["list", {type: "array", items: {$ref: "#/$defs/Size"}}],
  ["list", {type: "array", items: {type: "string", format: "date"}}],
  ["file", {type: "string", format: "taskrealm-file"}],
  ["files", {type: "array", items: {type: "string", format: "taskrealm-file"}}],
  ["group", {$ref: "#/$defs/Size"}],
  ["group", {allOf: [{$ref: "#/$defs/Size"}, {properties: {depth: {type: "integer"}}}]}],
  ["group", {anyOf: [{$ref: "#/$defs/Size"}, {type: "null"}]}],
  ["pairs", {type: "object", additionalProperties: {type: "integer"}}],
  ["variant", {oneOf: [{$ref: "#/$defs/Circle"}, {$ref: "#/$defs/Size"}]}],
  [
    "variant",
    {anyOf: [{oneOf: [{$ref: "#/$defs/Circle"}, {$ref: "#/$defs/Size"}]}, {type: "null"}]},
  ],
  ["variant", {anyOf: [{type: "string"}, {type: "integer"}]}],
  ["variant", {type: ["string", "integer"]}],
  ["json", {type: "array", items: {}}],
  ["json", {type: "array", prefixItems: [{type: "integer"}]}],
  ["json", {type: "object"}],
  ["json", {}],
  ["json", true],
  ["json", {$ref: "#/$defs/Nowhere"}],
])("looks like %s: %j", (kind, schema) => {
  expect(field(schema, {$defs}).kind).toBe(kind)
})

test("hints say how a field is called, filled and put together with others", () => {
  const hints = {unit: "px", group: "Looks", placeholder: "640"}

  expect(field({type: "integer", "x-taskrealm": hints})).toMatchObject({
    unit: "px",
    heading: "Looks",
    placeholder: "640",
  })
  expect(
    field({enum: ["a", "b"], "x-taskrealm": {choices: [{value: "a", title: "First"}]}}).choices,
  ).toEqual([
    {value: "a", title: "First"},
    {value: "b", title: "b"},
  ])
})

test("limits of files are those of the items of a list", () => {
  const items = {
    type: "string",
    format: "taskrealm-file",
    "x-taskrealm": {accept: [".mov"], max_size: 10},
  }

  expect(field({type: "array", items})).toMatchObject({accept: [".mov"], maxSize: 10})
})

test("what may be null is the field of its other type", () => {
  for (const schema of [
    {anyOf: [{type: "integer", minimum: 1}, {type: "null"}], default: null},
    {type: ["integer", "null"], minimum: 1, default: null},
  ]) {
    expect(field(schema)).toMatchObject({kind: "number", nullable: true, minimum: 1, whole: true})
  }
})

test("a reference is followed, and what stands beside it counts more", () => {
  const preset = field({$ref: "#/$defs/Color", default: "blue", title: "Paint"}, {$defs})

  expect(preset).toMatchObject({kind: "choice", title: "Paint", preset: "blue"})
  expect(draftOf(preset, preset.preset)).toBe('"blue"')
})

test("what refers to itself ends as JSON", () => {
  const tree = field({$ref: "#/$defs/Tree"}, {$defs})

  expect(tree.kind).toBe("group")
  expect(tree.fields.map(({name, kind}) => [name, kind])).toEqual([
    ["name", "text"],
    ["below", "json"],
  ])
})

test("alternatives are called by their titles, or by what they are", () => {
  const {variants} = field(
    {
      oneOf: [{$ref: "#/$defs/Circle"}, {type: "integer"}, {type: "string"}],
    },
    {$defs},
  )

  expect(variants.map(({title}) => title)).toEqual(["Circle", "Whole number", "Text"])
})

test("exclusive bounds of whole numbers become inclusive ones, and of others stay", () => {
  expect(field({type: "integer", exclusiveMinimum: 0, exclusiveMaximum: 10})).toMatchObject({
    minimum: 1,
    maximum: 9,
  })
  expect(field({type: "number", exclusiveMinimum: 0})).toMatchObject({
    minimum: undefined,
    above: 0,
  })
})

/** Anything that might stand in a place of a schema. */
const junk = fc.oneof(
  fc.jsonValue({maxDepth: 2}),
  fc.constant({$ref: "#/$defs/a"}),
  fc.constant({$ref: "#"}),
)

const schemas = fc.letrec<{schema: unknown; mapping: unknown}>(tie => ({
  mapping: fc.dictionary(fc.constantFrom("a", "b", "kind"), tie("schema"), {maxKeys: 3}),
  schema: fc.oneof(
    {maxDepth: 4},
    junk,
    fc.record(
      {
        type: fc.oneof(
          fc.constantFrom("string", "integer", "number", "boolean", "array", "object", "null"),
          fc.constant(["string", "null"]),
          junk,
        ),
        format: fc.constantFrom("date", "date-time", "time", "duration", "path", "taskrealm-file"),
        enum: fc.oneof(fc.array(fc.jsonValue({maxDepth: 1}), {maxLength: 3}), junk),
        const: fc.jsonValue({maxDepth: 1}),
        properties: fc.oneof(tie("mapping"), junk),
        required: fc.oneof(fc.constant(["a"]), junk),
        additionalProperties: tie("schema"),
        items: tie("schema"),
        anyOf: fc.oneof(fc.array(tie("schema"), {maxLength: 3}), junk),
        oneOf: fc.oneof(fc.array(tie("schema"), {maxLength: 3}), junk),
        allOf: fc.array(tie("schema"), {maxLength: 2}),
        default: fc.jsonValue({maxDepth: 2}),
        minItems: fc.oneof(fc.constant(2), junk),
        pattern: fc.constantFrom("^a", "(", "\\p{L}"),
        "x-taskrealm": fc.oneof(junk, fc.constant({computed_choices: {after: ["a"]}})),
        $ref: fc.constantFrom("#/$defs/a", "#/$defs/b", "#", "elsewhere"),
      },
      {requiredKeys: []},
    ),
  ),
}))

test("any schema gives a form that can be filled with anything, and read", () => {
  fc.assert(
    fc.property(
      fc.record({properties: schemas.mapping, required: junk, $defs: schemas.mapping}),
      fc.dictionary(fc.constantFrom("a", "b", "kind"), fc.jsonValue({maxDepth: 3})),
      (schema, values) => {
        const form = new Form(fieldsOf(schema))
        form.read()
        form.fill(values)
        form.read()
        form.refuse({"a.kind.b": "must be otherwise"})
        form.restore(JSON.parse(JSON.stringify(form.typed())))
        form.fair()
        for (const each of form.fields) for (const kind of each.fields) draftOf(kind, values)
      },
    ),
    {numRuns: 300},
  )
})

test("any value of JSON stands in a field for anything, and is read from it again", () => {
  fc.assert(
    fc.property(fc.jsonValue(), value => {
      const anything = field({}, {required: true})

      expect(readDraft(anything, draftOf(anything, value))).toEqual({
        value: JSON.parse(JSON.stringify(value)),
      })
    }),
  )
})
