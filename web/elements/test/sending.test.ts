import {expect, test} from "vitest"
import {Sendings} from "../src/sending"

/** A client that sends what it is told to let through. */
class Post {
  readonly begun: {name: string; end: (id: string) => void; fail: (error: Error) => void}[] = []

  upload(
    source: Blob,
    {signal, onProgress}: {signal?: AbortSignal; onProgress?: (fraction: number) => void} = {},
  ): Promise<string> {
    onProgress?.(0.5)
    return new Promise((resolve, reject) => {
      signal?.addEventListener("abort", () => reject(signal.reason))
      this.begun.push({name: (source as File).name, end: resolve, fail: reject})
    })
  }
}

function file(name: string): File {
  return new File(["x"], name)
}

async function begun(post: Post, count: number): Promise<Post["begun"][number]> {
  while (post.begun.length < count) await Promise.resolve()
  return post.begun[count - 1] as Post["begun"][number]
}

test("files are sent one after the other, and stand in the arguments by their ids", async () => {
  const post = new Post()
  const sendings = new Sendings(
    () => post,
    () => {},
  )
  const [one, two] = [file("one"), file("two")]
  sendings.start(one)
  sendings.start(two)
  const settled = sendings.settled({a: one, b: [{c: two}], d: 1})
  const first = await begun(post, 1)

  expect(sendings.get(one)).toMatchObject({state: "sending", fraction: 0.5})
  expect(sendings.get(two)).toMatchObject({state: "waiting"})
  first.end("file_1")
  ;(await begun(post, 2)).end("file_2")
  expect(await settled).toEqual({a: "file_1", b: [{c: "file_2"}], d: 1})
  expect(sendings.sent(one)).toEqual({id: "file_1", name: "one", size: 1})
  expect(sendings.isBusy).toBe(false)
})

test("who stops a file stops the request, and may ask again", async () => {
  const post = new Post()
  const sendings = new Sendings(
    () => post,
    () => {},
  )
  const one = file("one")
  const settled = sendings.settled({a: one})
  await begun(post, 1)
  sendings.stop(one)

  expect(await settled).toBe(null)
  expect(sendings.get(one)).toMatchObject({state: "stopped", id: null})
  const again = sendings.settled({a: one})
  ;(await begun(post, 2)).end("file_1")
  expect(await again).toEqual({a: "file_1"})
})

test("a file that cannot be sent says why, and does not hold up the next", async () => {
  const post = new Post()
  const sendings = new Sendings(
    () => post,
    () => {},
  )
  const [one, two] = [file("one"), file("two")]
  sendings.start(one)
  sendings.start(two)
  const settled = sendings.settled({a: one})
  ;(await begun(post, 1)).fail(new Error("there is no room"))

  await expect(settled).rejects.toThrow("there is no room")
  expect(sendings.get(one)).toMatchObject({state: "failed", reason: "there is no room"})
  ;(await begun(post, 2)).end("file_2")
  expect(await sendings.settled({b: two})).toEqual({b: "file_2"})
})
