import {afterEach, beforeEach, describe, expect, test, vi} from "vitest"
import {fromCode, fromWire} from "../src/errors"
import {
  type Client,
  connect,
  DuplicateJob,
  InvalidArguments,
  type Job,
  QueueFull,
  RateLimited,
  type Status,
  TaskRealmError,
  TooLarge,
  UnknownJob,
} from "../src/index"
import {FakeNode} from "../src/testing"
import {stubPage} from "./page"

let node: FakeNode
const clients: Client[] = []

beforeEach(() => {
  // Reconnect without delay.
  vi.spyOn(Math, "random").mockReturnValue(0)
  node = new FakeNode()
  node.addTask({name: "hello"})
})

afterEach(() => {
  for (const client of clients.splice(0)) client.close()
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
})

async function join(): Promise<Client> {
  const client = await connect({url: "ws://node/ws", token: "ana", join: node.join})
  clients.push(client)
  await reach(client, "live")
  return client
}

/** A client that has lost its connection. */
async function adrift(): Promise<Client> {
  const client = await join()
  node.isUnreachable = true
  node.cut()
  await reach(client, "offline")
  return client
}

function reach(client: Client, wanted: Status): Promise<void> {
  return vi.waitFor(() => expect(client.status).toBe(wanted), {timeout: 5000, interval: 2})
}

async function types(job: Job): Promise<string[]> {
  const all: string[] = []
  for await (const event of job) all.push(event.type)
  return all
}

describe("a submission without a connection", () => {
  // capability: S8
  test("waits for one, and runs once however often its answer is lost", async () => {
    const client = await adrift()
    const submitted = client.exec("hello", {}, {})
    await client.tasks().catch(() => {})
    const early = node.jobs.size
    node.delay = () => 0.01
    node.isUnreachable = false
    await vi.waitFor(() => expect(node.jobs.size).toBe(1), {interval: 1, timeout: 5000})
    node.cut()
    const job = await submitted
    node.job(job.id).start().succeed("once")

    expect(early).toBe(0)
    expect(node.jobs.size).toBe(1)
    expect(node.job(job.id).options.key).toMatch(/^[0-9a-f]{32}$/)
    expect(await types(job)).toEqual(["queued", "started", "succeeded"])
  })

  test("keeps the key that it has", async () => {
    const client = await adrift()
    const submitted = client.exec("hello", {}, {key: "order 7"})
    node.isUnreachable = false
    const job = await submitted

    expect(node.job(job.id).options.key).toBe("order 7")
  })

  test("can be withdrawn: it is never sent", async () => {
    const client = await adrift()
    const stop = new AbortController()
    const submitted = client.exec("hello", {}, {signal: stop.signal})
    const many = client.execMany([{task: "hello"}], {signal: stop.signal})
    stop.abort(new Error("no longer"))

    await expect(submitted).rejects.toThrow("no longer")
    await expect(many).rejects.toThrow("no longer")
    node.isUnreachable = false
    await reach(client, "live")
    await client.tasks()
    expect(node.jobs.size).toBe(0)
  })

  test("rejects when the client is closed meanwhile", async () => {
    const client = await adrift()
    const submitted = client.exec("hello")
    client.close()

    await expect(submitted).rejects.toMatchObject({code: "closed"})
  })

  test("of many keeps them together, once each", async () => {
    const client = await adrift()
    const submitted = client.execMany([{task: "hello"}, {task: "hello", key: "mine"}])
    node.isUnreachable = false
    const jobs = await submitted
    const keys = jobs.map(job => node.job(job.id).options.key)

    expect(keys).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/), "mine"])
  })
})

