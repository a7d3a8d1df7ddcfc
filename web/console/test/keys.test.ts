import {expect, test} from "vitest"
import {Keys, keyOf} from "../src/keys"
import {SCREENS} from "../src/route"

test("one key opens the search, another lists the shortcuts", () => {
  const keys = new Keys()

  expect(keys.press("/", 0)).toBe("find")
  expect(keys.press("?", 1)).toBe("shortcuts")
  expect(keys.press("x", 2)).toBeNull()
})

test.each(SCREENS)("two keys lead to %s", screen => {
  const keys = new Keys()

  expect(keys.press("g", 0)).toBeNull()
  expect(keys.press(keyOf(screen), 500)).toBe(screen)
})

test("the second key counts only soon after the first, and once", () => {
  const keys = new Keys()
  keys.press("g", 0)

  expect(keys.press("t", 2000)).toBeNull()
  expect(keys.press("t", 2100)).toBeNull()
  keys.press("g", 3000)
  keys.press("t", 3100)
  expect(keys.press("t", 3200)).toBeNull()
})
