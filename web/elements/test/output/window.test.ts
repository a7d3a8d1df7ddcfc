import type {OutputPage, OutputStream} from "@taskrealm/client"
import {describe, expect, test} from "vitest"
import {Course} from "../../src/output/course"
import {Finder} from "../../src/output/finder"
import {PAGE, type PlacedLine, type Read, readLines} from "../../src/output/pages"
import {lookOf} from "../../src/output/style"
import {Window} from "../../src/output/window"

const encoder = new TextEncoder()

/** A node that has printed this, without the bytes of stdout in the gap. */
function node(
  printed: Partial<Record<OutputStream, string>>,
  gap = {from: Number.POSITIVE_INFINITY, to: Number.POSITIVE_INFINITY},
): Read & {asked: number} {
  const bytes = {
    stdout: encoder.encode(printed.stdout ?? ""),
    stderr: encoder.encode(printed.stderr ?? ""),
  }
  const read = async (stream: OutputStream, offset: number, limit: number) => {
    read.asked += 1
    const data = bytes[stream]
    const isLost = stream === "stdout" && offset >= gap.from && offset < gap.to
    const start = isLost ? gap.to : offset
    const last = stream === "stdout" && start < gap.from ? gap.from : data.length
    const next = Math.min(last, data.length, start + limit)
    const page: OutputPage = {
      stream,
      offset: start,
      next,
      text: new TextDecoder().decode(data.slice(start, next)),
      size: data.length,
      kept: data.length,
      skipped: start - offset,
      gap: isLost ? gap.to - gap.from : 0,
      end: next === data.length,
    }
    return page
  }
  read.asked = 0
  return read
}

function numbered(count: number, name = "line"): string {
  return Array.from({length: count}, (_, index) => `${name} ${index}\n`).join("")
}

function courseOf(printed: Partial<Record<OutputStream, string>>): Course {
  const course = new Course()
  for (const [stream, text] of Object.entries(printed) as [OutputStream, string][]) {
    course.add(stream, 0, text.length, course.total > 0 ? "stderr" : null)
  }
  return course
}

function texts(lines: readonly (PlacedLine | undefined)[]): string[] {
  return lines.map(line => (line?.kind === "text" ? line.text : `<${line?.kind}>`))
}

function held(window: Window): PlacedLine[] {
  const lines: PlacedLine[] = []
  for (let number = window.first; number < window.end; number += 1) {
    lines.push(window.line(number) as PlacedLine)
  }
  return lines
}

describe("the course of output", () => {
  test("is what was there of each stream, then what comes in its order", () => {
    const course = new Course()
    course.add("stdout", 0, 100)
    course.add("stderr", 0, 10, "stderr")
    course.add("stdout", 100, 120, "live")
    course.add("stderr", 10, 15)
    course.add("stderr", 15, 20)
    course.add("stdout", 120, 130)

    expect(course.total).toBe(150)
    expect(course.segments).toHaveLength(5)
    expect(course.place("stdout", 99)).toBe(99)
    expect(course.place("stderr", 5)).toBe(105)
    expect(course.place("stdout", 110)).toBe(120)
    expect(course.place("stderr", 17)).toBe(137)
    expect(course.segmentAt(137)).toMatchObject({stream: "stderr", from: 10, to: 20})
    expect(course.ranges(90, 135)).toEqual([
      {stream: "stdout", from: 90, to: 120},
      {stream: "stderr", from: 0, to: 15},
    ])
  })
})

