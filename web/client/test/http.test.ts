import {afterEach, beforeEach, describe, expect, test, vi} from "vitest"
import {unlessAborted} from "../src/abort"
import {encode} from "../src/files"
import {joinByHttp} from "../src/http"
import type {Session} from "../src/wamp"

interface Asked {
  method: string
  path: string
  body: unknown
  headers: Record<string, string>
  signal: AbortSignal | null
}

/** The gateway of a node, as `fetch` finds it. */
class FakeGateway {
  readonly asked: Asked[] = []
  readonly published: {number: number; topic: string; args: unknown[]}[] = []
  /** Answers in place of the usual ones, by method and path. */
  readonly answers = new Map<string, () => Response | Promise<Response>>()
  /** Whether somebody on the way keeps streams until they end. */
  isHoldingUp = false
  streams = 0
  #tell = new Set<() => void>()

  readonly fetch = async (url: string, init: RequestInit): Promise<Response> => {
    const [path = "", query] = url.replace("http://node/api/", "").split("?")
    const body = init.body ? JSON.parse(String(init.body)) : undefined
    const headers = init.headers as Record<string, string>
    const method = String(init.method)
    this.asked.push({method, path, body, headers, signal: init.signal ?? null})
    init.signal?.throwIfAborted()
    const answer = this.answers.get(`${method} ${path}`)
    if (answer) return await unlessAborted(init.signal ?? undefined, Promise.resolve(answer()))
    if (path === "channels") return Response.json(ME, {status: 201})
    if (!path.endsWith("/publications")) return new Response(null, {status: 204})
    const after = Number(new URLSearchParams(query).get("after"))
    return headers.Accept ? this.#stream(after, init.signal) : await this.#poll(after, init.signal)
  }

  publish(topic: string, ...args: unknown[]): void {
    this.published.push({number: this.published.length + 1, topic, args})
    for (const tell of [...this.#tell]) tell()
  }

  #stream(after: number, signal: AbortSignal | null | undefined): Response {
    this.streams += 1
    let last = after
    const body = new ReadableStream({
      start: out => {
        const send = (text: string) => out.enqueue(new TextEncoder().encode(text))
        const tell = () => {
          for (const each of this.published.slice(last)) {
            last = each.number
            send(`id: ${each.number}\nevent: publication\ndata: ${JSON.stringify(each)}\n\n`)
          }
        }
        if (!this.isHoldingUp) {
          send(": open\n\n")
          tell()
          this.#tell.add(tell)
        }
        signal?.addEventListener("abort", () => {
          this.#tell.delete(tell)
          out.error(signal.reason)
        })
        this.cut = () => {
          this.#tell.delete(tell)
          out.error(new TypeError("network error"))
        }
      },
    })
    return new Response(body)
  }

  /** Cut the stream. */
  cut = () => {}

  async #poll(after: number, signal: AbortSignal | null | undefined): Promise<Response> {
    if (this.published.length <= after) {
      await new Promise<void>((resolve, reject) => {
        this.#tell.add(resolve)
        signal?.addEventListener("abort", () => reject(signal.reason))
      })
    }
    const publications = this.published.slice(after)
    return Response.json({next: publications.at(-1)?.number ?? after, publications})
  }
}

const ME = {
  channel: "c1",
  authid: "ana",
  authrole: "user",
  scope: {tasks: ["hello"]},
  expires_at: "2100-01-01T00:00:00+00:00",
}

function problem(status: number, code: string, data: object = {}): Response {
  const told = {...data, title: "Problem", status, detail: "A sentence", code}
  return new Response(JSON.stringify(told), {
    status,
    headers: {"Content-Type": "application/problem+json"},
  })
}

let gateway: FakeGateway
let session: Session | null = null

beforeEach(() => {
  gateway = new FakeGateway()
  vi.stubGlobal("fetch", gateway.fetch)
})

