import {describe, expect, test, vi} from "vitest"
import type {Job} from "../src/index"
import {joined, node, nodeForEachTest, reach} from "./node"
import {stubPage} from "./page"

nodeForEachTest()

describe("output", () => {
  test("joins history and live without a hole or a repeat", async () => {
    const client = await joined()
    const job = await client.exec("hello")
    node.job(job.id).start().print("one ").print("two ")
    const text = collect(job)
    await vi.waitFor(() => expect(job.state).toBe("running"))
    node.job(job.id).print("thrée ").print("four").succeed()

    expect(await text).toBe("one two thrée four")
  })

  test("survives a cut in the middle", async () => {
    const client = await joined()
    const job = await client.exec("hello")
    node.job(job.id).start().print("one ")
    const text = collect(job)
    await vi.waitFor(() => expect(job.state).toBe("running"))
    node.cut()
    node.job(job.id).print("two ")
    await reach(client, "live")
    node.job(job.id).print("three").succeed()

    expect(await text).toBe("one two three")
  })

  // capability: N7
  test("tells how much of it was not kept, where it is missing", async () => {
    const client = await joined()
    const job = await client.exec("hello")
    const program = node.job(job.id).start()
    program.gap = {from: 6, to: 17}
    program.print("first forgotten last").succeed()
    const pieces: object[] = []
    for await (const {text, skipped = 0} of job.output()) pieces.push({text, skipped})

    expect(pieces).toEqual([
      {text: "first ", skipped: 0},
      {text: "ast", skipped: 11},
    ])
  })

  test("begins where it is asked to", async () => {
    const client = await joined()
    const job = await client.exec("hello")
    node.job(job.id).start().print("one two").succeed()
    let text = ""
    for await (const chunk of job.output({stream: "stdout", from: 4})) text += chunk.text

    expect(text).toBe("two")
  })

  test("is read and searched by offset", async () => {
    const client = await joined()
    const job = await client.exec("hello")
    node.job(job.id).start().print("one\nZwölf Nadeln\nthree nadeln\n")
    const page = await job.read({offset: 4, limit: 1000})
    const first = await job.search("nadel")
    const second = await job.search("nadel", {offset: first.next})
    const third = await job.search("NADEL", {offset: second.next, matchCase: true})

    expect(page).toMatchObject({offset: 4, text: "Zwölf Nadeln\nthree nadeln\n", gap: 0})
    expect(page.kept).toBe(page.size)
    expect([first.matches, first.more]).toEqual([[], true])
    expect(second.matches).toEqual([{offset: 11, before: "Zwölf ", text: "Nadel", after: "n"}])
    expect([third.matches, third.more]).toEqual([[], false])
  })

  test("tells its streams apart", async () => {
    const client = await joined()
    const job = await client.exec("hello")
    const heard: string[] = []
    job.output(({stream, text}) => heard.push(`${stream}: ${text}`))
    node.job(job.id).start().print("fine\n").print("oops\n", "stderr").succeed()
    await job.result()

    await vi.waitFor(() => expect(heard.sort()).toEqual(["stderr: oops\n", "stdout: fine\n"]))
  })

  test("ends when its reader no longer wants it", async () => {
    const client = await joined()
    const job = await client.exec("hello")
    const stop = new AbortController()
    const reading = (async () => {
      for await (const {text} of job.output({signal: stop.signal})) expect(text).toBe("one")
    })()
    node.job(job.id).start().print("one")
    await vi.waitFor(() => expect(job.state).toBe("running"))
    stop.abort()

    await reading
  })

  test("of many pages arrives whole", async () => {
    const client = await joined()
    const job = await client.exec("hello")
    const lines = Array.from({length: 20_000}, (_, line) => `línea ${line}\n`).join("")
    node.job(job.id).start().print(lines).succeed()

    expect(await collect(job)).toBe(lines)
  })
})

describe("output backwards", () => {
  async function printed(text: string): Promise<Job> {
    const client = await joined()
    const job = await client.exec("hello")
    node.job(job.id).start().print(text)
    return job
  }

  test.each([
    ["short", "one\ntwo\n"],
    ["of many pages", "0123456789".repeat(60_000)],
    ["of characters that are longer than a byte", "añ€😀".repeat(70_000)],
    ["nothing at all", ""],
  ])("is whole, the last piece first: %s", async (_, text) => {
    const job = await printed(text)
    let all = ""
    let next = new TextEncoder().encode(text).length
    for await (const chunk of job.output({stream: "stdout", reverse: true})) {
      expect(chunk.next).toBe(next)
      all = chunk.text + all
      next = chunk.offset
    }

    expect(all === text).toBe(true)
    expect(next).toBe(0)
  })

  test.each([0, 1, 3, 7, 100])("ends where it is asked to, at %d", async from => {
    const job = await printed("one two three")
    let all = ""
    for await (const {text} of job.output({stream: "stdout", reverse: true, from})) all = text + all

    expect(all).toBe("one two three".slice(0, from))
  })

  test("says what was not kept", async () => {
    const job = await printed("0123456789")
    node.job(job.id).gap = {from: 3, to: 7}
    const pieces: unknown[] = []
    for await (const {offset, next, text, skipped} of job.output({
      stream: "stdout",
      reverse: true,
    })) {
      pieces.push([offset, next, text, skipped])
    }

    expect(pieces).toEqual([
      [7, 10, "789", 4],
      [0, 3, "012", undefined],
    ])
  })
})

describe("a hidden page", () => {
  test("keeps hearing events, drops output, and gets it from where it was when it is seen", async () => {
    const page = stubPage()
    const client = await joined()
    const heard: string[] = []
    client.on("event", ({type}) => heard.push(type))
    const job = await client.exec("hello")
    let text = ""
    const reading = (async () => {
      for await (const chunk of job.output({stream: "stdout"})) text += chunk.text
    })()
    node.job(job.id).start().print("one ")
    await vi.waitFor(() => expect(text).toBe("one "))
    page.hide()
    await client.tasks()
    node.job(job.id).print("two ").progress(0.5)
    await vi.waitFor(() => expect(heard).toContain("progress"))
    const hidden = text
    page.show()
    await vi.waitFor(() => expect(text).toBe("one two "))
    node.job(job.id).print("three").succeed()
    await reading

    expect(hidden).toBe("one ")
    expect(text).toBe("one two three")
  })

  test("can be told to go on", async () => {
    const page = stubPage()
    page.hide()
    const client = await joined()
    const job = await client.exec("hello")
    node.job(job.id).start().print("one").succeed()
    let text = ""
    for await (const chunk of job.output({stream: "stdout", background: true})) text += chunk.text

    expect(text).toBe("one")
  })

  test("lets go of output that nobody wants any more", async () => {
    const page = stubPage()
    const client = await joined()
    const job = await client.exec("hello")
    page.hide()
    const stop = new AbortController()
    const reading = (async () => {
      for await (const _ of job.output({signal: stop.signal})) throw new Error("unseen")
    })()
    stop.abort()

    await reading
  })
})

async function collect(job: Job, stream: "stdout" | "stderr" = "stdout"): Promise<string> {
  let text = ""
  for await (const chunk of job.output({stream})) text += chunk.text
  return text
}
