import {defineConfig} from "vite"
import {autobahn, build} from "../vite.shared.ts"

/** The library as one file for a plain `<script>`: everything is in the global `taskrealm`. */
export default defineConfig({
  ...autobahn,
  build: {
    ...build,
    emptyOutDir: false,
    license: false,
    lib: {
      entry: "src/index.ts",
      formats: ["iife"],
      name: "taskrealm",
      fileName: () => "taskrealm.js",
    },
  },
})
