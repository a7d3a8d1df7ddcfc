/** What comes into the page with its first screen, and what with the screens that need it. */

import {dirname, join, normalize} from "node:path/posix"
import {expect, test} from "vitest"

const modules = import.meta.glob<string>("../src/**/*.ts", {
  query: "?raw",
  import: "default",
  eager: true,
})

/** What *path* needs before it can run itself; types and `import()` do not count. */
function imports(path: string): string[] {
  const found = (modules[path] ?? "").matchAll(
    /^(?:import|export)(?! type\b)(?:[^"'();]*\bfrom)? "([^"]+)"/gm,
  )
  return [...found].map(([, name = ""]) => {
    return name.startsWith(".") ? `${normalize(join(dirname(path), name))}.ts` : name
  })
}

/** All that has to be there before *path* can run. */
function reached(path: string, known = new Set<string>()): Set<string> {
  for (const each of imports(path)) {
    if (known.has(each)) continue
    known.add(each)
    reached(each, known)
  }
  return known
}

test("The first screen brings no element but its own", () => {
  const all = reached("../src/main.ts")

  expect(all).toContain("../src/screens/tasks.ts")
  expect([...all].filter(each => each.startsWith("@taskrealm/elements"))).toEqual([
    "@taskrealm/elements/base",
  ])
})

test("What shows an element brings it", () => {
  const shown = Object.entries(modules).flatMap(([path, text]) =>
    [...text.matchAll(/<taskrealm-(\w+)/g)].map(([, name]) => ({path, name})),
  )

  expect(shown.map(({name}) => name)).toEqual(expect.arrayContaining(["form", "job", "jobs"]))
  for (const {path, name} of shown) {
    expect([...reached(path)], path).toContain(`@taskrealm/elements/${name}`)
  }
})
