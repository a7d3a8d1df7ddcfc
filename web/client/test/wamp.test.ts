import {afterEach, beforeEach, describe, expect, test, vi} from "vitest"
import {join, type Session} from "../src/wamp"

type Message = [type: number, ...rest: unknown[]]

const HELLO = 1
const WELCOME = 2
const ABORT = 3
const CHALLENGE = 4
const AUTHENTICATE = 5
const GOODBYE = 6
const ERROR = 8
const SUBSCRIBE = 32
const SUBSCRIBED = 33
const UNSUBSCRIBE = 34
const UNSUBSCRIBED = 35
const EVENT = 36
const CALL = 48
const RESULT = 50

/** The browser's WebSocket, with the router's side in the hands of the test. */
class FakeSocket {
  static newest: FakeSocket
  protocol = "wamp.2.json"
  sent: Message[] = []
  isClosed = false
  onopen = () => {}
  onmessage = (_: {data: string}) => {}
  onclose = (_: {code: number; wasClean: boolean}) => {}

  constructor(
    readonly url: string,
    readonly protocols: string[],
  ) {
    FakeSocket.newest = this
  }

  send(data: string): void {
    if (this.isClosed) throw new Error("sent to a closed socket")
    this.sent.push(JSON.parse(data))
  }

  close(): void {
    this.isClosed = true
  }

  say(...message: Message): void {
    this.onmessage({data: JSON.stringify(message)})
  }

  /** The next message of this type that the client sends. */
  async expect(type: number): Promise<Message> {
    return vi.waitFor(() => {
      const index = this.sent.findIndex(message => message[0] === type)
      expect(index, `message ${type}`).not.toBe(-1)
      return this.sent.splice(index, 1)[0] as Message
    })
  }
}

beforeEach(() => vi.stubGlobal("WebSocket", FakeSocket))
afterEach(() => vi.unstubAllGlobals())

const OPTIONS = {
  url: "ws://node/ws",
  api: "http://node/api",
  realm: "taskrealm",
  ticket: "secret",
  client: "c0ffee",
}

async function open(): Promise<{socket: FakeSocket; session: Promise<Session>}> {
  const before = FakeSocket.newest
  const session = join(OPTIONS, new AbortController().signal)
  session.catch(() => {})
  const socket = await vi.waitFor(() => {
    expect(FakeSocket.newest).not.toBe(before)
    return FakeSocket.newest
  })
  socket.onopen()
  return {socket, session}
}

async function joined(): Promise<{socket: FakeSocket; session: Session}> {
  const {socket, session} = await open()
  const details = {roles: {}, authid: "ana", authrole: "user"}
  socket.say(WELCOME, 1, details)
  return {socket, session: await session}
}

describe("joining", () => {
  test("offers JSON and the ticket method, and answers the challenge with the ticket", async () => {
    const {socket, session} = await open()
    const hello = await socket.expect(HELLO)
    socket.say(CHALLENGE, "ticket", {})
    const answer = await socket.expect(AUTHENTICATE)
    socket.say(WELCOME, 1, {roles: {}, authid: "ana", authrole: "user"})

    expect(socket.protocols).toEqual(["wamp.2.json"])
    expect(hello.slice(1)).toMatchObject([
      "taskrealm",
      {authmethods: ["ticket"], authextra: {client: "c0ffee"}},
    ])
    expect(answer[1]).toBe("secret")
    expect(await session).toMatchObject({authid: "ana", role: "user"})
  })

  test("fails with the reason that the router gives", async () => {
    const {socket, session} = await open()
    socket.say(ABORT, {message: "This token has expired"}, "taskrealm.error.invalid_token")

    await expect(session).rejects.toMatchObject({
      name: "JoinRefused",
      reason: "taskrealm.error.invalid_token",
      message: "This token has expired",
    })
  })

  test("fails without a reason when the server cannot be reached", async () => {
    const {socket, session} = await open()
    socket.onclose({code: 1006, wasClean: false})

    await expect(session).rejects.toMatchObject({name: "JoinRefused", reason: null})
  })

  test("can be given up", async () => {
    const stop = new AbortController()
    const session = join(OPTIONS, stop.signal)
    stop.abort()

    await expect(session).rejects.toMatchObject({name: "JoinRefused", reason: null})
  })
})

