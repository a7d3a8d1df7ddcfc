import {expect, test} from "vitest"
import {inShort, SavedArguments} from "../src/saved"

function storage(): Pick<Storage, "getItem" | "setItem"> {
  const items = new Map<string, string>()
  return {
    getItem: key => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
  }
}

test("arguments are saved by name, for one user and one task", () => {
  const kept = storage()
  const saved = new SavedArguments("ana", "report", kept)
  saved.add("Web", {quality: 1})
  saved.add("Print", {quality: 2})
  saved.add("Web", {quality: 3})

  expect(new SavedArguments("ana", "report", kept).all).toEqual([
    {name: "Print", args: {quality: 2}},
    {name: "Web", args: {quality: 3}},
  ])
  expect(new SavedArguments("ben", "report", kept).all).toEqual([])
  expect(new SavedArguments("ana", "other", kept).all).toEqual([])
  saved.remove("Print")
  expect(saved.all.map(({name}) => name)).toEqual(["Web"])
})

test.each(["{", "null", '{"report": 5}'])("a storage with %s in it has nothing saved", text => {
  const broken = {getItem: () => text, setItem: () => {}}

  expect(new SavedArguments("ana", "report", broken).all).toEqual([])
})

test.each([
  [{preset: "720p", quality: 20}, "720p, quality 20"],
  [{loud: true, quiet: false}, "loud, quiet false"],
  [{password: "***", note: null, text: ""}, ""],
  [{photo: `file_${"a".repeat(32)}`}, "photo"],
  [{text: "two\nlines", sizes: [1, 2]}, "two lines, sizes [1,2]"],
])("%j is said in short as %j", (args, words) => {
  expect(inShort(args)).toBe(words)
})

test("what is long is cut", () => {
  expect(inShort({text: "x".repeat(100)}, 10)).toBe(`${"x".repeat(9)}…`)
})
