import {describe, expect, test} from "vitest"
import {draftOf, newItem, readDraft} from "../src/drafts"
import {type Draft, isJson} from "../src/drafts/draft"
import {lengthText, secondsOf} from "../src/lengths"
import {field} from "./fields"

const SIZE = {
  type: "object",
  title: "Size",
  properties: {width: {type: "integer", minimum: 1}, height: {type: "integer", default: 480}},
  required: ["width"],
}
const CIRCLE = {
  type: "object",
  title: "Circle",
  properties: {kind: {const: "circle"}, radius: {type: "number"}},
  required: ["kind", "radius"],
}
const BOX = {
  type: "object",
  title: "Box",
  properties: {kind: {const: "box"}, size: SIZE},
  required: ["kind", "size"],
}
const FILE = {type: "string", format: "taskrealm-file"}
const LENGTH = {type: ["string", "number"], format: "duration"}
const DAYS = {type: "array", items: {enum: ["mon", "tue", "wed"]}}

/** A value of each kind, as a job was given it. */
const VALUES: [schema: object, value: unknown][] = [
  [{type: "string"}, "a b"],
  [{type: "string"}, "two\nlines"],
  [{type: "string", format: "path"}, "below/a.txt"],
  [{type: "integer"}, 0],
  [{type: "integer"}, -7],
  [{type: "number"}, 1e-7],
  [{type: "boolean"}, true],
  [{type: "boolean"}, false],
  [{anyOf: [{type: "boolean"}, {type: "null"}]}, false],
  [{enum: [null, "a"]}, "a"],
  [{enum: [{a: 1}, {a: 2}]}, {a: 2}],
  [DAYS, ["wed", "mon"]],
  [{type: "array", items: {type: "string"}}, ["a", "b"]],
  [{type: "string", format: "date"}, "2030-01-31"],
  [{type: "string", format: "time"}, "08:30:15"],
  [LENGTH, 5400],
  [LENGTH, 0.25],
  [LENGTH, "PT1H30M"],
  [SIZE, {width: 640, height: 2}],
  [{anyOf: [SIZE, {type: "null"}]}, {width: 640, height: 2}],
  [{oneOf: [CIRCLE, BOX]}, {kind: "circle", radius: 2.5}],
  [{oneOf: [CIRCLE, BOX]}, {kind: "box", size: {width: 3, height: 4}}],
  [{anyOf: [{type: "string"}, {type: "integer"}]}, 5],
  [{anyOf: [{type: "string"}, {type: "integer"}]}, "5"],
  [{type: "array", items: {type: "integer"}}, [3, 1]],
  [
    {type: "array", items: SIZE},
    [
      {width: 1, height: 2},
      {width: 3, height: 4},
    ],
  ],
  [{type: "array", items: {type: "array", items: {type: "integer"}}}, [[1], [2, 3]]],
  [
    {type: "object", additionalProperties: {type: "integer"}},
    {a: 1, b: 2},
  ],
  [{type: "object", additionalProperties: SIZE}, {a: {width: 1, height: 9}}],
  [FILE, "file_0123456789abcdef0123456789abcdef"],
  [{type: "array", items: FILE}, ["file_0123456789abcdef0123456789abcdef"]],
  [{type: "object"}, {a: [1]}],
]

test.each(VALUES)("a value of %j stands in its field, and means the same: %j", (schema, value) => {
  const required = field(schema, {required: true})
  const draft = draftOf(required, value)

  expect(isJson(draft)).toBe(false)
  expect(readDraft(required, draft)).toEqual({value})
})

/** Values for which a field has no look. */
const ODD: [schema: object, value: unknown][] = [
  [{type: "string"}, 5],
  [{type: "boolean"}, "true"],
  [{type: "array", items: {type: "string"}}, ["a\nb"]],
  [{type: "array", items: {type: "string"}}, [""]],
  [{type: "array", items: {type: "integer"}}, "3"],
  [SIZE, {width: 1, depth: 2}],
  [SIZE, []],
  [
    {type: "object", additionalProperties: {type: "integer"}},
    {a: 1, b: [1]},
  ],
  [{oneOf: [CIRCLE, BOX]}, {kind: "line"}],
  [{type: "string", format: "time"}, "08:30:15Z"],
  [FILE, 7],
]

