import {Client} from "@taskrealm/client"
import {FakeNode} from "@taskrealm/client/testing"
import {expect, test, vi} from "vitest"
import {Tally} from "../src/tally"

function follow(node: FakeNode) {
  const client = new Client({token: "ana", join: node.join, url: "ws://localhost/ws"})
  return {client, tally: new Tally(client)}
}

test("it counts what runs and what waits, of each task and of all", async () => {
  const node = new FakeNode()
  node.addTask({name: "a"}, job => job.start())
  node.addTask({name: "b"})
  const {client, tally} = follow(node)
  await client.joined()
  await client.exec("a")
  await client.exec("b")

  await vi.waitFor(() => expect(tally.count()).toEqual({running: 1, waiting: 1}))
  expect(tally.count("a")).toEqual({running: 1, waiting: 0})
  expect(tally.count("b")).toEqual({running: 0, waiting: 1})
  tally.stop()
  client.close()
})

test("it knows how a task ended the last time, and tells when that changes", async () => {
  const node = new FakeNode()
  node.addTask({name: "a"})
  const {client, tally} = follow(node)
  await client.joined()
  const told = vi.fn()
  tally.on(told)
  const first = await client.exec("a")
  const second = await client.exec("a")
  node.job(first.id).start().fail("No such file", 3)
  await vi.waitFor(() => expect(tally.last("a")?.state).toBe("failed"))
  const before = told.mock.calls.length
  node.job(second.id).start().progress(0.5).succeed()

  await vi.waitFor(() => expect(tally.last("a")?.state).toBe("succeeded"))
  expect(told.mock.calls.length - before).toBe(2) // started, succeeded: progress is no news
  expect(tally.jobs.map(({job_id}) => job_id)).toEqual([second.id, first.id])
  expect(tally.last("b")).toBeUndefined()
  tally.stop()
  client.close()
})

test("who comes later is told of the past", async () => {
  const node = new FakeNode()
  node.addTask({name: "a"}, job => job.start().succeed())
  const early = follow(node)
  await early.client.joined()
  await (await early.client.exec("a")).result
  const {client, tally} = follow(node)

  await vi.waitFor(() => expect(tally.last("a")?.state).toBe("succeeded"))
  for (const each of [early, {client, tally}]) {
    each.tally.stop()
    each.client.close()
  }
})
