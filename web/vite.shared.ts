/** What all packages build with. */

import {readFileSync} from "node:fs"
import {createRequire} from "node:module"
import {fileURLToPath} from "node:url"
import type {BuildEnvironmentOptions, UserConfig} from "vite"

const SESSION = createRequire(import.meta.url).resolve("autobahn/lib/session.js")
const NOTHING = fileURLToPath(new URL("nothing.cjs", import.meta.url))

/** The notice of autobahn.js, which the bundler would drop. */
function autobahnNotice(): string {
  const licence = readFileSync(new URL("../LICENSE", `file://${SESSION}`), "utf8")
  return `/*!\nautobahn.js (MIT)\n\n${licence.trim()}\n*/`
}

/** Of autobahn.js its sessions are taken, without the promises that it brings for old browsers. */
export const autobahn: UserConfig = {
  resolve: {alias: [{find: /^when$/, replacement: NOTHING}]},
  define: {global: "globalThis"},
}

export const build: BuildEnvironmentOptions = {
  target: "es2022",
  license: {fileName: "licenses.md"},
  rolldownOptions: {
    output: {
      postBanner: chunk => (chunk.moduleIds.includes(SESSION) ? autobahnNotice() : ""),
    },
  },
}
