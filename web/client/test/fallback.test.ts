import {afterEach, beforeEach, describe, expect, test, vi} from "vitest"
import {Client, type Job, type JobEvent, type Status, type Token} from "../src/index"
import {FakeNode} from "../src/testing"
import {type Join, JoinRefused} from "../src/wamp"
import {type Page, stubPage} from "./page"

let node: FakeNode
let page: Page
let client: Client | null = null

beforeEach(() => {
  vi.useFakeTimers()
  vi.spyOn(Math, "random").mockReturnValue(0.5)
  page = stubPage()
  node = new FakeNode()
  node.addTask({name: "hello"})
})

afterEach(() => {
  client?.close()
  client = null
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
  vi.useRealTimers()
})

/** Lets *seconds* pass. */
async function pass(seconds: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(seconds * 1000)
}

/** A job of the client's. */
async function exec(): Promise<Job> {
  const submitted = (client as Client).exec("hello")
  await pass(0.1)
  return await submitted
}

interface Ways {
  token?: Token
  join?: Join
  fallback?: Join
  transport?: "websocket" | "http"
}

function connect(ways: Ways = {}) {
  const {token = "ana", join = node.join, fallback = node.fallback, ...more} = ways
  const made = new Client({url: "ws://node/ws", token, join, fallback, ...more})
  client = made
  const statuses: Status[] = []
  const heard: string[] = []
  const told: string[] = []
  made.on("status", status => statuses.push(status))
  made.on("event", ({type}) => heard.push(type))
  made.on("open", transport => told.push(`open ${transport}`))
  made.on("close", reason => told.push(`close ${reason?.code ?? "for now"}`))
  made.on("transport", transport => told.push(`now ${transport}`))
  return {client: made, statuses, heard, told}
}

describe("where no WebSocket gets through", () => {
  // capability: P4
  test("a client joins over HTTP after two tries, with the same events", async () => {
    node.isSocketBlocked = true
    const {client, heard} = connect()
    await pass(5)
    const job = await exec()
    node.job(job.id).start().succeed("hi")
    await pass(1)

    expect([client.status, client.transport]).toEqual(["live", "http"])
    expect(heard).toEqual(["queued", "started", "succeeded"])
    expect(job.state).toBe("succeeded")
  })

  test("one that hangs is as good a sign as two that fail", async () => {
    const hang: Join = (_, signal) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(new JoinRefused(null, "given up")))
      })
    const {client} = connect({join: hang})
    await pass(9)
    const early = client.transport
    await pass(2)

    expect([early, client.transport]).toEqual([null, "http"])
  })

  test("it goes back to a WebSocket as soon as one gets through, and misses nothing", async () => {
    node.isSocketBlocked = true
    const {client, heard, told, statuses} = connect()
    await pass(5)
    const job = await exec()
    node.isSocketBlocked = false
    for (let second = 0; second < 60; second += 1) {
      node.job(job.id).message(`second ${second}`)
      await pass(1)
    }

    expect(client.transport).toBe("websocket")
    expect(told).toEqual(["open http", "now websocket"])
    expect(heard).toEqual(["queued", ...Array(60).fill("message")])
    expect(statuses.slice(statuses.indexOf("live"))).not.toContain("offline")
  })

  test("it tries at once when the network has changed, or it is told to", async () => {
    node.isSocketBlocked = true
    const join = vi.fn(node.join)
    const {client} = connect({join})
    await pass(5)
    const before = join.mock.calls.length
    client.retry()
    await pass(1)
    const tried = join.mock.calls.length - before
    node.isSocketBlocked = false
    page.hide()
    page.show()
    await pass(1)

    expect(tried).toBe(1)
    expect(client.transport).toBe("websocket")
  })

  test("a call under way is answered by the session that it was made in", async () => {
    node.isSocketBlocked = true
    const {client} = connect()
    await pass(5)
    node.isSocketBlocked = false
    await pass(39.5)
    expect(client.transport).toBe("http")
    node.delay = () => 4
    const calling = client.tasks()
    await pass(5.5)
    const carrier = client.transport
    node.delay = () => 0
    await pass(4)

    expect(carrier).toBe("websocket")
    expect(await calling).toHaveLength(1)
  })

  test("a node that is not there at all is offline, however it is asked", async () => {
    node.isUnreachable = true
    const {client, told} = connect()
    await pass(600)
    expect(client.status).toBe("offline")
    node.isUnreachable = false
    await pass(30)

    expect([client.status, client.transport]).toEqual(["live", "websocket"])
    expect(told).toEqual(["open websocket"])
  })

  test.each(["websocket", "http"] as const)(
    "only %s is used if nothing else is wanted",
    async way => {
      const join = vi.fn(node.join)
      const fallback = vi.fn(node.fallback)
      node.isSocketBlocked = true
      const {client} = connect({join, fallback, transport: way})
      await pass(120)

      expect(client.transport).toBe(way === "http" ? "http" : null)
      expect((way === "http" ? join : fallback).mock.calls).toEqual([])
    },
  )
})

