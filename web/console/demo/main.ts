/** The console with a node in memory; for looking at it while developing (`npm run dev`). */

import {type FakeJob, FakeNode} from "@taskrealm/client/testing"
import {Account} from "../src/account"
import {App} from "../src/app"
import {dress} from "../src/dress"

const node = new FakeNode()

/** Does *step* every *interval* seconds until it returns false, or the job has ended. */
function every(interval: number, job: FakeJob, step: (tick: number) => boolean): void {
  let tick = 0
  let stopping = 0
  const timer = setInterval(() => {
    tick += 1
    if (job.record.state === "stopping") stopping += interval
    if (stopping > 10) job.cancel("ana", {now: true})
    if (job.hasEnded || !step(tick)) clearInterval(timer)
  }, interval * 1000)
}

node.addTask(
  {
    name: "video.transcode",
    title: "Transcode a video",
    help: "Converts a video for the web.\n\nThe result lies beside the source.",
    parameters: {
      type: "object",
      $defs: {Preset: {type: "string", enum: ["480p", "720p", "1080p"]}},
      properties: {
        source: {
          type: "string",
          title: "Source file",
          description: "Below the media folder.",
          minLength: 1,
        },
        preset: {$ref: "#/$defs/Preset", title: "Preset", default: "720p"},
        quality: {type: "integer", title: "Quality", minimum: 0, maximum: 51, default: 23},
        subtitles: {type: "boolean", title: "Burn subtitles in", default: false},
      },
      required: ["source"],
    },
  },
  job => {
    setTimeout(() => {
      job.start().print(`Input #0, mov,mp4, from '${job.args.source}':\n`)
      job.print("deprecated pixel format used, make sure you did set range correctly\n", "stderr")
      every(0.2, job, tick => {
        if (job.record.state === "stopping") return true
        job.progress(Math.min(1, tick / 100), `frame ${tick * 144} of 14400`, (100 - tick) / 5)
        job.print(`frame=${tick * 144} fps= 48 q=23.0 size= ${tick * 320}kB speed=2.1x\n`)
        if (tick % 25 === 0) job.print(`[libx264] VBV underflow at frame ${tick * 144}\n`, "stderr")
        if (tick === 20) job.message("Reading chapter marks")
        if (tick === 40) job.message("Two frames are damaged", "warning", {frames: [5761, 5762]})
        if (tick < 100) return true
        job.succeed({file: "a-720p.mp4", size: 31_415_926})
        return false
      })
    }, 1500)
  },
)

node.addTask(
  {name: "count", title: "Count slowly", help: "Shows what progress looks like."},
  job => {
    job.start()
    every(0.5, job, tick => {
      job.progress(tick / 10, `${tick} of 10`).print(`${tick}\n`)
      if (tick === 10) job.succeed(10)
      return tick < 10
    })
  },
)

node.addTask(
  {
    name: "flood",
    title: "Flood the output",
    help: "A million lines, for the patience of the page.",
  },
  job => {
    job.start()
    every(0.1, job, tick => {
      const lines = Array.from({length: 1000}, (_, line) => `line ${tick * 1000 + line}`)
      job.print(`${lines.join("\n")}\n`)
      if (tick === 60) job.succeed()
      return tick < 60
    })
  },
)

node.addTask({name: "broken", title: "Fail on purpose", help: "Exit code 3."}, job => {
  job.start().print("looking for the file\n").print("Traceback: no such file\n", "stderr")
  setTimeout(() => job.fail("The program ended with exit code 3", 3), 800)
})

node.addTask({
  name: "form.everything",
  title: "Every kind of field",
  help: "Nothing runs; look at the form.",
  parameters: {
    type: "object",
    properties: {
      line: {type: "string", title: "A line"},
      text: {type: "string", title: "Some text", format: "multiline", default: ""},
      secret: {type: "string", title: "A secret", format: "password", description: "Never shown."},
      whole: {type: "integer", title: "A whole number", exclusiveMinimum: 0, default: 3},
      ratio: {type: "number", title: "A ratio", minimum: 0, maximum: 1, default: 0.5},
      maybe: {anyOf: [{type: "integer"}, {type: "null"}], title: "Maybe a number", default: null},
      day: {type: "string", format: "date", title: "A day"},
      flag: {type: "boolean", title: "A flag", default: true, description: "On or off."},
      one: {enum: ["red", "green", "blue"], title: "One of few", default: "green"},
      many: {enum: ["a", "b", "c", "d", "e", "f"], title: "One of many"},
      tags: {type: "array", items: {type: "string"}, title: "Words", default: ["one", "two"]},
      sizes: {
        type: "array",
        uniqueItems: true,
        items: {enum: ["small", "medium", "large"]},
        title: "Some of a few",
        default: ["small"],
      },
      shape: {type: "object", title: "Anything else", default: {}},
    },
    required: ["line", "many"],
  },
})

dress(document)
const app = new App()
app.account = new Account({join: node.join})
if (!location.hash.includes("signin") && !localStorage.getItem("taskrealm.token")) {
  app.account.signIn("ana")
}
document.body.append(app)
Object.assign(globalThis, {node})