describe("a signal", () => {
  test("that was aborted before sends nothing", async () => {
    const client = await join()
    const {signal} = stopped()

    await expect(client.exec("hello", {}, {signal})).rejects.toThrow("stopped")
    await expect(client.tasks({signal})).rejects.toThrow("stopped")
    expect(node.jobs.size).toBe(0)
  })

  test("withdraws a job that was accepted while it was aborted", async () => {
    const client = await join()
    const stop = new AbortController()
    node.delay = () => 0.02
    const submitted = client.exec("hello", {}, {signal: stop.signal})
    await vi.waitFor(() => expect(node.jobs.size).toBe(1), {interval: 1})
    stop.abort(new Error("stopped"))

    await expect(submitted).rejects.toThrow("stopped")
    await vi.waitFor(() => expect(node.job(`1`.padStart(32, "0")).record.state).toBe("cancelled"))
  })

  test("cancels what runs", async () => {
    const client = await join()
    const stop = new AbortController()
    const running = client.run("hello", {}, {signal: stop.signal})
    await vi.waitFor(() => expect(node.jobs.size).toBe(1), {interval: 1})
    await client.tasks()
    stop.abort(new Error("stopped"))

    await expect(running).rejects.toThrow("stopped")
    await vi.waitFor(() => expect(node.job(`1`.padStart(32, "0")).record.state).toBe("cancelled"))
  })

  test.each([
    ["check", (client: Client, signal: AbortSignal) => client.check("hello", {}, {signal})],
    ["tasks", (client: Client, signal: AbortSignal) => client.tasks({signal})],
    ["jobs", (client: Client, signal: AbortSignal) => client.jobs({}, {signal})],
    ["choices", (client: Client, signal: AbortSignal) => client.choices("a", "b", {}, {signal})],
    ["call", (client: Client, signal: AbortSignal) => client.call("a.b", [], {}, {signal})],
    ["details", (client: Client, signal: AbortSignal) => client.job("1").details({signal})],
    ["result", (client: Client, signal: AbortSignal) => client.job("1").result({signal})],
  ])("ends the waiting of %s", async (_, ask) => {
    const client = await join()
    node.delay = () => 3600
    const stop = new AbortController()
    const asked = ask(client, stop.signal)
    stop.abort(new Error("stopped"))

    await expect(asked).rejects.toThrow("stopped")
  })

  test("ends connecting", async () => {
    node.isUnreachable = true
    const stop = new AbortController()
    const joining = connect({
      url: "ws://node/ws",
      token: "ana",
      join: node.join,
      signal: stop.signal,
    })
    stop.abort(new Error("stopped"))

    await expect(joining).rejects.toThrow("stopped")
  })

  test("ends watching a job that does nothing", async () => {
    const client = await join()
    const job = await client.exec("hello")
    const stop = new AbortController()
    const heard: string[] = []
    const watching = (async () => {
      for await (const {type} of client.watch(job.id, {signal: stop.signal})) heard.push(type)
    })()
    await vi.waitFor(() => expect(heard).toEqual(["queued"]))
    stop.abort()

    await watching
  })
})

function stopped(): AbortController {
  const stop = new AbortController()
  stop.abort(new Error("stopped"))
  return stop
}

// capability: J1
test("a client connects, submits, subscribes, unsubscribes and closes, and says whether it is active", async () => {
  const client = await join()
  const heard: unknown[] = []
  const before = client.active
  const leave = client.subscribe("a.topic", news => heard.push(news))
  const job = await client.exec("hello")
  node.publish("a.topic", "one")
  await vi.waitFor(() => expect(heard).toEqual(["one"]))
  leave()
  await client.tasks()
  node.publish("a.topic", "two")
  await client.tasks()
  client.close()

  expect([before, client.active]).toEqual([true, false])
  expect(node.job(job.id).task).toBe("hello")
  expect(heard).toEqual(["one"])
  await expect(client.tasks()).rejects.toMatchObject({code: "closed"})
})

describe("watching", () => {
  test("begins behind the event that one has, and ends after the last", async () => {
    const client = await join()
    const job = await client.exec("hello")
    node.job(job.id).start().progress(0.5).succeed()
    const heard = async (after: number) => {
      const all: string[] = []
      for await (const {type} of client.watch(job.id, {after})) all.push(type)
      return all
    }

    expect(await heard(0)).toEqual(["queued", "started", "progress", "succeeded"])
    expect(await heard(2)).toEqual(["progress", "succeeded"])
    expect(await heard(4)).toEqual([])
  })
})