describe("a token", () => {
  test("is renewed ahead of its end, without a moment without connection", async () => {
    let number = 0
    const token = () => {
      number += 1
      node.expiries.set("ana", Date.now() + 3_600_000)
      return "ana"
    }
    const {statuses, told, heard} = connect({token})
    await pass(1)
    await pass(4 * 3600)
    node.job((await exec()).id).start()
    await pass(1)

    expect(number).toBe(5)
    expect(told).toEqual(["open websocket"])
    expect(statuses).not.toContain("offline")
    expect(heard).toEqual(["queued", "started"])
  })

  test("that has expired on its way is asked for once more", async () => {
    const token = vi.fn().mockReturnValueOnce("wrong").mockReturnValue("ana")
    const {client} = connect({token})
    await pass(1)

    expect(client.status).toBe("live")
    expect(token).toHaveBeenCalledTimes(2)
  })

  test("that is refused again is the end", async () => {
    const token = vi.fn(() => "wrong")
    const {client} = connect({token})
    await pass(600)

    expect(client.status).toBe("denied")
    expect(token).toHaveBeenCalledTimes(2)
  })

  test("that cannot be had just now is asked for again", async () => {
    const token = vi.fn<() => Promise<string>>(async () => "ana")
    token.mockRejectedValueOnce(new TypeError("Failed to fetch"))
    token.mockImplementationOnce(() => new Promise(() => {}))
    const {client, statuses} = connect({token})
    await pass(20)

    expect(statuses[0]).toBe("offline")
    expect(client.status).toBe("live")
  })

  test("that shows more than the one before brings the stream of events", async () => {
    let token = "ana"
    node.scopes.set("ana", {tasks: ["hello"]})
    const {client, heard} = connect({token: () => token})
    await pass(1)
    const job = await exec()
    node.job(job.id).start()
    await pass(1)
    const early = [...heard]
    node.scopes.delete("ana")
    token = "ana"
    node.cut()
    await pass(2)
    node.job(job.id).progress(0.5)
    const other = await exec()
    await pass(2)

    expect(early).toEqual([])
    expect(heard).toEqual(["progress", "queued"])
    expect([client.scope, job.progress?.fraction, other.state]).toEqual([{}, 0.5, "queued"])
  })

  test("that shows less than the one before leaves the jobs that are held", async () => {
    const {client, heard} = connect({token: () => "ana"})
    await pass(1)
    const job = await exec()
    const types: string[] = []
    job.on("event", ({type}: JobEvent) => types.push(type))
    node.scopes.set("ana", {tasks: ["hello"]})
    node.cut()
    await pass(2)
    node.job(job.id).start().succeed()
    await pass(5)

    expect(client.status).toBe("live")
    expect(heard).toEqual(["queued"])
    expect(types).toEqual(["queued", "started", "succeeded"])
  })

  test("of somebody else brings that one's stream", async () => {
    let token = "ana"
    const {client, heard} = connect({token: () => token})
    await pass(1)
    await exec()
    token = "ben"
    node.cut()
    await pass(2)
    await exec()
    await pass(1)

    expect(client.authid).toBe("ben")
    expect(heard).toEqual(["queued", "queued"])
    expect(node.events("ben")).toHaveLength(1)
  })
})

describe("while it is offline", () => {
  // capability: D8
  test("a client says when it tries again, and can be told to try now", async () => {
    node.isUnreachable = true
    const {client} = connect()
    await pass(600)
    const wait = (client.retryAt?.getTime() ?? 0) - Date.now()
    node.isUnreachable = false
    client.retry()
    await pass(0.1)

    expect(wait).toBeGreaterThan(0)
    expect(wait).toBeLessThanOrEqual(30_000)
    expect([client.status, client.retryAt]).toEqual(["live", null])
  })

  test("a hidden page tries seldom, never stops, and at once when it is seen", async () => {
    node.isUnreachable = true
    const join = vi.fn(node.join)
    const {client} = connect({join, transport: "websocket"})
    await pass(600)
    const seen = join.mock.calls.length
    page.hide()
    await pass(600)
    const hidden = join.mock.calls.length - seen
    await pass(6000)
    const later = join.mock.calls.length - seen - hidden
    node.isUnreachable = false
    page.show()
    await pass(0.1)

    expect(hidden).toBeLessThan(seen / 4)
    expect(later).toBeGreaterThan(10)
    expect(client.status).toBe("live")
  })
})

// capability: J4
test("a page is told when its connection opens and closes", async () => {
  const {client, told} = connect()
  await pass(1)
  const active = client.active
  node.cut()
  await pass(0.1)
  const between = client.active
  await pass(5)
  client.close()

  expect(told).toEqual(["open websocket", "close for now", "open websocket", "close closed"])
  expect([active, between, client.active]).toEqual([true, false, false])
})
