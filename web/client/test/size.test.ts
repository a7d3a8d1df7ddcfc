/** What a page has to load, as the library is built. */

import {fileURLToPath} from "node:url"
import {gzipSync} from "node:zlib"
import {build} from "vite"
import {expect, test} from "vitest"

/** Bytes, gzipped: of everything that the library may load, with autobahn.js. */
const BUDGET = 25_000

const root = fileURLToPath(new URL("..", import.meta.url))

interface Chunk {
  fileName: string
  code: string
  isEntry: boolean
  imports: string[]
}

/** The scripts that the configuration *file* builds. */
async function built(file: string): Promise<Chunk[]> {
  const made = await build({
    root,
    configFile: `${root}/${file}`,
    logLevel: "error",
    build: {write: false},
  })
  const [{output}] = [made].flat() as unknown as [{output: (Chunk & {type: string})[]}]
  return output.filter(each => each.type === "chunk")
}

function sizeOf(chunks: readonly Chunk[]): number {
  return chunks.reduce((size, {code}) => size + gzipSync(code, {level: 9}).length, 0)
}

test("the library as modules is small, and says whose code is in it", async () => {
  const chunks = (await built("vite.config.ts")).filter(each => each.fileName !== "testing.js")
  const size = sizeOf(chunks)
  console.log(`modules: ${size} bytes gzipped in ${chunks.length} files`)

  expect(size).toBeLessThan(BUDGET)
  expect(chunks.map(each => each.code).join()).toContain("Crossbar.io Technologies GmbH")
})

test("the library as one script is small, stands alone, and says whose code is in it", async () => {
  const chunks = await built("vite.classic.config.ts")
  const size = sizeOf(chunks)
  console.log(`one script: ${size} bytes gzipped`)
  const [{code, fileName}] = chunks as [Chunk]

  expect(chunks).toHaveLength(1)
  expect(fileName).toBe("taskrealm.js")
  expect(size).toBeLessThan(BUDGET)
  expect(code).toContain("Crossbar.io Technologies GmbH")
  expect(new Function(`${code}; return Object.keys(taskrealm)`)()).toContain("connect")
})
