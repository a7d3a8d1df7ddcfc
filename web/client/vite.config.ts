import {defineConfig} from "vite"
import {build} from "../vite.shared.ts"

export default defineConfig({
  build: {
    ...build,
    lib: {entry: {index: "src/index.ts", testing: "src/testing.ts"}, formats: ["es"]},
  },
})
