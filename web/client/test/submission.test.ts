import {describe, expect, test, vi} from "vitest"
import {adrift, joined, node, nodeForEachTest, reach, types} from "./node"

nodeForEachTest()

describe("a key", () => {
  // capability: S8
  test("makes one job of a request whose answer was lost", async () => {
    const client = await joined()
    node.delay = () => 0.02
    const submitted = client.exec("hello", {}, {key: "order 7"})
    await vi.waitFor(() => expect(node.jobs.size).toBe(1), {interval: 1})
    node.cut()
    const job = await submitted
    node.job(job.id).start().succeed("once")

    expect(node.jobs.size).toBe(1)
    expect(await types(job)).toEqual(["queued", "started", "succeeded"])
    expect(await job.result()).toBe("once")
  })

  test("gives the same job to whoever asks again", async () => {
    const client = await joined()
    const first = await client.exec("hello", {}, {key: "order 7"})
    node.job(first.id).start().succeed("once")
    const again = await client.exec("hello", {}, {key: "order 7"})

    expect(again.id).toBe(first.id)
    expect(await again.result()).toBe("once")
  })

  test("is what repeating needs: without one, a lost answer is an error", async () => {
    const client = await joined()
    node.delay = () => 0.02
    const submitted = client.exec("hello")
    await vi.waitFor(() => expect(node.jobs.size).toBe(1), {interval: 1})
    node.cut()

    await expect(submitted).rejects.toMatchObject({code: "disconnected"})
  })
})

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

describe("many requests", () => {
  test("make their jobs in order", async () => {
    const client = await joined()
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
    const client = await joined()
    const refused = client.execMany([{task: "hello"}, {task: "nothing"}])

    await expect(refused).rejects.toMatchObject({code: "unknown_task"})
    expect(node.jobs.size).toBe(0)
  })
})

test("files among the arguments are sent first", async () => {
  const client = await joined()
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
