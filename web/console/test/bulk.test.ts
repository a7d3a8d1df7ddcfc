import {type Client, connect, type Task} from "@taskrealm/client"
import {FakeNode} from "@taskrealm/client/testing"
import {expect, test} from "vitest"
import {cancelAll, collect, runAgain} from "../src/jobs/bulk"
import {forget, save, savedBy} from "../src/jobs/saved"

/** A node that answers *calls*, and what it was asked. */
function node(answer: (uri: string, ...args: unknown[]) => unknown) {
  const asked: unknown[][] = []
  const call = async (uri: string, args: unknown[] = [], kwargs: object = {}) => {
    asked.push([uri, ...args, kwargs])
    return answer(uri, ...args, kwargs)
  }
  const jobs = (filter: object) => call("jobs", [], filter)
  return {client: {call, jobs} as unknown as Client, asked}
}

// capability: N22
test("many jobs are cancelled, and each failure is told", async () => {
  const node = new FakeNode()
  node.addTask({name: "nap"}, job => job.start())
  const client = await connect({url: "ws://node.example/ws", token: "ana", join: node.join})
  const jobs = await client.execMany(Array.from({length: 3}, () => ({task: "nap"})))
  node.job(jobs[1]?.id).fail("no")
  const ids = jobs.map(job => job.id)
  const outcome = await cancelAll(client, [...ids, "0".repeat(32)], "enough")
  client.close()
  const failures = [{job_id: "0".repeat(32), reason: expect.any(String)}]
  expect(outcome).toEqual({done: 2, idle: 1, failures})
  expect(node.job(ids[0]).events.at(-1)).toMatchObject({type: "stopping", reason: "enough"})
})

// capability: N22
test("jobs run again in the order in which they were submitted, but for secrets", async () => {
  const tasks = [
    {name: "plain", parameters: {properties: {source: {type: "string"}}}},
    {name: "door", parameters: {properties: {key: {format: "password", writeOnly: true}}}},
  ] as unknown as Task[]
  const {client, asked} = node((uri, id) =>
    uri === "taskrealm.job"
      ? {
          task: id === "b" ? "door" : "plain",
          arguments: {source: id},
          tags: ["x"],
          priority: 7,
          granted: 2,
        }
      : {},
  )
  expect(await runAgain(client, ["c", "b", "a"], tasks, "secret")).toEqual({
    done: 2,
    idle: 0,
    failures: [{job_id: "b", reason: "secret"}],
  })
  expect(asked.filter(([uri]) => uri === "taskrealm.exec")).toEqual([
    ["taskrealm.exec", "plain", [], {source: "a"}, {tags: ["x"], priority: 5}],
    ["taskrealm.exec", "plain", [], {source: "c"}, {tags: ["x"], priority: 5}],
  ])
})

// capability: N22
test("an export reads every page, and says where it ends", async () => {
  const pages = [["e", "d"], [], ["c"], ["b", "a"]]
  const {client, asked} = node(() => {
    const jobs = (pages.shift() ?? []).map(job_id => ({job_id}))
    return {jobs, next: pages.length > 0 ? `n${pages.length}` : null}
  })
  const counts: number[] = []
  const found = await collect(client, {tag: "x"}, count => counts.push(count))
  expect(found.jobs.map(job => job.job_id).join("")).toBe("edcba")
  expect(found.hasMore).toBe(false)
  expect(counts).toEqual([2, 2, 3, 5])
  expect(asked.map(([, filter]) => (filter as {before?: string}).before)).toEqual([
    undefined,
    "n3",
    "n2",
    "n1",
  ])
})

test("an export that is too long is cut, and says so", async () => {
  const {client} = node(() => ({jobs: [{job_id: "b"}, {job_id: "a"}], next: "more"}))
  const found = await collect(client, {}, () => {}, 3)
  expect([found.jobs.length, found.hasMore]).toEqual([3, true])
})

// capability: N22
test("searches are kept by name, for each user apart", () => {
  const kept = new Map<string, string>()
  const storage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  } as Storage
  save("ann", {name: "b", query: "state:failed"}, storage)
  save("ann", {name: "a", query: "tag:x"}, storage)
  save("ann", {name: "b", query: "state:lost"}, storage)
  expect(savedBy("ann", storage)).toEqual([
    {name: "a", query: "tag:x"},
    {name: "b", query: "state:lost"},
  ])
  expect(savedBy("bob", storage)).toEqual([])
  expect(forget("ann", "a", storage)).toEqual([{name: "b", query: "state:lost"}])
  kept.set("taskrealm.searches.bob", "{broken")
  kept.set("taskrealm.searches.cy", '[1, {"name": 5}]')
  expect([savedBy("bob", storage), savedBy("cy", storage)]).toEqual([[], []])
})
