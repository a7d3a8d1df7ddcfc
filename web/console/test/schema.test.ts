import {describe, expect, test} from "vitest"
import {draftOf, type Field, fieldsOf, readDraft} from "../src/schema"

/** The field of a parameter *x* with this schema. */
function field(schema: object, {required = false, $defs = {}} = {}): Field {
  const [only] = fieldsOf({properties: {x: schema}, required: required ? ["x"] : [], $defs})
  return only as Field
}

test("fields keep the order in which the task declares them", () => {
  const fields = fieldsOf({properties: {z: {type: "string"}, a: {type: "integer"}}})

  expect(fields.map(({name}) => name)).toEqual(["z", "a"])
})

test.each([
  ["text", {type: "string"}],
  ["multiline", {type: "string", format: "multiline"}],
  ["multiline", {type: "string", maxLength: 10_000}],
  ["secret", {type: "string", format: "password"}],
  ["secret", {type: "string", writeOnly: true}],
  ["date", {type: "string", format: "date"}],
  ["number", {type: "integer"}],
  ["number", {type: "number"}],
  ["boolean", {type: "boolean"}],
  ["choice", {enum: ["a", 1, null]}],
  ["choice", {const: "a", type: "string"}],
  ["choices", {type: "array", uniqueItems: true, items: {enum: ["a", "b"]}}],
  ["lines", {type: "array", items: {type: "string"}}],
  ["json", {type: "array", items: {type: "object"}}],
  ["json", {type: "object"}],
  ["json", {anyOf: [{type: "string"}, {type: "integer"}]}],
  ["json", {}],
])("looks like %s: %j", (kind, schema) => {
  expect(field(schema).kind).toBe(kind)
})

describe("what may be null", () => {
  test.each([
    {anyOf: [{type: "integer", minimum: 1}, {type: "null"}], default: null},
    {type: ["integer", "null"], minimum: 1, default: null},
  ])("is the field of its other type: %j", schema => {
    expect(field(schema)).toMatchObject({kind: "number", nullable: true, minimum: 1, whole: true})
  })

  test("is null when it is required and left empty", () => {
    const schema = {anyOf: [{type: "string"}, {type: "null"}]}

    expect(readDraft(field(schema, {required: true}), "")).toEqual({value: null})
  })

  test("is null when its default is cleared", () => {
    const schema = {anyOf: [{type: "integer"}, {type: "null"}], default: 3}

    expect(readDraft(field(schema), "")).toEqual({value: null})
  })
})

test("a reference is followed, and what stands beside it counts more", () => {
  const $defs = {Preset: {type: "string", enum: ["480p", "720p"], title: "Preset"}}
  const preset = field({$ref: "#/$defs/Preset", default: "720p", title: "Size"}, {$defs})

  expect(preset).toMatchObject({kind: "choice", choices: ["480p", "720p"], title: "Size"})
  expect(draftOf(preset, preset.preset)).toBe("1")
})

test("exclusive bounds of whole numbers become inclusive ones", () => {
  expect(field({type: "integer", exclusiveMinimum: 0, exclusiveMaximum: 10})).toMatchObject({
    minimum: 1,
    maximum: 9,
  })
})

describe("a draft", () => {
  test.each([
    [{type: "string"}, "0", "0"],
    [{type: "integer"}, "0", 0],
    [{type: "number"}, "-2.5", -2.5],
    [{type: "boolean"}, false, false],
    [{enum: ["a", 7]}, "1", 7],
    [{type: "array", items: {type: "string"}}, "one\n\ntwo\n", ["one", "two"]],
    [{type: "array", uniqueItems: true, items: {enum: ["a", "b"]}}, [1], ["b"]],
    [{type: "object"}, '{"a": 1}', {a: 1}],
  ])("of %j, %j, means %j", (schema, draft, value) => {
    expect(readDraft(field(schema, {required: true}), draft)).toEqual({value})
  })

  test.each([
    [{type: "integer"}, "1.5", "whole"],
    [{type: "integer"}, "ten", "number"],
    [{type: "integer", minimum: 3}, "2", "at least 3"],
    [{type: "integer", maximum: 3}, "4", "at most 3"],
    [{type: "string", minLength: 3}, "ab", "at least 3"],
    [{type: "object"}, "{", "JSON"],
    [{type: "string"}, "", "Fill this in"],
  ])("of %j, %j, is refused because of %j", (schema, draft, reason) => {
    expect(readDraft(field(schema, {required: true}), draft)).toMatchObject({
      error: expect.stringContaining(reason),
    })
  })

  test.each([
    [{type: "string", default: "x"}, "x"],
    [{type: "integer", default: 0}, "0"],
    [{type: "boolean", default: false}, false],
    [{type: "array", items: {type: "string"}, default: ["a"]}, "a"],
    [{type: "string"}, ""],
  ])("of %j that is not changed stays the task's business", (schema, draft) => {
    expect(readDraft(field(schema), draft)).toBe("omitted")
  })

  test("of an optional text that is cleared is the empty text", () => {
    expect(readDraft(field({type: "string", default: "x"}), "")).toEqual({value: ""})
  })

  test.each([
    [{type: "string"}, "a b"],
    [{type: "integer"}, 0],
    [{type: "boolean"}, true],
    [{enum: [null, "a"]}, null],
    [{type: "array", items: {type: "string"}}, ["a", "b"]],
    [{type: "object"}, {a: [1]}],
  ])("of %j made from a value means that value", (schema, value) => {
    const required = field(schema, {required: true})

    expect(readDraft(required, draftOf(required, value))).toEqual({value})
  })
})
