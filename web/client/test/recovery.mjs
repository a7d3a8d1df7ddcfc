/** Runs as many random schedules as its argument says, and prints what came of them. */

import {fileURLToPath} from "node:url"
import {runnerImport} from "vite"

const path = fileURLToPath(new URL("schedules.ts", import.meta.url))
const {module} = await runnerImport(path, {configFile: false, logLevel: "error"})
const begun = performance.now()
module.runSchedules(Number(process.argv[2]))
const seconds = Math.round((performance.now() - begun) / 1000)
const {schedules, steps, resets} = module.figures
console.log(
  `TypeScript: ${schedules} schedules, ${steps} steps, ${resets} resets, no difference, ${seconds} s`,
)
