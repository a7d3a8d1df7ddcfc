import fc from "fast-check"
import {expect, test} from "vitest"
import {OutputCursor} from "../src/cursor"
import {AHEAD, Pages} from "../src/pages"
import type {OutputPage, OutputStream} from "../src/protocol"

/** Answers for one stream as a node does, and counts who asks at the same time. */
class Node {
  asked: number[] = []
  most = 0
  #waiting = 0
  #printed = new Uint8Array()
  #hasEnded = false

  print(data: Uint8Array): void {
    this.#printed = Uint8Array.from([...this.#printed, ...data])
  }

  end(): void {
    this.#hasEnded = true
  }

  answer = async (offset: number, limit: number): Promise<OutputPage> => {
    this.asked.push(offset)
    this.#waiting += 1
    this.most = Math.max(this.most, this.#waiting)
    await Promise.resolve()
    this.#waiting -= 1
    const size = this.#printed.length
    let next = Math.min(size, offset + limit)
    if (next === offset + limit || !this.#hasEnded) {
      next = offset + whole(this.#printed.subarray(offset, next))
    }
    const text = replaced(this.#printed.subarray(offset, next))
    const sizes = {size, kept: size, skipped: 0, gap: 0}
    return {stream: "stdout", offset, next, text, ...sizes, end: this.#hasEnded && next >= size}
  }
}

/** The length of *data* without a character at the end that is incomplete. */
function whole(data: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, data.length); back += 1) {
    const byte = data[data.length - back] ?? 0
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
      return length > back ? data.length - back : data.length
    }
  }
  return data.length
}

function replaced(data: Uint8Array): string {
  return new TextDecoder("utf-8", {ignoreBOM: true}).decode(data)
}

async function read(node: Node, size: number, onPage = () => {}): Promise<string> {
  const cursor = new OutputCursor<OutputStream>("stdout", 0)
  const pages = new Pages(cursor, node.answer, size)
  let position = 0
  let text = ""
  while (!cursor.hasEnded) {
    for (const chunk of await pages.read()) {
      expect(chunk.offset).toBe(position)
      position = chunk.next
      text += chunk.text
    }
    onPage()
  }
  return text
}

test("whatever is cut where, the text is whole", async () => {
  const piece = fc.array(fc.constantFrom("a", "é", "€", "𝄞", "\ufffd"), {maxLength: 80})
  await fc.assert(
    fc.asyncProperty(
      fc.array(piece, {maxLength: 4}),
      fc.integer({min: 7, max: 40}),
      async (pieces, size) => {
        const node = new Node()
        const left = pieces.map(each => each.join(""))
        const onPage = () => {
          const text = left.shift()
          if (text === undefined) node.end()
          else node.print(new TextEncoder().encode(text))
        }
        onPage()

        expect(await read(node, size, onPage)).toBe(pieces.flat().join(""))
      },
    ),
    {numRuns: 2_000},
  )
})

test.each(["a", "é", "€", "𝄞"])(
  "who is far behind waits once, and reads nothing twice: %s",
  async character => {
    const node = new Node()
    node.print(new TextEncoder().encode(character.repeat(1_200)))
    node.end()

    expect(await read(node, 50)).toBe(character.repeat(1_200))
    expect(node.most).toBe(AHEAD)
    expect(new Set(node.asked).size).toBe(node.asked.length)
  },
)

test("nothing is asked for that may not be there yet", async () => {
  const node = new Node()
  node.print(new TextEncoder().encode("x".repeat(60)))

  await new Pages(new OutputCursor<OutputStream>("stdout", 0), node.answer, 50).read()

  expect(node.asked).toEqual([0])
})
