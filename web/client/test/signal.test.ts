import {describe, expect, test, vi} from "vitest"
import {type Client, connect} from "../src/index"
import {joined, node, nodeForEachTest} from "./node"

nodeForEachTest()

describe("a signal", () => {
  test("that was aborted before sends nothing", async () => {
    const client = await joined()
    const {signal} = stopped()

    await expect(client.exec("hello", {}, {signal})).rejects.toThrow("stopped")
    await expect(client.tasks({signal})).rejects.toThrow("stopped")
    expect(node.jobs.size).toBe(0)
  })

  test("withdraws a job that was accepted while it was aborted", async () => {
    const client = await joined()
    const stop = new AbortController()
    node.delay = () => 0.02
    const submitted = client.exec("hello", {}, {signal: stop.signal})
    await vi.waitFor(() => expect(node.jobs.size).toBe(1), {interval: 1})
    stop.abort(new Error("stopped"))

    await expect(submitted).rejects.toThrow("stopped")
    await vi.waitFor(() => expect(node.job(`1`.padStart(32, "0")).record.state).toBe("cancelled"))
  })

  test("cancels what runs", async () => {
    const client = await joined()
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
    const client = await joined()
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
    const client = await joined()
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
