import {describe, expect, test, vi} from "vitest"
import {fromCode, fromWire} from "../src/errors"
import {
  Disconnected,
  DuplicateJob,
  InvalidArguments,
  QueueFull,
  RateLimited,
  TaskRealmError,
  TooLarge,
  UnknownJob,
} from "../src/index"
import {connected, joined, node, nodeForEachTest, reach} from "./node"

nodeForEachTest()

describe("errors", () => {
  test("carry a stable code, a sentence and the refused fields", async () => {
    const parameters = {properties: {source: {type: "string"}}, required: ["source"]}
    node.addTask({name: "convert", parameters})
    const client = await joined()
    const error = await client.exec("convert").catch(error => error)

    expect(error).toBeInstanceOf(TaskRealmError)
    expect(error.code).toBe("invalid_arguments")
    expect(error.fields).toEqual({source: "Field required"})
  })

  test("say that the executor is away", async () => {
    const client = await joined()
    node.isExecutorAway = true

    await expect(client.tasks()).rejects.toMatchObject({code: "unavailable"})
  })

  test("reject calls that are in flight when the connection is cut", async () => {
    const client = await joined()
    node.delay = () => 60
    const call = client.tasks()
    node.cut()

    await expect(call).rejects.toMatchObject({code: "disconnected"})
  })

  test("reject calls made while there is no connection", async () => {
    const client = await joined()
    node.isUnreachable = true
    node.cut()
    await reach(client, "offline")

    await expect(client.tasks()).rejects.toMatchObject({code: "disconnected"})
    await expect(client.check("hello")).rejects.toBeInstanceOf(Disconnected)
  })

  test("reject calls that get no answer in time", async () => {
    const client = await joined()
    node.delay = () => 60

    await expect(client.call("taskrealm.tasks", [], {}, {timeout: 0.02})).rejects.toMatchObject({
      code: "timeout",
    })
  })

  // capability: S7
  test("reject a submission that gets no answer in time", async () => {
    vi.useFakeTimers()
    try {
      const joining = connected()
      await vi.advanceTimersByTimeAsync(1000)
      const client = await joining
      node.delay = () => 3600
      const failure = expect(client.exec("hello")).rejects.toMatchObject({code: "timeout"})
      await vi.advanceTimersByTimeAsync(31_000)

      await failure
    } finally {
      vi.useRealTimers()
    }
  })

  test("of a wrong token are final", async () => {
    const joining = vi.fn(node.join)

    await expect(connected("wrong", joining)).rejects.toMatchObject({code: "invalid_token"})
    expect(joining).toHaveBeenCalledTimes(1)
  })

  test("of a closed client are told to those who wait", async () => {
    const client = await joined()
    const job = await client.exec("hello")
    const result = job.result()
    client.close()

    await expect(result).rejects.toMatchObject({code: "closed"})
    await expect(client.tasks()).rejects.toMatchObject({code: "closed"})
    expect(client.status).toBe("closed")
  })

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
