import {afterEach, beforeEach, describe, expect, test, vi} from "vitest"
import {
  type Client,
  connect,
  Disconnected,
  type Job,
  type JobEvent,
  JobFailed,
  type Question,
  type Snapshot,
  type Status,
  TaskRealmError,
} from "../src/index"
import {FakeNode} from "../src/testing"
import {seeded} from "./random"

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
})

async function join(token = "ana"): Promise<Client> {
  const client = await connect({url: "ws://node/ws", token, join: node.join})
  clients.push(client)
  await reach(client, "live")
  return client
}

/** Resolves when the status of *client* is *wanted*. */
function reach(client: Client, wanted: Status): Promise<void> {
  return vi.waitFor(() => expect(client.status).toBe(wanted), {timeout: 5000, interval: 2})
}

async function types(job: Job): Promise<string[]> {
  const all: string[] = []
  for await (const event of job) all.push(event.type)
  return all
}

async function collect(job: Job, stream: "stdout" | "stderr" = "stdout"): Promise<string> {
  let text = ""
  for await (const chunk of job.output({stream})) text += chunk.text
  return text
}

// capability: S10
test("one call runs a task and gives its result, or says how it failed", async () => {
  node.addTask({name: "quick"}, job => job.start().succeed(42))
  node.addTask({name: "broken"}, job => job.start().fail("no such file"))
  const client = await join()

  expect(await client.run("quick")).toBe(42)
  await expect(client.run("broken")).rejects.toThrow("no such file")
  await expect(client.run("nothing")).rejects.toMatchObject({code: "unknown_task"})
})

describe("a job", () => {
  test("gives its events in order and ends after the terminal one", async () => {
    const client = await join()
    const job = await client.exec("hello")
    node.job(job.id).start().progress(0.5).succeed("hi")

    expect(await types(job)).toEqual(["queued", "started", "progress", "succeeded"])
    expect(job.state).toBe("succeeded")
  })

  // capability: U9
  test("passes on what its program tells, as it is", async () => {
    const client = await join()
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
    const client = await join()
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
    const client = await join()
    const job = await client.exec("quick")

    expect(await types(job)).toEqual(["queued", "started", "succeeded"])
    expect(await job.result()).toBe(42)
  })

  test("tells every listener everything, also those that come late", async () => {
    const client = await join()
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
    const client = await join()
    const job = await client.exec("hello")
    const listener = vi.fn()
    const stop = job.on("event", listener)
    stop()
    node.job(job.id).start().succeed()
    await job.result()

    expect(listener).not.toHaveBeenCalled()
  })

  test("rejects its result with how it ended", async () => {
    const client = await join()
    const job = await client.exec("hello")
    node.job(job.id).start().fail("no such file", 3)
    const error = await job.result().catch(error => error)

    expect(error).toBeInstanceOf(JobFailed)
    expect(error).toMatchObject({code: "failed", message: "no such file", jobId: job.id})
    expect(error).toMatchObject({event: {exit_code: 3}})
  })

  test("can be cancelled, politely and then at once", async () => {
    const client = await join()
    const job = await client.exec("hello")
    node.job(job.id).start()
    const polite = await job.cancel({reason: "typo"})
    const firm = await job.cancel({now: true})

    expect([polite, firm]).toEqual(["stopping", "stopping"])
    await expect(job.result()).rejects.toMatchObject({code: "cancelled"})
    expect(await job.cancel()).toBe("already_cancelled")
  })

  test("can be attached to from its first event on", async () => {
    const client = await join()
    const {id} = await client.exec("hello")
    node.job(id).start().progress(0.5)
    const attached = (await join()).job(id)
    const all = types(attached)
    node.job(id).succeed()

    expect(await all).toEqual(["queued", "started", "progress", "succeeded"])
  })

  test("that does not exist is an error, never a state", async () => {
    const client = await join()
    const job = client.job("f".repeat(32))

    await expect(job.result()).rejects.toMatchObject({code: "unknown_job"})
    expect(job.state).toBe(null)
  })

  test("of another user reaches who may see it, live", async () => {
    const ana = await join("ana")
    const ops = await join("ops")
    const {id} = await ana.exec("hello")
    const watched = ops.job(id)
    const all = types(watched)
    await vi.waitFor(() => expect(watched.state).toBe("queued"))
    node.job(id).start().succeed()

    expect(await all).toEqual(["queued", "started", "succeeded"])
  })

  test.each(["session", "none"] as const)("delivered to %s is complete too", async deliver => {
    const client = await join()
    const job = await client.exec("hello", {}, {deliver})
    const all = types(job)
    node.job(job.id).start()
    node.cut()
    node.job(job.id).progress(0.5).succeed()

    expect(await all).toEqual(["queued", "started", "progress", "succeeded"])
  })
})

