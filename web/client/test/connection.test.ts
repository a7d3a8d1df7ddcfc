import {afterEach, beforeEach, describe, expect, test, vi} from "vitest"
import {Connection, type Phase} from "../src/connection"
import {backoff} from "../src/random"
import {FakeNode} from "../src/testing"
import {type Join, JoinRefused} from "../src/wamp"

let node: FakeNode
let connection: Connection | null = null

beforeEach(() => {
  vi.useFakeTimers()
  vi.spyOn(Math, "random").mockReturnValue(0.5)
  node = new FakeNode()
})

afterEach(() => {
  connection?.close()
  connection = null
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
  vi.useRealTimers()
})

function connect(options: {join?: Join; onDoubt?: () => void} = {}) {
  const phases: Phase[] = []
  const {join = node.join, onDoubt = () => {}} = options
  connection = new Connection(
    {url: "ws://node/ws", realm: "taskrealm", token: "ana", join},
    {onPhase: phase => phases.push(phase), onSession: () => {}, onDoubt, onAway: () => {}},
  )
  return {connection, phases}
}

/** Lets *seconds* pass. */
async function pass(seconds: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(seconds * 1000)
}

describe("reconnecting", () => {
  test("waits longer from try to try, up to a limit, with full jitter", () => {
    vi.mocked(Math.random).mockReturnValue(1)

    expect([0, 1, 2, 3, 10, 1000].map(backoff)).toEqual([1, 2, 4, 8, 30, 30])
    vi.mocked(Math.random).mockReturnValue(0)
    expect(backoff(5)).toBe(0)
  })

  test("goes on for ever", async () => {
    const join = vi.fn<Join>(async () => {
      throw new JoinRefused(null, "unreachable")
    })
    const {connection} = connect({join})
    await pass(3600)

    expect(join.mock.calls.length).toBeGreaterThan(200)
    expect(connection.phase).toBe("offline")
  })

  test("outlasts an authenticator that is not there yet", async () => {
    const join = vi
      .fn<Join>(node.join)
      .mockRejectedValueOnce(new JoinRefused("wamp.error.no_such_procedure", "no authenticator"))
    const {phases} = connect({join})
    await pass(2)

    expect(phases).toEqual(["offline", "joined"])
  })

  test.each([
    "taskrealm.error.invalid_token",
    "wamp.error.authentication_failed",
    "wamp.error.no_such_role",
  ])("ends for good with %s", async reason => {
    const join = vi.fn<Join>(async () => {
      throw new JoinRefused(reason, "Not you")
    })
    const {connection, phases} = connect({join})
    await pass(3600)

    expect(phases).toEqual(["denied"])
    expect(join).toHaveBeenCalledTimes(1)
    expect(connection.over).toMatchObject({code: "invalid_token", message: "Not you"})
  })

  test("gives up a join that hangs, and tries again", async () => {
    const join = vi.fn<Join>(node.join).mockImplementationOnce(
      (_, signal) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(new JoinRefused(null, "given up")))
        }),
    )
    const {phases} = connect({join})
    await pass(12)

    expect(phases).toEqual(["offline", "joined"])
  })

  test("happens at once when the network comes back", async () => {
    const page = new EventTarget()
    vi.stubGlobal("addEventListener", page.addEventListener.bind(page))
    vi.stubGlobal("removeEventListener", page.removeEventListener.bind(page))
    node.isUnreachable = true
    const {connection} = connect()
    await pass(600)
    node.isUnreachable = false
    page.dispatchEvent(new Event("online"))
    await pass(0.01)

    expect(connection.phase).toBe("joined")
  })
})

describe("a silent line", () => {
  test("is doubted after a while", async () => {
    const onDoubt = vi.fn()
    connect({onDoubt})
    await pass(20)
    const early = onDoubt.mock.calls.length
    await pass(30)

    expect(early).toBe(0)
    expect(onDoubt).toHaveBeenCalled()
  })

  test("is cut when a call gets no answer and nothing else comes in", async () => {
    const {connection, phases} = connect()
    await pass(1)
    node.delay = () => 3600
    const call = connection.call("taskrealm.tasks", [], {}, 5)
    const failure = expect(call).rejects.toMatchObject({code: "timeout"})
    await pass(5)
    await failure

    expect(phases).toEqual(["joined", "offline"])
  })
})

describe("a topic", () => {
  test("stays subscribed after a reconnect, and says each time that it may have missed something", async () => {
    const onReady = vi.fn()
    const onPublication = vi.fn()
    const {connection} = connect()
    await pass(1)
    connection.subscribe("taskrealm.catalog", {onPublication, onReady})
    await pass(1)
    node.cut()
    await pass(2)
    node.returnExecutor()
    await pass(1)

    expect(onReady).toHaveBeenCalledTimes(2)
    expect(onPublication).toHaveBeenCalledExactlyOnceWith({tasks: 0, intake: "open"})
  })

  test("is subscribed once for all its handlers, and no longer than it has any", async () => {
    const subscribe = vi.fn()
    const unsubscribe = vi.fn(async () => {})
    const {connection} = connect({
      join: async options => {
        const session = await node.join(options)
        session.subscribe = async topic => {
          subscribe(topic)
          return unsubscribe
        }
        return session
      },
    })
    await pass(1)
    const first = connection.subscribe("a.topic", {onPublication: () => {}})
    const second = connection.subscribe("a.topic", {onPublication: () => {}})
    await pass(1)
    first()
    await pass(1)
    const early = unsubscribe.mock.calls.length
    second()
    await pass(1)

    expect(subscribe).toHaveBeenCalledTimes(1)
    expect([early, unsubscribe.mock.calls.length]).toEqual([0, 1])
  })
})
