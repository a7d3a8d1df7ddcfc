import {expect, test} from "vitest"
import {Form} from "../src/form"
import {type Field, fieldsOf} from "../src/schema"

function form(): Form {
  return new Form(
    fieldsOf({
      properties: {
        source: {type: "string"},
        quality: {type: "integer", default: 23},
        sizes: {type: "array", items: {type: "string"}, default: []},
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

test("a form is filled with the arguments of an earlier job", () => {
  const filled = form()
  filled.fill({source: "b.mp4", quality: 30, gone: true})

  expect(filled.read()).toEqual({source: "b.mp4", quality: 30})
})

test("what the server refuses is told at the field, and the rest is handed back", () => {
  const refused = form()
  const others = refused.refuse({
    "sizes.width": "too big",
    "sizes.height": "too small",
    priority: "no",
  })

  expect(refused.errors).toEqual({sizes: "width too big; height too small"})
  expect(others).toEqual({priority: "no"})
})
