import {describe, expect, test} from "vitest"
import {resultOf, tableOf} from "../src/result"

describe("a result", () => {
  test.each([
    ["nothing", null, "none"],
    ["nothing at all", undefined, "none"],
    ["a number", 0, "text"],
    ["false", false, "text"],
    ["an empty text", "", "text"],
    ["a text of some lines", "one\ntwo\nthree", "text"],
    ["a text with a single star", "2 * 3 * 4", "text"],
    ["a shell's comment", "#!/bin/sh", "text"],
    ["a heading", "# Report\n\nAll is well", "markdown"],
    ["a list", "- one\n- two", "markdown"],
    ["bold words", "All **214** rows", "markdown"],
    ["a table in a text", "| a | b |\n|---|---|\n| 1 | 2 |", "markdown"],
    ["a link", "see [this](https://example.org)", "markdown"],
    ["a link that runs a script", "see [this](javascript:alert)", "text"],
    ["what a program printed as JSON", '{"a": 1}', "tree"],
    ["rows that a program printed", '[{"a": 1}, {"a": 2}]', "table"],
    ["what only looks like JSON", "{a: 1}", "text"],
    ["flat objects", [{a: 1, b: "x"}], "table"],
    ["objects within objects", [{a: {b: 1}}], "tree"],
    ["numbers", [1, 2, 3], "tree"],
    [
      "rows of one length",
      [
        ["a", "b"],
        [1, 2],
      ],
      "table",
    ],
    ["rows of several lengths", [["a"], [1, 2]], "tree"],
    ["an empty list", [], "tree"],
    ["an object", {a: 1}, "tree"],
  ])("that is %s is shown as such", (_, value, kind) => {
    expect(resultOf(value).kind).toBe(kind)
  })

  test("that is a list of objects has the columns of all of them", () => {
    const table = tableOf([{a: 1}, {b: false, a: null}])

    expect(table).toEqual({
      columns: ["a", "b"],
      rows: [
        [1, null],
        [null, false],
      ],
    })
  })

  test("that is a list of lists has its first row as the head if that is of words", () => {
    expect(
      tableOf([
        ["x", "y"],
        [1, 2],
      ]),
    ).toEqual({columns: ["x", "y"], rows: [[1, 2]]})
    expect(
      tableOf([
        [1, 2],
        [3, 4],
      ]),
    ).toEqual({
      columns: [],
      rows: [
        [1, 2],
        [3, 4],
      ],
    })
  })
})