test.each(ODD)("what does not fit %j is shown as JSON and kept: %j", (schema, value) => {
  const required = field(schema, {required: true})

  expect(readDraft(required, draftOf(required, value))).toEqual({value})
})

test("a moment is shown in the viewer's zone, and sent with its offset", () => {
  const moment = field({type: "string", format: "date-time"}, {required: true})
  const draft = draftOf(moment, "2030-01-31T10:00:00Z")
  const reading = readDraft(moment, draft) as {value: string}

  expect(draft).toMatch(/^2030-0\d-\d\dT\d\d:\d\d$/)
  expect(reading.value).toMatch(/(Z|[+-]\d\d:\d\d)$/)
  expect(Date.parse(reading.value)).toBe(Date.parse("2030-01-31T10:00:00Z"))
})

test("a secret is never filled in", () => {
  expect(draftOf(field({type: "string", writeOnly: true}), "hunter2")).toBe("")
})

test("a choice that is gone is shown, and refused by its name", () => {
  const choice = field({enum: ["a", "b"]}, {required: true})
  const draft = draftOf(choice, "c")

  expect(draft).toBe('"c"')
  expect(readDraft(choice, draft)).toEqual({errors: {"": "c is not offered"}})
})

describe("a draft", () => {
  test.each<[object, Draft, string]>([
    [{type: "integer"}, "1.5", "whole"],
    [{type: "integer"}, "ten", "number"],
    [{type: "integer"}, "9007199254740993", "exact"],
    [{type: "integer", minimum: 3}, "2", "at least 3"],
    [{type: "integer", maximum: 3}, "4", "at most 3"],
    [{type: "integer", multipleOf: 5}, "7", "multiple of 5"],
    [{type: "number", exclusiveMinimum: 0}, "0", "more than 0"],
    [{type: "number", exclusiveMaximum: 1}, "1", "less than 1"],
    [{type: "string", minLength: 3}, "ab", "at least 3"],
    [{type: "string", maxLength: 1}, "ab", "at most 1"],
    [{type: "string", pattern: "^[a-z]+$"}, "A", "must fit the pattern"],
    [{type: "string", format: "date"}, "31.1.", "date"],
    [{type: "string", format: "time"}, "25:00", "time"],
    [{type: "string", format: "date-time"}, "tomorrow", "date and a time"],
    [LENGTH, "a while", "length of time"],
    [{type: "object"}, "{", "JSON"],
    [{type: "string"}, "", "Fill this in"],
    [{enum: [1, 2, 3, 4, 5]}, "", "Fill this in"],
    [{...DAYS, minItems: 1}, [], "at least 1"],
    [{type: "array", items: {type: "integer"}, maxItems: 1}, {items: ["1", "2"]}, "at most 1"],
    [{type: "array", items: {type: "string"}, minItems: 2}, "one", "at least 2"],
    [FILE, {files: []}, "Choose a file"],
  ])("of %j, %j, is refused because of: %s", (schema, draft, reason) => {
    expect(readDraft(field(schema, {required: true}), draft)).toEqual({
      errors: {"": expect.stringContaining(reason)},
    })
  })

  test("of a group is refused at its parts", () => {
    const group = field({...SIZE, properties: {...SIZE.properties, inner: SIZE}})
    const draft: Draft = {
      isGiven: true,
      parts: {
        width: "0",
        height: "x",
        inner: {isGiven: true, parts: {width: "1", height: "tall"}},
      },
    }

    expect(readDraft(group, draft)).toEqual({
      errors: {
        width: "This must be at least 1",
        height: "This must be a number",
        "inner.height": "This must be a number",
      },
    })
  })

  test("of a list or of pairs is refused at the item", () => {
    const list = field({type: "array", items: SIZE}, {required: true})
    const pairs = field({type: "object", additionalProperties: {type: "integer"}})

    expect(readDraft(list, {items: [newItem(list)]})).toEqual({
      errors: {"0.width": "Fill this in"},
    })
    expect(readDraft(pairs, {pairs: [["a", "x"]]})).toEqual({
      errors: {a: "This must be a number"},
    })
    expect(
      readDraft(pairs, {
        pairs: [
          ["a", "1"],
          ["a", "2"],
        ],
      }),
    ).toMatchObject({
      errors: {"": "There are two called a"},
    })
    expect(readDraft(pairs, {pairs: [["", "1"]]})).toMatchObject({
      errors: {"": "Give this a name"},
    })
  })

  test.each([
    [{type: "string", default: "x"}],
    [{type: "integer", default: 0}],
    [{type: "boolean", default: false}],
    [{type: "array", items: {type: "string"}, default: ["a"]}],
    [{type: "array", items: {type: "integer"}, default: [1]}],
    [{type: "string"}],
    [{anyOf: [{type: "string"}, {type: "null"}], default: null}],
    [{...SIZE, default: {width: 640}}],
    [{anyOf: [SIZE, {type: "null"}], default: null}],
    [{anyOf: [{oneOf: [CIRCLE, BOX]}, {type: "null"}], default: null}],
    [{oneOf: [CIRCLE, BOX], default: {kind: "circle", radius: 1}}],
    [{type: "object", additionalProperties: {type: "integer"}, default: {}}],
    [{...LENGTH, default: 90}],
    [{...DAYS, default: ["mon"]}],
    [{type: "string", format: "date-time", default: "2030-01-31T10:00:00Z"}],
    [{default: null}],
    [FILE],
  ])("of %j that is not changed stays the task's business", schema => {
    const optional = field(schema)

    expect(readDraft(optional, draftOf(optional, optional.preset))).toBe("omitted")
  })

  test("of a group whose default has one part changed gives that part", () => {
    const group = field({...SIZE, default: {width: 640, height: 480}})
    const draft = draftOf(group, {width: 800, height: 480})

    expect(readDraft(group, draft)).toEqual({value: {width: 800}})
  })

  test("of an optional text that is cleared is the empty text", () => {
    expect(readDraft(field({type: "string", default: "x"}), "")).toEqual({value: ""})
  })

  test("is null where nothing is given and null is fair", () => {
    const schema = {anyOf: [{type: "string"}, {type: "null"}]}

    expect(readDraft(field(schema, {required: true}), "")).toEqual({value: null})
    expect(readDraft(field({...schema, default: "a"}), "")).toEqual({value: null})
    const group = field({anyOf: [SIZE, {type: "null"}]}, {required: true})
    expect(readDraft(group, draftOf(group, null))).toEqual({value: null})
  })

  test("of a file that is too large, or of another kind, is refused", () => {
    const film = field({...FILE, "x-taskrealm": {max_size: 3, accept: [".mov", "video/*"]}})
    const file = (name: string, size: number, type = "") =>
      new File(["x".repeat(size)], name, {type})

    expect(readDraft(film, {files: [file("a.mov", 4)]})).toEqual({
      errors: {"": "a.mov is too large: it has 4 bytes of 3"},
    })
    expect(readDraft(film, {files: [file("a.png", 1, "image/png")]})).toEqual({
      errors: {"": "a.png is not one of .mov, video/*"},
    })
    for (const fine of [file("A.MOV", 1, "x/y"), file("b", 1, "video/mp4"), file("c", 1)]) {
      expect(readDraft(film, {files: [fine]})).toEqual({value: fine})
    }
  })

  test("of computed choices is for the node to judge until they have come", () => {
    const town = field({type: "string", "x-taskrealm": {computed_choices: {after: []}}})

    expect(readDraft(town, '"oslo"')).toEqual({value: "oslo"})
    expect(readDraft({...town, choices: [{value: "bari", title: "Bari"}]}, '"oslo"')).toEqual({
      errors: {"": "oslo is not offered"},
    })
  })
})

test.each([
  ["90", 90],
  ["90s", 90],
  ["1h30m", 5400],
  ["1h 30 min", 5400],
  ["2 d", 172_800],
  ["250ms", 0.25],
  ["soon", null],
  ["1h soon", null],
  ["", null],
])("%j is a length of time of %s seconds", (text, seconds) => {
  expect(secondsOf(text)).toBe(seconds)
})

test.each([0, 0.25, 59, 60, 61.5, 3600, 5400, 86_399, 90_061])(
  "%d seconds are typed as they are read",
  seconds => {
    expect(secondsOf(lengthText(seconds))).toBe(seconds)
  },
)