describe("many requests", () => {
  test("make their jobs in order", async () => {
    const client = await join()
    const jobs = await client.execMany([
      {task: "hello", args: {name: "Ana"}, priority: 5},
      {task: "hello", args: {name: "Ben"}},
    ])
    for (const job of jobs) node.job(job.id).start().succeed()

    expect(jobs.map(job => node.job(job.id).args.name)).toEqual(["Ana", "Ben"])
    expect(node.job(jobs[0]?.id).options.priority).toBe(5)
    expect(await Promise.all(jobs.map(types))).toEqual(
      Array(2).fill(["queued", "started", "succeeded"]),
    )
  })

  test("make none if one is refused", async () => {
    const client = await join()
    const refused = client.execMany([{task: "hello"}, {task: "nothing"}])

    await expect(refused).rejects.toMatchObject({code: "unknown_task"})
    expect(node.jobs.size).toBe(0)
  })
})

// capability: N22
test("many jobs are stopped each for itself, by as many calls as that takes", async () => {
  const client = await join()
  const jobs = await client.execMany(Array.from({length: 1002}, () => ({task: "hello"})))
  const ids = jobs.map(job => job.id)
  node.job(ids[0]).start().succeed()
  node.job(ids[1]).start()
  const unknown = "f".repeat(32)
  const {answers, refused} = await client.cancelMany([...ids, ids[0] as string, unknown], {
    reason: "enough",
  })

  expect(Object.keys(answers)).toEqual(ids)
  expect([0, 1, 1001].map(index => answers[ids[index] as string])).toEqual([
    "already_succeeded",
    "stopping",
    "removed_from_queue",
  ])
  expect(refused).toEqual({
    [unknown]: {error: "taskrealm.error.unknown_job", message: expect.any(String)},
  })
  expect(node.job(ids[1001]).events.at(-1)).toMatchObject({type: "cancelled", reason: "enough"})
})

test("choices that are computed can be asked for", async () => {
  const client = await join()
  node.choices.set("hello name", [{value: 1, title: "One"}])

  expect(await client.choices("hello", "name")).toEqual({
    choices: [{value: 1, title: "One"}],
    more: false,
  })
  await expect(client.choices("hello", "other")).rejects.toBeInstanceOf(InvalidArguments)
})

test("files among the arguments are sent first", async () => {
  const client = await join()
  const told: number[] = []
  const file = new File(["one two"], "words.txt")
  const job = await client.exec(
    "hello",
    {source: file, more: [file, new Blob(["three"])], name: "Ana"},
    {onUpload: fraction => told.push(fraction)},
  )
  const {source, more, name} = node.job(job.id).args as Record<string, unknown>

  expect(source).toEqual(expect.any(String))
  expect(more).toEqual([source, expect.any(String)])
  expect(name).toBe("Ana")
  expect(told.at(-1)).toBe(1)
  expect(told).toEqual([...told].sort((one, other) => one - other))
})

describe("errors", () => {
  test.each([
    ["invalid_arguments", {fields: {a: "must be"}}, InvalidArguments, {fields: {a: "must be"}}],
    ["queue_full", {limit: 3}, QueueFull, {limit: 3}],
    ["duplicate_job", {job_id: "1"}, DuplicateJob, {jobId: "1"}],
    ["rate_limited", {retry_after: 2}, RateLimited, {retryAfter: 2}],
    ["too_large", {limit: 3}, TooLarge, {limit: 3}],
    ["unknown_job", {}, UnknownJob, {}],
    ["unknown_task", {}, TaskRealmError, {}],
    ["toString", {}, TaskRealmError, {}],
  ])("of the code %s have their class", (code, data, Class, more) => {
    for (const error of [
      fromCode(code, "A sentence", data),
      fromWire(`taskrealm.error.${code}`, ["A sentence"], data),
    ]) {
      expect(error).toBeInstanceOf(Class)
      expect(error).toBeInstanceOf(TaskRealmError)
      expect(error.name).toBe(Class.name)
      expect(error).toMatchObject({code, message: "A sentence", ...more})
    }
  })
})

describe("output backwards", () => {
  async function printed(text: string): Promise<Job> {
    const client = await join()
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
    const client = await join()
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
    const client = await join()
    const job = await client.exec("hello")
    node.job(job.id).start().print("one").succeed()
    let text = ""
    for await (const chunk of job.output({stream: "stdout", background: true})) text += chunk.text

    expect(text).toBe("one")
  })

  test("lets go of output that nobody wants any more", async () => {
    const page = stubPage()
    const client = await join()
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
