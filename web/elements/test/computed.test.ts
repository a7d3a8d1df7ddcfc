import {afterEach, beforeEach, expect, test, vi} from "vitest"
import {ComputedChoices} from "../src/computed"
import {Form} from "../src/form"
import {type Field, fieldsOf} from "../src/schema"

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const TOWNS: Record<string, string[]> = {north: ["Oslo", "Bergen"], south: ["Bari", "Oslo"]}

/** A form whose towns depend on the region, and what the node was asked. */
function place() {
  const form = new Form(
    fieldsOf({
      properties: {
        region: {enum: ["north", "south"], default: "north"},
        town: {type: "string", "x-taskrealm": {computed_choices: {after: ["region"]}}},
        password: {type: "string", writeOnly: true},
      },
    }),
  )
  const [region, town, password] = form.fields as [Field, Field, Field]
  const asked: unknown[] = []
  const state = {failure: null as Error | null}
  const client = {
    choices: async (task: string, parameter: string, given: Record<string, unknown> = {}) => {
      asked.push([task, parameter, given])
      if (state.failure) throw state.failure
      const titles = TOWNS[String(given.region ?? "north")] ?? []
      return {choices: titles.map(title => ({value: title, title})), more: false}
    },
  }
  const choices = new ComputedChoices(
    () => client,
    "t",
    form,
    () => {},
  )
  return {form, region, town, password, asked, state, choices}
}

test("choices are asked for at once, and again when what they depend on has changed", async () => {
  const {form, region, town, password, asked, choices} = place()
  form.type(password, "hunter2")
  choices.refresh()
  expect(choices.of(town)).toMatchObject({isBusy: true})
  await vi.runAllTimersAsync()
  expect(town.choices.map(({title}) => title)).toEqual(["Oslo", "Bergen"])

  form.type(password, "hunter3")
  choices.refresh()
  form.type(region, '"south"')
  choices.refresh()
  await vi.runAllTimersAsync()
  expect(asked).toEqual([
    ["t", "town", {}],
    ["t", "town", {region: "south"}],
  ])
})

test.each([
  ["Bergen", ""],
  ["Oslo", '"Oslo"'],
])("%s is chosen still if it is offered still", async (chosen, draft) => {
  const {form, region, town, choices} = place()
  choices.refresh()
  await vi.runAllTimersAsync()
  form.type(town, JSON.stringify(chosen))
  form.type(region, '"south"')
  choices.refresh()
  await vi.runAllTimersAsync()

  expect(form.draft(town)).toBe(draft)
})

test("what could not be asked for says why, and may be asked for again", async () => {
  const {town, state, choices} = place()
  state.failure = new Error("the database is away")
  choices.refresh()
  await vi.runAllTimersAsync()
  expect(choices.of(town)).toMatchObject({isBusy: false, error: state.failure})

  state.failure = null
  choices.of(town)?.ask()
  await vi.runAllTimersAsync()
  expect(choices.of(town)).toMatchObject({error: null})
  expect(town.choices).toHaveLength(2)
})