describe("a page", () => {
  test("has whole lines only, wherever it is cut", async () => {
    const printed = {stdout: numbered(1000)}
    const read = node(printed)
    const course = courseOf(printed)
    for (let from = 1; from < 5000; from += 173) {
      const page = await readLines(read, course, from, from + 500, {start: true, end: true})
      const text = page.lines.map(line => `${line.text}\n`).join("")

      expect(text).toBe(printed.stdout.slice(page.from, page.to))
      expect(text).toMatch(/^line \d+\n(line \d+\n)*$/)
      expect(printed.stdout[page.from - 1]).toBe("\n")
    }
  })

  test("is a part of a line that is longer", async () => {
    const printed = {stdout: "x".repeat(1000)}
    const cuts = {start: true, end: true}
    const page = await readLines(node(printed), courseOf(printed), 200, 300, cuts)

    expect(page).toMatchObject({from: 200, to: 300})
    expect(texts(page.lines)).toEqual(["x".repeat(100)])
  })

  test("says where the other stream begins", async () => {
    const printed = {stdout: "one\ntwo\n", stderr: "oops\n"}
    const page = await readLines(node(printed), courseOf(printed), 0, 13)

    expect(texts(page.lines)).toEqual(["one", "two", "<note>", "oops"])
  })

  test("has both streams in the order in which they came, read by one question each", async () => {
    const printed = {stdout: numbered(100, "out"), stderr: numbered(100, "err")}
    const course = new Course()
    const [from, expected] = [{stdout: 0, stderr: 0}, [] as string[]]
    for (let index = 0; index < 100; index += 1) {
      for (const [stream, name] of [
        ["stdout", "out"],
        ["stderr", "err"],
      ] as const) {
        const length = `${name} ${index}\n`.length
        course.add(stream, from[stream], from[stream] + length)
        from[stream] += length
        expected.push(`${name} ${index}`)
      }
    }
    const read = node(printed)
    const page = await readLines(read, course, 0, course.total)

    expect(texts(page.lines)).toEqual(expected)
    expect(read.asked).toBe(2)
    expect(page.lines.map(line => line.at)).toEqual(
      page.lines.map(line => line.at).sort((a, b) => a - b),
    )
  })

  test.each([
    [0, 400],
    [150, 400],
    [210, 290],
    [250, 400],
    [300, 400],
  ])("from %i to %i tells the whole gap in it", async (from, to) => {
    const printed = {stdout: numbered(50)}
    const read = node(printed, {from: 200, to: 300})
    const page = await readLines(read, courseOf(printed), from, to, {start: true, end: true})
    const gaps = page.lines.filter(line => line.kind === "gap")

    expect(gaps.map(({at, end}) => [at, end])).toEqual(from < 300 ? [[200, 300]] : [])
    if (from > 200 && from < 300) expect(page.from).toBe(200)
    if (to < 300) expect(page.to).toBeGreaterThanOrEqual(300)
  })
})

