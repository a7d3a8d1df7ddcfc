import {fileURLToPath} from "node:url"
import {defaultClientConditions, defineConfig} from "vite"
import {autobahn, build} from "../vite.shared.ts"

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** `client.js` and `elements.js`: modules for pages that have no bundler. */
export default defineConfig({
  ...autobahn,
  base: "./",
  resolve: {...autobahn.resolve, conditions: ["source", ...defaultClientConditions]},
  build: {
    ...build,
    outDir: "../../src/taskrealm/console/lib",
    emptyOutDir: true,
    modulePreload: false,
    rolldownOptions: {
      ...build.rolldownOptions,
      input: {
        client: source("../client/src/index.ts"),
        elements: source("../elements/src/index.ts"),
      },
      preserveEntrySignatures: "strict",
      output: {
        ...build.rolldownOptions?.output,
        // All in one folder: the elements find the node from where their own script lies.
        entryFileNames: "[name].js",
        // The node tells browsers to keep what is named so for ever: router/console.py.
        chunkFileNames: "part-[hash].js",
      },
    },
  },
})
