/** A fake node for each test, and clients that join it. */

import {afterEach, beforeEach, expect, vi} from "vitest"
import {type Client, connect, type Job, type Status, type Token} from "../src/index"
import {FakeNode} from "../src/testing"

/** The node of the test that runs. */
export let node: FakeNode

const clients: Client[] = []

/** Gives each test of a file a node with the task `hello`, and closes its clients. */
export function nodeForEachTest(): void {
  beforeEach(() => {
    // Reconnect without delay.
    vi.spyOn(Math, "random").mockReturnValue(0)
    node = new FakeNode()
    node.addTask({name: "hello"})
  })

  afterEach(() => {
    for (const client of clients.splice(0)) client.close()
    vi.restoreAllMocks()
    vi.unstubAllGlobals()
  })
}

/** A client that may still have to catch up. */
export async function connected(token: Token = "ana", join = node.join): Promise<Client> {
  const client = await connect({url: "ws://node/ws", token, join})
  clients.push(client)
  return client
}

/** A client that misses nothing. */
export async function joined(token: Token = "ana"): Promise<Client> {
  const client = await connected(token)
  await reach(client, "live")
  return client
}

/** A client that has lost its connection, and its node, which cannot be reached. */
export async function adrift(): Promise<Client> {
  const client = await joined()
  node.isUnreachable = true
  node.cut()
  await reach(client, "offline")
  return client
}

/** Resolves when the status of *client* is *wanted*. */
export function reach(client: Client, wanted: Status): Promise<void> {
  return vi.waitFor(() => expect(client.status).toBe(wanted), {timeout: 5000, interval: 2})
}

/** The types of all events of *job*, once it has ended. */
export async function types(job: Job): Promise<string[]> {
  const all: string[] = []
  for await (const event of job) all.push(event.type)
  return all
}
