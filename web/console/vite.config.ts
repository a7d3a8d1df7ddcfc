import {defaultClientConditions, defineConfig} from "vite"
import {build} from "../vite.shared.ts"

export default defineConfig({
  // The console works below any path.
  base: "./",
  resolve: {conditions: ["source", ...defaultClientConditions]},
  build: {
    ...build,
    outDir: "../../src/taskrealm/console",
    emptyOutDir: true,
  },
})