describe("a key", () => {
  // capability: S8
  test("makes one job of a request whose answer was lost", async () => {
    const client = await join()
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
    const client = await join()
    const first = await client.exec("hello", {}, {key: "order 7"})
    node.job(first.id).start().succeed("once")
    const again = await client.exec("hello", {}, {key: "order 7"})

    expect(again.id).toBe(first.id)
    expect(await again.result()).toBe("once")
  })

  test("is what repeating needs: without one, a lost answer is an error", async () => {
    const client = await join()
    node.delay = () => 0.02
    const submitted = client.exec("hello")
    await vi.waitFor(() => expect(node.jobs.size).toBe(1), {interval: 1})
    node.cut()

    await expect(submitted).rejects.toMatchObject({code: "disconnected"})
  })
})

test("who listens to positions hears of them, also after a lost connection", async () => {
  const client = await join()
  const heard: unknown[] = []
  client.on("positions", places => heard.push(places))
  await vi.waitFor(() => {
    node.tellPositions("ana", {job: 3})
    expect(heard).toContainEqual({job: 3})
  })
  node.cut()

  await vi.waitFor(() => {
    node.tellPositions("ana", {job: 1})
    expect(heard).toContainEqual({job: 1})
  })
})

test("who begins to listen to positions while offline hears of them when connected again", async () => {
  const client = await join()
  const heard: unknown[] = []
  node.isUnreachable = true
  node.cut()
  await reach(client, "offline")
  client.on("positions", places => heard.push(places))
  node.isUnreachable = false

  await vi.waitFor(() => {
    node.tellPositions("ana", {job: 2})
    expect(heard).toContainEqual({job: 2})
  })
})

test("a result too big for an event is fetched", async () => {
  const client = await join()
  const job = await client.exec("hello")
  const numbers = Array.from({length: 50_000}, (_, number) => number)
  node.job(job.id).start().succeedBig(numbers)

  expect(await job.result()).toEqual(numbers)
  expect(job.record).toMatchObject({result: null, artifact: "result.json"})
})

describe("output", () => {
  test("joins history and live without a hole or a repeat", async () => {
    const client = await join()
    const job = await client.exec("hello")
    node.job(job.id).start().print("one ").print("two ")
    const text = collect(job)
    await vi.waitFor(() => expect(job.state).toBe("running"))
    node.job(job.id).print("thrée ").print("four").succeed()

    expect(await text).toBe("one two thrée four")
  })

  test("survives a cut in the middle", async () => {
    const client = await join()
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
    const client = await join()
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
    const client = await join()
    const job = await client.exec("hello")
    node.job(job.id).start().print("one two").succeed()
    let text = ""
    for await (const chunk of job.output({stream: "stdout", from: 4})) text += chunk.text

    expect(text).toBe("two")
  })

  test("is read and searched by offset", async () => {
    const client = await join()
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
    const client = await join()
    const job = await client.exec("hello")
    const heard: string[] = []
    job.output(({stream, text}) => heard.push(`${stream}: ${text}`))
    node.job(job.id).start().print("fine\n").print("oops\n", "stderr").succeed()
    await job.result()

    await vi.waitFor(() => expect(heard.sort()).toEqual(["stderr: oops\n", "stdout: fine\n"]))
  })

  test("ends when its reader no longer wants it", async () => {
    const client = await join()
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
    const client = await join()
    const job = await client.exec("hello")
    const lines = Array.from({length: 20_000}, (_, line) => `línea ${line}\n`).join("")
    node.job(job.id).start().print(lines).succeed()

    expect(await collect(job)).toBe(lines)
  })
})

