import {defaultClientConditions, defineConfig} from "vite"
import {autobahn, build} from "../vite.shared.ts"

export default defineConfig({
  ...autobahn,
  // The console works below any path.
  base: "./",
  resolve: {...autobahn.resolve, conditions: ["source", ...defaultClientConditions]},
  build: {
    ...build,
    // The elements need light-dark() anyway, so the style sheet need not do without.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    outDir: "../../src/taskrealm/console",
    emptyOutDir: true,
  },
})
