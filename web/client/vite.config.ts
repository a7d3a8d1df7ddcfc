import {defineConfig} from "vite"
import {autobahn, build} from "../vite.shared.ts"

export default defineConfig({
  ...autobahn,
  build: {
    ...build,
    lib: {entry: {index: "src/index.ts", testing: "src/testing.ts"}, formats: ["es"]},
  },
})