describe("errors", () => {
  test("carry a stable code, a sentence and the refused fields", async () => {
    const parameters = {properties: {source: {type: "string"}}, required: ["source"]}
    node.addTask({name: "convert", parameters})
    const client = await join()
    const error = await client.exec("convert").catch(error => error)

    expect(error).toBeInstanceOf(TaskRealmError)
    expect(error.code).toBe("invalid_arguments")
    expect(error.fields).toEqual({source: "Field required"})
  })

  test("say that the executor is away", async () => {
    const client = await join()
    node.isExecutorAway = true

    await expect(client.tasks()).rejects.toMatchObject({code: "unavailable"})
  })

  test("reject calls that are in flight when the connection is cut", async () => {
    const client = await join()
    node.delay = () => 60
    const call = client.tasks()
    node.cut()

    await expect(call).rejects.toMatchObject({code: "disconnected"})
  })

  test("reject calls made while there is no connection", async () => {
    const client = await join()
    node.isUnreachable = true
    node.cut()
    await reach(client, "offline")

    await expect(client.tasks()).rejects.toMatchObject({code: "disconnected"})
    await expect(client.check("hello")).rejects.toBeInstanceOf(Disconnected)
  })

  test("reject calls that get no answer in time", async () => {
    const client = await join()
    node.delay = () => 60

    await expect(client.call("taskrealm.tasks", [], {}, {timeout: 0.02})).rejects.toMatchObject({
      code: "timeout",
    })
  })

  // capability: S7
  test("reject a submission that gets no answer in time", async () => {
    vi.useFakeTimers()
    try {
      const joining = connect({url: "ws://node/ws", token: "ana", join: node.join})
      await vi.advanceTimersByTimeAsync(1000)
      const client = await joining
      clients.push(client)
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
    const client = connect({url: "ws://node/ws", token: "wrong", join: joining})

    await expect(client).rejects.toMatchObject({code: "invalid_token"})
    expect(joining).toHaveBeenCalledTimes(1)
  })

  test("of a closed client are told to those who wait", async () => {
    const client = await join()
    const job = await client.exec("hello")
    const result = job.result()
    client.close()

    await expect(result).rejects.toMatchObject({code: "closed"})
    await expect(client.tasks()).rejects.toMatchObject({code: "closed"})
    expect(client.status).toBe("closed")
  })
})

describe("a client", () => {
  test("asks for its token before every join", async () => {
    const token = vi.fn(async () => "ana")
    const client = await connect({url: "ws://node/ws", token, join: node.join})
    clients.push(client)
    await reach(client, "live")
    node.cut()
    await reach(client, "offline")
    await reach(client, "live")

    expect(token).toHaveBeenCalledTimes(2)
  })

  test("goes on trying while the router, or the authenticator, is away", async () => {
    const joining = vi
      .fn(node.join)
      .mockRejectedValueOnce(new Error("unreachable"))
      .mockRejectedValueOnce(
        Object.assign(new Error("no such procedure"), {reason: "wamp.error.no_such_procedure"}),
      )
    const client = await connect({url: "ws://node/ws", token: "ana", join: joining})
    clients.push(client)

    expect(joining).toHaveBeenCalledTimes(3)
  })

  test("says live only when nothing is missing", async () => {
    const client = await join()
    const statuses: Status[] = []
    client.on("status", status => statuses.push(status))
    node.isExecutorAway = true
    node.cut()
    await vi.waitFor(() => expect(statuses).toEqual(["offline", "recovering"]))
    node.returnExecutor()
    await reach(client, "live")

    expect(statuses).toEqual(["offline", "recovering", "live"])
  })

  test("notices by any call that the executor is away, and when it is back", async () => {
    const client = await join()
    const statuses: Status[] = []
    client.on("status", status => statuses.push(status))
    node.isExecutorAway = true
    await client.tasks().catch(() => {})
    node.returnExecutor()
    await reach(client, "live")

    expect(statuses).toEqual(["recovering", "live"])
  })

  test("hears what it has missed while it was away", async () => {
    const client = await join()
    const heard: JobEvent[] = []
    client.on("event", event => heard.push(event))
    const job = await client.exec("hello")
    node.cut()
    node.job(job.id).start().progress(0.5)
    await reach(client, "offline")
    await reach(client, "live")
    node.job(job.id).succeed()
    await job.result()

    expect(heard.map(event => event.type)).toEqual(["queued", "started", "progress", "succeeded"])
  })

  test("says so when missed events are gone, and jobs are complete all the same", async () => {
    const client = await join()
    const job = await client.exec("hello")
    const snapshots: Snapshot[] = []
    client.on("snapshot", snapshot => snapshots.push(snapshot))
    node.cut()
    node.job(job.id).start().progress(0.5)
    node.forget("ana")
    await reach(client, "offline")
    await reach(client, "live")
    node.job(job.id).succeed()

    expect(await types(job)).toEqual(["queued", "started", "progress", "succeeded"])
    expect(snapshots).toMatchObject([{isFirst: false, next: null, jobs: [{job_id: job.id}]}])
  })

  test.each([
    ["all are gone", () => []],
    ["the last is gone", (events: JobEvent[]) => events.slice(0, -1)],
    [
      "one in the middle is gone",
      (events: JobEvent[]) => events.filter(each => each.job_seq !== 2),
    ],
  ])("says so when of the events of an ended job %s", async (_, keep) => {
    const client = await join()
    const {id} = await client.exec("hello")
    const {events} = node.job(id).start().progress(0.5).succeed()
    const answer = node.answer.bind(node)
    vi.spyOn(node, "answer").mockImplementation((session, uri, args, kwargs) => {
      if (uri !== "taskrealm.events" || !kwargs.job_id) return answer(session, uri, args, kwargs)
      const later = keep([...events]).filter(each => each.job_seq > Number(kwargs.since))
      return {events: later, more: false, ended: true}
    })
    const job = (await join()).job(id)

    await expect(types(job)).rejects.toMatchObject({code: "incomplete"})
    await expect(job.result()).rejects.toMatchObject({code: "incomplete"})
  })

  test("does not let a failing listener keep others from hearing", async () => {
    const report = vi.fn()
    vi.stubGlobal("reportError", report)
    const client = await join()
    const listener = vi.fn()
    client.on("event", () => {
      throw new Error("broken")
    })
    client.on("event", listener)
    await client.exec("hello")

    await vi.waitFor(() => expect(listener).toHaveBeenCalled())
    expect(report).toHaveBeenCalled()
    vi.unstubAllGlobals()
  })

  test("uses positional arguments as they are given", async () => {
    const exec = vi.spyOn(node, "answer")
    const client = await join()
    await client.check("hello", [0, "", false], {priority: 3})

    expect(exec.mock.lastCall?.slice(1)).toEqual([
      "taskrealm.check",
      ["hello", [0, "", false], {}],
      {priority: 3},
    ])
  })
})

test("ten cuts during a job, and the client has heard exactly the journal", async () => {
  for (let seed = 1; seed <= 10; seed += 1) {
    const random = seeded(seed)
    const user = `user${seed}`
    node.delay = () => 0
    const client = await join(user)
    const heard: JobEvent[] = []
    client.on("event", event => heard.push(event))
    const job = await client.exec("hello")
    const all = types(job)
    node.delay = () => random() * 0.003
    for (let cut = 0; cut < 10; cut += 1) {
      node.job(job.id).append("message", {level: "info", text: `${cut}`, data: null})
      if (random() < 0.5) await new Promise(resolve => setTimeout(resolve, random() * 4))
      node.job(job.id).progress(cut / 10)
      node.cut()
      if (random() < 0.7) await reach(client, "live")
    }
    node.job(job.id).succeed()
    await job.result()

    await vi.waitFor(() => expect(heard).toEqual(node.events(user)))
    expect(await all).toEqual(node.job(job.id).events.map(event => event.type))
  }
})

describe("a client whose token is limited to some jobs", () => {
  // capability: N24
  test("hears each of its jobs from the first event to the last", async () => {
    node.scopes.set("guest", {tasks: ["hello"]})
    const client = await join("guest")
    const job = await client.exec("hello")
    const life = types(job)
    node.job(job.id).start().message("one").message("two").succeed(42)

    expect(client.scope).toEqual({tasks: ["hello"]})
    expect(await job.result()).toBe(42)
    expect(await life).toEqual(["queued", "started", "message", "message", "succeeded"])
  })

  // capability: N24, D6
  test("misses nothing of a job while the connection is lost", async () => {
    const owner = await join("owner")
    const {id} = await owner.exec("hello")
    node.scopes.set("guest", {jobs: [id], read_only: true})
    const client = await join("guest")
    const life = types(client.job(id))
    node.job(id).start()
    await vi.waitFor(() => expect(client.job(id).record?.state).toBe("running"))
    node.cut()
    node.job(id).message("unheard").succeed(null)

    expect(await life).toEqual(["queued", "started", "message", "succeeded"])
    await reach(client, "live")
  })

  test("asks for no stream and is live at once", async () => {
    node.scopes.set("guest", {jobs: ["none"]})
    const client = await join("guest")
    client.on("positions", () => {})
    node.returnExecutor()
    await client.tasks()

    expect(client.status).toBe("live")
  })
})
