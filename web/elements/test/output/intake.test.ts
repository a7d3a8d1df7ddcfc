import type {Job, OutputChunk, OutputStream} from "@taskrealm/client"
import {expect, test} from "vitest"
import {Intake, type News} from "../../src/output/intake"
import type {PlacedLine} from "../../src/output/pages"

/** A job that has printed something, and prints what it is told to. */
class Program {
  readonly printed: Record<OutputStream, string> = {stdout: "", stderr: ""}
  state = "running"
  #live: OutputChunk[] = []

  print(text: string, stream: OutputStream = "stdout"): this {
    this.printed[stream] += text
    return this
  }

  /** Print while somebody listens. */
  say(text: string, stream: OutputStream = "stdout"): this {
    const offset = this.printed[stream].length
    this.#live.push({stream, offset, next: offset + text.length, text})
    return this.print(text, stream)
  }

  get job(): Job {
    const {printed} = this
    return {
      details: async () => {
        const output = {stdout: printed.stdout.length, stderr: printed.stderr.length}
        return {state: this.state, output}
      },
      read: async ({
        stream,
        offset,
        limit,
      }: {
        stream: OutputStream
        offset: number
        limit: number
      }) => {
        const size = printed[stream].length
        const text = printed[stream].slice(offset, offset + limit)
        return {
          stream,
          offset,
          next: offset + text.length,
          text,
          size,
          kept: size,
          skipped: 0,
          gap: 0,
        }
      },
      output: ({from}: {from: Record<OutputStream, number>}) => this.#output(from),
    } as unknown as Job
  }

  async *#output(from: Record<OutputStream, number>): AsyncGenerator<OutputChunk> {
    const live = this.#live.splice(0)
    for (const stream of ["stdout", "stderr"] as const) {
      const [first] = live.filter(each => each.stream === stream)
      const next = first?.offset ?? this.printed[stream].length
      const offset = from[stream]
      if (next > offset)
        yield {stream, offset, next, text: this.printed[stream].slice(offset, next)}
    }
    yield* live
  }
}

function intakeOf(program: Program): {intake: Intake; shown: string[]} {
  const shown: string[] = []
  const say = ({kind, stream, text, note}: PlacedLine) =>
    kind === "note" ? `<${note}>` : stream === "stderr" ? `! ${text}` : text
  const onNews = ({from, to, lines}: News) => {
    expect(to).toBeGreaterThan(from)
    shown.push(...lines.map(say))
  }
  const listeners = {onNews, onChange: () => {}, drawn: async () => {}}
  return {intake: new Intake(program.job, ["stdout", "stderr"], listeners), shown}
}

const never = new AbortController().signal

test("what was printed before is one part of each stream, and then comes what is said", async () => {
  const program = new Program().print("one\ntw").print("oops\n", "stderr")
  const {intake, shown} = intakeOf(program)
  await intake.begin(never)

  expect(intake.course.segments).toMatchObject([
    {stream: "stdout", from: 0, to: 4, note: null},
    {stream: "stderr", from: 0, to: 5, note: "stderr"},
  ])
  program.say("o\nthr").say("warned\n", "stderr").say("ee\n").say("half")
  program.state = "succeeded"
  await intake.listen(never)

  expect(shown).toEqual(["<live>", "two", "! warned", "three", "half"])
  expect(intake.hasEnded).toBe(true)
  expect(intake.course.total).toBe(program.printed.stdout.length + program.printed.stderr.length)
})

test("what was missed meanwhile is put behind what is known", async () => {
  const program = new Program().print("one\n")
  const {intake, shown} = intakeOf(program)
  await intake.begin(never)
  program.say("two\n")
  await intake.listen(never)
  program.print("three\nfour\n").print("oops\n", "stderr")
  await intake.begin(never)

  expect(shown).toEqual(["two"])
  expect(intake.course.segments.map(({stream, from, to}) => [stream, from, to])).toEqual([
    ["stdout", 0, 19],
    ["stderr", 0, 5],
  ])
})

test("a line without an end is told apart until it has one", async () => {
  const program = new Program().print("50 %\r60 %")
  const {intake} = intakeOf(program)
  await intake.begin(never)
  const stop = new AbortController()
  program.say("\r70 %")
  const reading = intake.listen(stop.signal)
  stop.abort()
  await reading

  expect(intake.course.total).toBe(0)
  expect(intake.openLine("stdout")).toMatchObject({text: "70 %", from: 0, to: 14})
  expect(intake.openLine("stderr")).toBeNull()
})