describe("a session", () => {
  test("refuses a call that the router would close the connection over", async () => {
    const {socket, session} = await joined()
    const tooMuch = session.call("taskrealm.exec", [], {text: "é".repeat(600_000)})

    await expect(tooMuch).rejects.toMatchObject({code: "too_large", data: {limit: 1_048_576}})
    void session.call("taskrealm.exec", [], {text: "x".repeat(1_000_000)}).catch(() => {})
    await socket.expect(CALL)
    expect(socket.isClosed).toBe(false)
  })

  test("calls and gives back the one positional result", async () => {
    const {socket, session} = await joined()
    const answer = session.call("taskrealm.job", ["1"], {})
    const [, request, , uri, args] = await socket.expect(CALL)
    socket.say(RESULT, request, {}, [{state: "running"}])

    expect([uri, args]).toEqual(["taskrealm.job", ["1"]])
    expect(await answer).toEqual({state: "running"})
  })

  test("gives back named results as plain data", async () => {
    const {socket, session} = await joined()
    const answer = session.call("other.procedure", [], {})
    const [, request] = await socket.expect(CALL)
    socket.say(RESULT, request, {}, [1], {unit: "s"})

    expect(await answer).toEqual({args: [1], kwargs: {unit: "s"}})
  })

  test.each([
    ["taskrealm.error.queue_full", "queue_full"],
    ["wamp.error.no_such_procedure", "unavailable"],
    ["wamp.error.canceled", "unavailable"],
    ["wamp.error.not_authorized", "not_authorized"],
    ["wamp.error.runtime_error", "internal"],
  ])("tells %s as %s", async (uri, code) => {
    const {socket, session} = await joined()
    const answer = session.call("taskrealm.exec", [], {})
    const [, request] = await socket.expect(CALL)
    socket.say(ERROR, CALL, request, {}, uri, ["A sentence"], {limit: 3})

    await expect(answer).rejects.toMatchObject({code})
  })

  test("tells an error of ours with its sentence and its data", async () => {
    const {socket, session} = await joined()
    const answer = session.call("taskrealm.exec", [], {})
    const [, request] = await socket.expect(CALL)
    socket.say(ERROR, CALL, request, {}, "taskrealm.error.queue_full", ["It is full"], {limit: 3})

    await expect(answer).rejects.toMatchObject({message: "It is full", data: {limit: 3}})
  })

  test("hands on what is published, until it is unsubscribed", async () => {
    const {socket, session} = await joined()
    const heard: unknown[] = []
    const subscribing = session.subscribe("taskrealm.catalog", news => heard.push(news))
    const [, request] = await socket.expect(SUBSCRIBE)
    socket.say(SUBSCRIBED, request, 77)
    const unsubscribe = await subscribing
    socket.say(EVENT, 77, 1, {}, [{tasks: 3}])
    const undoing = unsubscribe()
    const [, undo, subscription] = await socket.expect(UNSUBSCRIBE)
    socket.say(UNSUBSCRIBED, undo)
    await undoing

    expect(heard).toEqual([{tasks: 3}])
    expect(subscription).toBe(77)
  })

  test("rejects everything in flight when the connection is lost", async () => {
    const {socket, session} = await joined()
    const answer = session.call("taskrealm.tasks", [], {})
    await socket.expect(CALL)
    socket.onclose({code: 1006, wasClean: false})

    await expect(answer).rejects.toMatchObject({code: "disconnected"})
    await expect(session.call("taskrealm.tasks", [], {})).rejects.toMatchObject({
      code: "disconnected",
    })
    await session.closed
  })

  test("ends with a GOODBYE of the router, and answers it", async () => {
    const {socket, session} = await joined()
    socket.say(GOODBYE, {message: "kicked"}, "wamp.close.killed")
    await session.closed

    expect((await socket.expect(GOODBYE))[2]).toBe("wamp.error.goodbye_and_out")
    expect(socket.isClosed).toBe(true)
  })

  test("is closed at once, also when the network is dead", async () => {
    const {socket, session} = await joined()
    session.close()
    await session.closed

    expect(socket.isClosed).toBe(true)
  })
})
