import {readFileSync} from "node:fs"
import {beforeEach, expect, test, vi} from "vitest"
import {appearanceOf, appearFor, chooseAppearance} from "../src/appearance"

const EARLY = readFileSync(new URL("../public/appearance.js", import.meta.url), "utf8")

let page: {dataset: Record<string, string>}

/** What the page does before it is painted. */
function paint(): void {
  page.dataset = {}
  new Function(EARLY)()
}

beforeEach(() => {
  const kept = new Map<string, string>()
  page = {dataset: {}}
  vi.stubGlobal("document", {documentElement: page})
  vi.stubGlobal("localStorage", {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
    removeItem: (key: string) => kept.delete(key),
  })
})

test("what was chosen is there before the page is painted again", () => {
  chooseAppearance("ana", "dark")
  expect(page.dataset.appearance).toBe("dark")
  paint()

  expect(page.dataset.appearance).toBe("dark")
})

test("each user has a choice of their own", () => {
  chooseAppearance("ana", "dark")
  appearFor("ben")
  expect(page.dataset.appearance).toBeUndefined()
  chooseAppearance("ben", "light")
  appearFor("ana")

  expect(page.dataset.appearance).toBe("dark")
  expect(appearanceOf("ben")).toBe("light")
})

test("who follows the system leaves nothing behind", () => {
  chooseAppearance("ana", "dark")
  chooseAppearance("ana", "system")
  paint()

  expect(page.dataset.appearance).toBeUndefined()
})

test("a page that may keep nothing is shown all the same", () => {
  const refuse = () => {
    throw new Error("denied")
  }
  vi.stubGlobal("localStorage", {getItem: refuse, setItem: refuse, removeItem: refuse})
  paint()
  chooseAppearance("ana", "dark")

  expect(page.dataset.appearance).toBe("dark")
  expect(appearanceOf("ana")).toBe("system")
})
