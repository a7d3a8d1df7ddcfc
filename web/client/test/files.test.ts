import {beforeEach, expect, test, vi} from "vitest"
import {decode, encode} from "../src/files"
import {type Client, TaskRealmError} from "../src/index"
import {connected, node, nodeForEachTest} from "./node"

let client: Client

nodeForEachTest()

beforeEach(async () => {
  client = await connected()
})

function kept(file: string): string {
  return new TextDecoder().decode(node.files.uploads.get(file)?.bytes)
}

test.each([[new Uint8Array()], [new Uint8Array([0, 255, 128])], [new Uint8Array(100_000).fill(7)]])(
  "bytes survive the way through JSON",
  bytes => {
    expect(decode(JSON.parse(JSON.stringify(encode(bytes))))).toEqual(bytes)
  },
)

// capability: N10
test("a file is sent in pieces, and its progress is told", async () => {
  const seen: number[] = []
  const file = await client.upload(new File(["0123456789"], "a.txt"), {
    onProgress: fraction => seen.push(fraction),
  })

  expect(kept(file)).toBe("0123456789")
  expect(node.files.uploads.get(file)?.name).toBe("a.txt")
  expect(seen).toEqual([0, 0.4, 0.8, 1])
})

// capability: N10
test.each(["onPiece", "onTaken"] as const)(
  "a connection cut in mid-upload costs nothing: %s",
  async when => {
    let cuts = 0
    node.files[when] = offset => {
      if (offset === 4 && cuts === 0) {
        cuts += 1
        node.cut()
        throw new TaskRealmError("disconnected", "The connection was lost")
      }
    }
    const file = await client.upload(new Blob(["0123456789"]))

    expect(cuts).toBe(1)
    expect(kept(file)).toBe("0123456789")
  },
)

test("a file that cannot be taken is told at last", async () => {
  node.files.onPiece = () => {
    throw new TaskRealmError("unavailable", "There is no room")
  }

  await expect(client.upload(new Blob(["x"]))).rejects.toThrow("There is no room")
})

test("what is stopped is dropped", async () => {
  const stop = new AbortController()
  node.files.onTaken = () => stop.abort()

  await expect(client.upload(new Blob(["0123456789"]), {signal: stop.signal})).rejects.toThrow()
  await vi.waitFor(() => expect(node.files.uploads.size).toBe(0))
})

// capability: N11
test("what a job has left is listed, fetched and checked", async () => {
  const job = await client.exec("hello")
  await node.job(job.id).leave("out.txt", "some words")
  const [artifact] = await job.artifacts()
  const blob = await job.artifact("out.txt")

  expect(artifact).toMatchObject({name: "out.txt", size: 10, media_type: "text/plain"})
  expect(await blob.text()).toBe("some words")
  expect(blob.type).toBe("text/plain")
  await expect(job.artifact("nothing")).rejects.toMatchObject({code: "unknown_artifact"})
})

test("what has changed on the way is not handed on", async () => {
  const job = await client.exec("hello")
  await node.job(job.id).leave("out.txt", "some words")
  vi.spyOn(node.job(job.id), "piece").mockReturnValue({data: encode(new Uint8Array(10))})

  await expect(job.artifact("out.txt")).rejects.toMatchObject({code: "incomplete"})
})