afterEach(() => {
  session?.close()
  session = null
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

async function join(): Promise<Session> {
  const options = {
    url: "ws://node/ws",
    api: "http://node/api",
    realm: "taskrealm",
    ticket: "secret",
    client: "c0ffee",
  }
  session = await joinByHttp(options, new AbortController().signal)
  return session
}

describe("joining over HTTP", () => {
  // capability: P4
  test("tells who we are; the token stands in a header only", async () => {
    const session = await join()

    expect(session).toMatchObject({
      authid: "ana",
      role: "user",
      scope: {tasks: ["hello"]},
      expiresAt: Date.UTC(2100, 0, 1),
      transport: "http",
    })
    for (const {path, body, headers} of gateway.asked) {
      expect(headers.Authorization).toBe("Bearer secret")
      expect(path + JSON.stringify(body)).not.toContain("secret")
    }
  })

  test.each([
    [
      "a token that is not valid",
      () => problem(401, "invalid_token"),
      "taskrealm.error.invalid_token",
    ],
    ["what may not join", () => problem(403, "not_authorized"), "taskrealm.error.not_authorized"],
    ["a page that may not ask", () => problem(403, "origin_not_allowed"), null],
    ["a router that is away", () => problem(503, "unavailable"), null],
    ["a page of a proxy", () => new Response("<html>", {status: 502}), null],
    ["a page of a proxy, however glad", () => new Response("<html>"), null],
    ["no network", () => Promise.reject(new TypeError("Failed to fetch")), null],
  ])("%s is told apart", async (_, answer, reason) => {
    gateway.answers.set("POST channels", answer)

    await expect(join()).rejects.toMatchObject({name: "JoinRefused", reason})
  })
})

describe("a session over HTTP", () => {
  test("calls with arguments and bytes as a WebSocket would", async () => {
    const session = await join()
    gateway.answers.set("POST call", () => Response.json({state: "running"}))
    const answer = await session.call("taskrealm.job", ["1"], {data: encode(Uint8Array.of(1))})

    expect(answer).toEqual({state: "running"})
    expect(gateway.asked.at(-1)).toMatchObject({
      method: "POST",
      path: "call",
      body: {procedure: "taskrealm.job", args: ["1"], kwargs: {data: "\0AQ=="}},
    })
  })

  test("tells an error with its code, its sentence and its data", async () => {
    const session = await join()
    gateway.answers.set("POST call", () => problem(503, "queue_full", {limit: 3}))

    await expect(session.call("taskrealm.exec", [], {})).rejects.toMatchObject({
      name: "QueueFull",
      code: "queue_full",
      message: "A sentence",
      limit: 3,
    })
  })

  test("hands on what is published, in order, until it is unsubscribed", async () => {
    const session = await join()
    const heard: unknown[] = []
    const leave = await session.subscribe("a.topic", value => heard.push(value))
    gateway.publish("a.topic", 1)
    gateway.publish("another.topic", 2)
    gateway.publish("a.topic", 3)
    await vi.waitFor(() => expect(heard).toEqual([1, 3]))
    await leave()
    gateway.publish("a.topic", 4)
    await session.call("a.procedure", [], {})

    expect(heard).toEqual([1, 3])
    expect(gateway.asked.map(({method, path}) => `${method} ${path}`)).toEqual(
      expect.arrayContaining([
        "POST channels/c1/topics/a.topic",
        "DELETE channels/c1/topics/a.topic",
      ]),
    )
  })

  // capability: S3
  test("gives the answer to a submission before what is published meanwhile", async () => {
    const session = await join()
    const order: string[] = []
    await session.subscribe("jobs", () => order.push("event"))
    gateway.answers.set("POST call", async () => {
      gateway.publish("jobs", [{type: "queued"}])
      await new Promise(resolve => setTimeout(resolve, 20))
      return Response.json({job_id: "1"})
    })
    await session.call("taskrealm.exec", ["hello"], {})
    order.push("answer")

    await vi.waitFor(() => expect(order).toEqual(["answer", "event"]))
  })

  test("goes on where the stream was cut, without a repeat", async () => {
    const session = await join()
    const heard: unknown[] = []
    await session.subscribe("a.topic", value => heard.push(value))
    gateway.publish("a.topic", 1)
    await vi.waitFor(() => expect(heard).toEqual([1]))
    gateway.cut()
    gateway.publish("a.topic", 2)
    gateway.publish("a.topic", 3)

    await vi.waitFor(() => expect(heard).toEqual([1, 2, 3]), {timeout: 5000})
    expect(gateway.streams).toBe(2)
  })

  test("polls where streams are held up on their way", async () => {
    vi.useFakeTimers()
    gateway.isHoldingUp = true
    const session = await join()
    const heard: unknown[] = []
    await session.subscribe("a.topic", value => heard.push(value))
    gateway.publish("a.topic", 1)
    await vi.advanceTimersByTimeAsync(3000)
    const early = [...heard]
    await vi.advanceTimersByTimeAsync(2000)
    gateway.publish("a.topic", 2)
    await vi.advanceTimersByTimeAsync(100)

    expect([early, heard]).toEqual([[], [1, 2]])
    expect(gateway.streams).toBe(1)
  })

  test.each([
    ["the channel is gone", () => problem(404, "unknown_channel")],
    ["it is too far behind", () => problem(410, "gone")],
    ["the token has expired", () => problem(401, "invalid_token")],
  ])("is lost when %s", async (_, answer) => {
    const session = await join()
    gateway.answers.set("GET channels/c1/publications", answer)
    gateway.cut()
    await session.closed

    await expect(session.call("taskrealm.tasks", [], {})).rejects.toMatchObject({
      code: "disconnected",
    })
  })

  test("is lost when the network is", async () => {
    vi.useFakeTimers()
    const session = await join()
    gateway.answers.set("GET channels/c1/publications", () =>
      Promise.reject(new TypeError("Failed to fetch")),
    )
    gateway.cut()
    await vi.advanceTimersByTimeAsync(10_000)

    await session.closed
  })

  test("rejects everything under way when it is closed, and says goodbye", async () => {
    const session = await join()
    gateway.answers.set("POST call", () => new Promise(() => {}))
    const answer = session.call("taskrealm.tasks", [], {})
    session.close()

    await expect(answer).rejects.toMatchObject({code: "disconnected"})
    expect(gateway.asked.at(-1)).toMatchObject({method: "DELETE", path: "channels/c1"})
  })
})
