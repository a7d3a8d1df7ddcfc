import {describe, expect, test, vi} from "vitest"
import {InvalidArguments, type JobEvent, type Snapshot, type Status} from "../src/index"
import {connected, joined, node, nodeForEachTest, reach, types} from "./node"
import {seeded} from "./random"

nodeForEachTest()

// capability: S10
test("one call runs a task and gives its result, or says how it failed", async () => {
  node.addTask({name: "quick"}, job => job.start().succeed(42))
  node.addTask({name: "broken"}, job => job.start().fail("no such file"))
  const client = await joined()

  expect(await client.run("quick")).toBe(42)
  await expect(client.run("broken")).rejects.toThrow("no such file")
  await expect(client.run("nothing")).rejects.toMatchObject({code: "unknown_task"})
})

// capability: J1
test("a client connects, submits, subscribes, unsubscribes and closes, and says whether it is active", async () => {
  const client = await joined()
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

describe("a client", () => {
  test("asks for its token before every join", async () => {
    const token = vi.fn(async () => "ana")
    const client = await joined(token)
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
    await connected("ana", joining)

    expect(joining).toHaveBeenCalledTimes(3)
  })

  test("says live only when nothing is missing", async () => {
    const client = await joined()
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
    const client = await joined()
    const statuses: Status[] = []
    client.on("status", status => statuses.push(status))
    node.isExecutorAway = true
    await client.tasks().catch(() => {})
    node.returnExecutor()
    await reach(client, "live")

    expect(statuses).toEqual(["recovering", "live"])
  })

  test("hears what it has missed while it was away", async () => {
    const client = await joined()
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
    const client = await joined()
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
    const client = await joined()
    const {id} = await client.exec("hello")
    const {events} = node.job(id).start().progress(0.5).succeed()
    const answer = node.answer.bind(node)
    vi.spyOn(node, "answer").mockImplementation((session, uri, args, kwargs) => {
      if (uri !== "taskrealm.events" || !kwargs.job_id) return answer(session, uri, args, kwargs)
      const later = keep([...events]).filter(each => each.job_seq > Number(kwargs.since))
      return {events: later, more: false, ended: true}
    })
    const job = (await joined()).job(id)

    await expect(types(job)).rejects.toMatchObject({code: "incomplete"})
    await expect(job.result()).rejects.toMatchObject({code: "incomplete"})
  })

  test("does not let a failing listener keep others from hearing", async () => {
    const report = vi.fn()
    vi.stubGlobal("reportError", report)
    const client = await joined()
    const listener = vi.fn()
    client.on("event", () => {
      throw new Error("broken")
    })
    client.on("event", listener)
    await client.exec("hello")

    await vi.waitFor(() => expect(listener).toHaveBeenCalled())
    expect(report).toHaveBeenCalled()
  })

  test("uses positional arguments as they are given", async () => {
    const exec = vi.spyOn(node, "answer")
    const client = await joined()
    await client.check("hello", [0, "", false], {priority: 3})

    expect(exec.mock.lastCall?.slice(1)).toEqual([
      "taskrealm.check",
      ["hello", [0, "", false], {}],
      {priority: 3},
    ])
  })
})

test("who listens to positions hears of them, also after a lost connection", async () => {
  const client = await joined()
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
  const client = await joined()
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

test("ten cuts during a job, and the client has heard exactly the journal", async () => {
  for (let seed = 1; seed <= 10; seed += 1) {
    const random = seeded(seed)
    const user = `user${seed}`
    node.delay = () => 0
    const client = await joined(user)
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
    const client = await joined("guest")
    const job = await client.exec("hello")
    const life = types(job)
    node.job(job.id).start().message("one").message("two").succeed(42)

    expect(client.scope).toEqual({tasks: ["hello"]})
    expect(await job.result()).toBe(42)
    expect(await life).toEqual(["queued", "started", "message", "message", "succeeded"])
  })

  // capability: N24, D6
  test("misses nothing of a job while the connection is lost", async () => {
    const owner = await joined("owner")
    const {id} = await owner.exec("hello")
    node.scopes.set("guest", {jobs: [id], read_only: true})
    const client = await joined("guest")
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
    const client = await joined("guest")
    client.on("positions", () => {})
    node.returnExecutor()
    await client.tasks()

    expect(client.status).toBe("live")
  })
})

test("choices that are computed can be asked for", async () => {
  const client = await joined()
  node.choices.set("hello name", [{value: 1, title: "One"}])

  expect(await client.choices("hello", "name")).toEqual({
    choices: [{value: 1, title: "One"}],
    more: false,
  })
  await expect(client.choices("hello", "other")).rejects.toBeInstanceOf(InvalidArguments)
})
