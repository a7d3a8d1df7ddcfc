import {describe, expect, test} from "vitest"
import {filterOf, format, momentOf, NOTHING, parse, type Query} from "../src/jobs/query"

const query = (more: Partial<Query>): Query => ({...NOTHING, ...more})

// capability: N22
describe("a typed query", () => {
  test.each<[string, Partial<Query>]>([
    ["", {}],
    ["   ", {}],
    ["state:failed", {states: ["failed"]}],
    ["state:failed,lost state:failed", {states: ["failed", "lost"]}],
    ['state:"Timed out"', {states: ["timed_out"]}],
    ["task:video.* task:date", {tasks: ["video.*", "date"]}],
    ['tag:"a b"', {tag: "a b"}],
    ['tag:"say \\"hi\\""', {tag: 'say "hi"'}],
    ["after:2030-01-31 before:2h", {after: "2030-01-31", before: "2h"}],
    ["after:2030-01-31T08:00+01:00", {after: "2030-01-31T08:00+01:00"}],
    ["user:ann", {user: "ann"}],
    ["user:*", {user: "*"}],
    ["children:yes", {children: true}],
    ["children:no", {}],
    ["no space left", {text: "no space left"}],
    ['"no  space" left', {text: "no  space left"}],
    ['"state:failed"', {text: "state:failed"}],
    ['"never closed', {text: "never closed"}],
    ["C:\\films", {text: "C:\\films"}],
    ["12:30", {text: "12:30"}],
    ["müde tag:x Bär", {tag: "x", text: "müde Bär"}],
    [
      'state:failed task:video.* tag:x after:2026-01-01 "text"',
      {states: ["failed"], tasks: ["video.*"], tag: "x", after: "2026-01-01", text: "text"},
    ],
  ])("%s", (typed, expected) => {
    expect(parse(typed)).toEqual({query: query(expected), problems: []})
  })

  test.each([
    ["state:asleep", "value", "state", "asleep"],
    ["colour:red", "unknown", "colour", "red"],
    ["after:yesterday", "value", "after", "yesterday"],
    ["before:2030-13-45", "value", "before", "2030-13-45"],
    ["tag:", "value", "tag", ""],
    ["tag:a tag:b", "twice", "tag", "b"],
    ["children:maybe", "value", "children", "maybe"],
  ])("%s is not understood, and says so", (typed, kind, key, value) => {
    expect(parse(typed).problems).toEqual([{kind, key, value}])
  })

  test.each<Partial<Query>>([
    {},
    {states: ["failed", "timed_out"]},
    {tasks: ["video.*", "date"]},
    {tag: 'quotes " and \\ and spaces'},
    {tag: "colon:inside"},
    {after: "7d", before: "2030-01-31T08:00"},
    {user: "*", children: true},
    {user: "ann lee@example.com"},
    {text: "plain words"},
    {text: 'with "quotes"'},
    {text: "state:failed"},
    {text: "two  spaces"},
    {states: ["running"], text: "https://example.com/?a=b"},
  ])("comes back as it was: %o", given => {
    expect(parse(format(query(given)))).toEqual({query: query(given), problems: []})
  })
})

describe("moments", () => {
  const now = new Date("2030-06-15T12:00:00Z")

  test.each([
    ["30m", "2030-06-15T11:30:00.000Z"],
    ["1.5h", "2030-06-15T10:30:00.000Z"],
    ["7d", "2030-06-08T12:00:00.000Z"],
    ["2w", "2030-06-01T12:00:00.000Z"],
    ["2030-01-31T08:00:00+01:00", "2030-01-31T07:00:00.000Z"],
    ["2030-01-31T08:00Z", "2030-01-31T08:00:00.000Z"],
  ])("%s", (typed, expected) => {
    expect(momentOf(typed, now)?.toISOString()).toBe(expected)
  })

  test("a day begins by the viewer's clock", () => {
    expect(momentOf("2030-01-31", now)).toEqual(new Date(2030, 0, 31))
    expect(momentOf("2030-01-31T08:15", now)).toEqual(new Date(2030, 0, 31, 8, 15))
  })

  test.each(["", "2030", "soon", "5 apples", "-1h", "1e3h"])("%o is none", typed => {
    expect(momentOf(typed, now)).toBeNull()
  })
})

test("a query becomes what the node takes", () => {
  const {query: asked} = parse('state:failed task:a,b* tag:x after:1h user:* children:yes "boom"')
  const now = new Date("2030-06-15T12:00:00Z")
  expect(filterOf(asked, "me", now)).toEqual({
    owner: null,
    state: ["failed"],
    task: ["a", "b*"],
    tag: "x",
    since: "2030-06-15T11:00:00.000Z",
    children: true,
    text: "boom",
  })
  expect(filterOf(query({}), "me")).toEqual({owner: "me"})
  expect(filterOf(query({user: "ann"}), "me")).toEqual({owner: "ann"})
})
