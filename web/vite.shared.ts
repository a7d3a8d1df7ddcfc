/** What both packages build with. */

import {readFileSync} from "node:fs"
import {createRequire} from "node:module"
import type {BuildEnvironmentOptions} from "vite"

const AUTOBAHN = createRequire(import.meta.url).resolve("autobahn-browser")

/** The notices of autobahn.js and of what it has bundled, which the bundler would drop. */
function autobahnNotice(): string {
  const [notice = ""] = readFileSync(AUTOBAHN, "utf8").split("*/", 1)
  return `${notice.replace("/*", "/*! autobahn.js (MIT, Crossbar.io Technologies GmbH)")}*/`
}

export const build: BuildEnvironmentOptions = {
  target: "es2022",
  license: {fileName: "licenses.md"},
  rolldownOptions: {
    // autobahn.js carries a JSON parser for browsers without one; its `eval` is never reached.
    checks: {eval: false},
    output: {
      postBanner: chunk => (chunk.moduleIds.includes(AUTOBAHN) ? autobahnNotice() : ""),
    },
  },
}
