import {defineConfig} from "vite"
import {build} from "../vite.shared.ts"

/** All of it, and the parts of which pages take what they show. */
const ENTRIES = {
  index: "src/index.ts",
  base: "src/entry/base.ts",
  form: "src/entry/form.ts",
  job: "src/entry/job.ts",
  jobs: "src/entry/jobs.ts",
  output: "src/entry/output.ts",
  progress: "src/entry/progress.ts",
}

export default defineConfig({
  build: {
    ...build,
    lib: {entry: ENTRIES, formats: ["es"]},
    rolldownOptions: {...build.rolldownOptions, external: [/^lit/, /^@taskrealm\/client/]},
  },
})
