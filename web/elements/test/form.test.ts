import {expect, test} from "vitest"
import {Form} from "../src/form"
import {Keeper} from "../src/keeping"
import {type Field, fieldsOf} from "../src/schema"

const SIZE = {
  type: "object",
  properties: {width: {type: "integer"}, height: {type: "integer", default: 1}},
  required: ["width"],
}

function form(): Form {
  return new Form(
    fieldsOf({
      properties: {
        source: {type: "string"},
        quality: {type: "integer", default: 23},
        sizes: {type: "array", items: {type: "string"}, default: []},
        size: {...SIZE, default: {width: 640}},
        boxes: {type: "array", items: SIZE, default: []},
        shape: {oneOf: [{title: "Box", ...SIZE}, {type: "string"}], default: {width: 1}},
        password: {anyOf: [{type: "string", writeOnly: true}, {type: "null"}], default: null},
        photo: {type: "string", format: "taskrealm-file"},
      },
      required: ["source"],
    }),
  )
}

function named(form: Form, name: string): Field {
  return form.fields.find(field => field.name === name) as Field
}

test("a form gives what was changed and what is required", () => {
  const filled = form()
  filled.type(named(filled, "source"), "a.mp4")

  expect(filled.read()).toEqual({source: "a.mp4"})
})

test("a form gives nothing while a field needs a change", () => {
  const empty = form()

  expect(empty.read()).toBe(null)
  expect(empty.errors).toEqual({source: "Fill this in"})
  expect(empty.firstWrong?.name).toBe("source")
})

test("a field is checked alone", () => {
  const half = form()
  half.type(named(half, "quality"), "much")
  half.check(named(half, "quality"))
  expect(half.errors).toEqual({quality: "This must be a number"})

  half.type(named(half, "quality"), "3")
  half.check(named(half, "quality"))
  expect(half.errors).toEqual({})
})

test("a form is filled with the arguments of an earlier job, but for its secrets", () => {
  const filled = form()
  filled.fill({source: "b.mp4", quality: 30, gone: true, password: "***"})

  expect(filled.read()).toEqual({source: "b.mp4", quality: 30})
})

test("what the server refuses is told at the part that it is about", () => {
  const refused = form()
  refused.fill({boxes: [{width: 1}, {width: 2}]})
  const others = refused.refuse({
    "size.width": "must be less",
    "shape.width": "must be more",
    boxes: "width of item 2 must be even; or item 1 must be gone",
    "sizes.deep": "too big",
    quality: "must be odd",
    priority: "no",
  })

  expect(refused.errors).toEqual({
    "size.width": "must be less",
    "shape.width": "must be more",
    "boxes.1.width": "must be even",
    "boxes.0": "must be gone",
    sizes: "deep too big",
    quality: "must be odd",
  })
  expect(others).toEqual({priority: "no"})
})

test("what fits so far is known without secrets, and with the files that are sent", () => {
  const half = form()
  const file = new File(["x"], "a.txt")
  half.type(named(half, "source"), "a")
  half.type(named(half, "quality"), "much")
  half.type(named(half, "password"), "hunter2")
  half.type(named(half, "photo"), {files: [file]})

  expect(half.fair()).toEqual({source: "a"})
  expect(half.fair(() => ({id: "file_1", name: "a.txt", size: 1}))).toEqual({
    source: "a",
    photo: "file_1",
  })
})

/** A storage in memory. */
function storage(): Pick<Storage, "getItem" | "setItem" | "removeItem"> & {text: string} {
  const items = new Map<string, string>()
  return {
    getItem: key => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: key => void items.delete(key),
    get text() {
      return [...items.values()].join()
    },
  }
}

test("what was typed is kept for the same form, without secrets", () => {
  const kept = storage()
  const typed = form()
  typed.type(named(typed, "source"), "a")
  typed.type(named(typed, "password"), "hunter2")
  typed.type(named(typed, "photo"), {files: [new File(["x"], "a.txt")]})
  new Keeper("ana", "t", "", "schema", kept).keep([typed], () => null)
  const again = form()

  expect(kept.text).not.toContain("hunter2")
  expect(new Keeper("ana", "t", "", "schema", kept).restore([again])).toBe(true)
  expect(again.read()).toEqual({source: "a"})
})

test.each([
  ["bob", "t", "", "schema"],
  ["ana", "u", "", "schema"],
  ["ana", "t", "from:1", "schema"],
  ["ana", "t", "", "another"],
])("what was typed does not come back into another form: %s %s %s %s", (...place) => {
  const kept = storage()
  const typed = form()
  typed.type(named(typed, "source"), "a")
  new Keeper("ana", "t", "", "schema", kept).keep([typed], () => null)
  const other = form()

  expect(new Keeper(...place, kept).restore([other])).toBe(false)
  expect(other.read()).toBe(null)
})

test("a storage that is full or broken leaves the form alone", () => {
  const broken = {
    getItem: () => "{",
    setItem: () => {
      throw new Error("full")
    },
    removeItem: () => {},
  }
  const keeper = new Keeper("ana", "t", "", "schema", broken)

  expect(() => keeper.keep([form()], () => null)).not.toThrow()
  expect(keeper.restore([form()])).toBe(false)
})