describe("the window", () => {
  test("holds the same lines whether it is read upwards or downwards, and few of them", async () => {
    const printed = {stdout: numbered(100_000)}
    const [read, course] = [node(printed), courseOf(printed)]
    const down = new Window()
    const up = new Window()
    down.append(await readLines(read, course, 0, PAGE, {end: true}))
    up.append(await readLines(read, course, course.total - PAGE, course.total, {start: true}))
    const [seen, met] = [new Set<string>(), new Set<string>()]
    while (down.to < course.total || up.from > 0) {
      if (down.to < course.total) {
        const to = Math.min(course.total, down.to + PAGE)
        down.append(await readLines(read, course, down.to, to, {end: to < course.total}))
        down.trim(down.end - 30, down.end - 1)
      }
      if (up.from > 0) {
        up.prepend(
          await readLines(read, course, Math.max(0, up.from - PAGE), up.from, {start: true}),
        )
        up.trim(up.first, up.first + 30)
      }
      for (const line of held(down)) seen.add(line.text)
      for (const line of held(up)) met.add(line.text)
      for (const window of [down, up]) {
        expect(window.to - window.from).toBeLessThan(7 * PAGE)
        const lines = held(window)
        expect(lines[0]?.at).toBe(window.from)
        expect(lines.at(-1)?.end).toBe(window.to)
      }
    }

    expect(seen.size).toBe(100_000)
    expect(met.size).toBe(100_000)
  })

  test("numbers of lines stay when others come before them or go", async () => {
    const printed = {stdout: numbered(30_000)}
    const [read, course] = [node(printed), courseOf(printed)]
    const window = new Window()
    window.append(await readLines(read, course, 100_000, 160_000, {start: true, end: true}))
    const number = window.numberAt(130_000)
    const line = window.line(number)
    window.prepend(await readLines(read, course, 60_000, window.from, {start: true}))
    window.append(await readLines(read, course, window.to, 220_000, {end: true}))
    window.trim(number, number + 10)

    expect(window.line(number)).toBe(line)
    expect(window.numberAt(130_000)).toBe(number)
    expect(line?.at).toBeLessThanOrEqual(130_000)
    expect(line?.end).toBeGreaterThan(130_000)
  })

  test("colours what follows when it learns what was before", async () => {
    const printed = {stdout: `\x1b[31m${numbered(20)}\x1b[0m${numbered(20)}`}
    const [read, course] = [node(printed), courseOf(printed)]
    const window = new Window()
    window.append(await readLines(read, course, 80, course.total, {start: true}))
    const colourOf = (line: PlacedLine | undefined) => {
      const style = line?.runs[0]?.style ?? ""
      return line && lookOf(window.styleOf(line, style)).color
    }
    const unknown = held(window)[0]
    expect(colourOf(unknown)).toBe("")
    window.prepend(await readLines(read, course, 0, window.from, {start: true}))

    expect(colourOf(unknown)).toBe("5;1")
    expect(colourOf(held(window)[0])).toBe("5;1")
    expect(colourOf(held(window).at(-1))).toBe("")
  })

  test("takes what is printed behind its last line, in pages that can be let go", () => {
    const window = new Window()
    const course = new Course()
    for (let index = 0; index < 1000; index += 1) {
      const [from, to] = [index * 1000, (index + 1) * 1000]
      course.add("stdout", from, to)
      const line = {kind: "text", stream: "stdout", text: `${index}`, runs: []} as const
      window.extend([{...line, from, to, at: from, end: to}], to, {})
      window.trim(window.end - 10, window.end)
      expect(window.to - window.from).toBeLessThan(7 * PAGE)
    }

    expect(window.line(window.end - 1)?.text).toBe("999")
    expect(window.end).toBe(1000)
  })
})

describe("a search", () => {
  test("goes through one stream after the other and tells how far it is", async () => {
    const asked: unknown[] = []
    const finder = new Finder(
      async (stream, offset) => {
        asked.push([stream, offset])
        const match = {offset, before: "", text: "x", after: ""}
        return {stream, matches: [match], next: offset + 50, more: offset < 50, size: 100}
      },
      ["stdout", "stderr"],
      {stdout: 100, stderr: 100},
    )
    const fractions: number[] = []
    await finder.run(() => fractions.push(finder.fraction) > 0)

    expect(asked).toEqual([
      ["stdout", 0],
      ["stdout", 50],
      ["stderr", 0],
      ["stderr", 50],
    ])
    expect(finder.matches).toHaveLength(4)
    expect(finder.isComplete).toBe(true)
    expect(fractions).toEqual([0.25, 0.5, 0.75, 1, 1])
  })

  test("stops when there are many, goes on when wanted, and stops when it is not", async () => {
    const finder = new Finder(
      async (stream, offset) => {
        const match = {offset, before: "", text: "x", after: ""}
        const matches = Array.from({length: 1000}, () => match)
        return {stream, matches, next: offset + 1, more: true, size: 100}
      },
      ["stdout"],
      {stdout: 100},
    )
    await finder.run(() => true)
    expect([finder.matches.length, finder.hasEnough, finder.isComplete]).toEqual([
      2000,
      true,
      false,
    ])
    await finder.run(() => true)
    expect(finder.matches.length).toBe(4000)
    await finder.run(() => false)
    expect(finder.matches.length).toBe(5000)
  })
})
