import {describe, expect, test, vi} from "vitest"
import {JobFailed, type Question} from "../src/index"
import {joined, node, nodeForEachTest, types} from "./node"

nodeForEachTest()

describe("a job", () => {
  test("gives its events in order and ends after the terminal one", async () => {
    const client = await joined()
    const job = await client.exec("hello")
    node.job(job.id).start().progress(0.5).succeed("hi")

    expect(await types(job)).toEqual(["queued", "started", "progress", "succeeded"])
    expect(job.state).toBe("succeeded")
  })

  // capability: U9
  test("passes on what its program tells, as it is", async () => {
    const client = await joined()
    const job = await client.exec("hello")
    const told: [string, string, unknown][] = []
    job.on("message", ({level, text, data}) => told.push([level, text, data]))
    node.job(job.id).start().message("first").message("full", "warning", {free: 0}).succeed()
    await vi.waitFor(() => expect(told).toHaveLength(2))

    expect(told).toEqual([
      ["info", "first", null],
      ["warning", "full", {free: 0}],
    ])
  })

  // capability: N18
  test("asks, and takes one answer", async () => {
    const client = await joined()
    const job = await client.exec("hello")
    node
      .job(job.id)
      .start()
      .ask("Which?", {enum: ["a", "b"]}, {default: "b"})
    const asked = await new Promise<Question>(resolve => job.on("question", resolve))
    await job.answer(asked.question, "a")
    await vi.waitFor(() => expect(job.record?.questions).toEqual([]))

    expect(asked).toMatchObject({text: "Which?", schema: {enum: ["a", "b"]}, default: "b"})
    await expect(job.answer(asked.question, "b")).rejects.toMatchObject({code: "unknown_question"})
  })

  test("loses no event that comes before its handle is there", async () => {
    node.addTask({name: "quick"}, job => job.start().succeed(42))
    const client = await joined()
    const job = await client.exec("quick")

    expect(await types(job)).toEqual(["queued", "started", "succeeded"])
    expect(await job.result()).toBe(42)
  })

  test("tells every listener everything, also those that come late", async () => {
    const client = await joined()
    const job = await client.exec("hello")
    node.job(job.id).start().progress(0.1).progress(0.2)
    await vi.waitFor(() => expect(job.progress?.fraction).toBe(0.2))
    const heard: (number | null)[] = []
    job.on("progress", ({fraction}) => heard.push(fraction))
    node.job(job.id).progress(0.3).succeed()
    await job.result()

    await vi.waitFor(() => expect(heard).toEqual([0.1, 0.2, 0.3]))
  })

  test("stops calling a listener that has stopped listening", async () => {
    const client = await joined()
    const job = await client.exec("hello")
    const listener = vi.fn()
    const stop = job.on("event", listener)
    stop()
    node.job(job.id).start().succeed()
    await job.result()

    expect(listener).not.toHaveBeenCalled()
  })

  test("rejects its result with how it ended", async () => {
    const client = await joined()
    const job = await client.exec("hello")
    node.job(job.id).start().fail("no such file", 3)
    const error = await job.result().catch(error => error)

    expect(error).toBeInstanceOf(JobFailed)
    expect(error).toMatchObject({code: "failed", message: "no such file", jobId: job.id})
    expect(error).toMatchObject({event: {exit_code: 3}})
  })

  test("can be cancelled, politely and then at once", async () => {
    const client = await joined()
    const job = await client.exec("hello")
    node.job(job.id).start()
    const polite = await job.cancel({reason: "typo"})
    const firm = await job.cancel({now: true})

    expect([polite, firm]).toEqual(["stopping", "stopping"])
    await expect(job.result()).rejects.toMatchObject({code: "cancelled"})
    expect(await job.cancel()).toBe("already_cancelled")
  })

  test("can be attached to from its first event on", async () => {
    const client = await joined()
    const {id} = await client.exec("hello")
    node.job(id).start().progress(0.5)
    const attached = (await joined()).job(id)
    const all = types(attached)
    node.job(id).succeed()

    expect(await all).toEqual(["queued", "started", "progress", "succeeded"])
  })

  test("that does not exist is an error, never a state", async () => {
    const client = await joined()
    const job = client.job("f".repeat(32))

    await expect(job.result()).rejects.toMatchObject({code: "unknown_job"})
    expect(job.state).toBe(null)
  })

  test("of another user reaches who may see it, live", async () => {
    const ana = await joined("ana")
    const ops = await joined("ops")
    const {id} = await ana.exec("hello")
    const watched = ops.job(id)
    const all = types(watched)
    await vi.waitFor(() => expect(watched.state).toBe("queued"))
    node.job(id).start().succeed()

    expect(await all).toEqual(["queued", "started", "succeeded"])
  })

  test.each(["session", "none"] as const)("delivered to %s is complete too", async deliver => {
    const client = await joined()
    const job = await client.exec("hello", {}, {deliver})
    const all = types(job)
    node.job(job.id).start()
    node.cut()
    node.job(job.id).progress(0.5).succeed()

    expect(await all).toEqual(["queued", "started", "progress", "succeeded"])
  })
})

describe("watching", () => {
  test("begins behind the event that one has, and ends after the last", async () => {
    const client = await joined()
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

test("a result too big for an event is fetched", async () => {
  const client = await joined()
  const job = await client.exec("hello")
  const numbers = Array.from({length: 50_000}, (_, number) => number)
  node.job(job.id).start().succeedBig(numbers)

  expect(await job.result()).toEqual(numbers)
  expect(job.record).toMatchObject({result: null, artifact: "result.json"})
})

// capability: N22
test("many jobs are stopped each for itself, by as many calls as that takes", async () => {
  const client = await joined()
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
