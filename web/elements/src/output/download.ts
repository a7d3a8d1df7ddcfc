/** The whole output as a file. */

import type {Range} from "./course"
import {MOST, type Read} from "./pages"

/** What is kept of *ranges*, as it was printed; *gap* says in words what is not. */
export async function collected(
  read: Read,
  ranges: readonly Range[],
  {gap, onProgress}: {gap: (bytes: number) => string; onProgress: (fraction: number) => void},
): Promise<Blob> {
  const parts: string[] = []
  const all = ranges.reduce((sum, {from, to}) => sum + to - from, 0)
  let done = 0
  for (const {stream, from, to} of ranges) {
    let offset = from
    while (offset < to) {
      onProgress(done / all)
      const {text, next, skipped} = await read(stream, offset, MOST)
      if (skipped > 0) parts.push(`\n${gap(skipped)}\n`)
      parts.push(text)
      if (next <= offset) break
      done += next - offset
      offset = next
    }
  }
  return new Blob(parts, {type: "text/plain"})
}

/** Let the visitor keep *content* as the file *name*. */
export function save(content: Blob, name: string): void {
  const link = document.createElement("a")
  link.href = URL.createObjectURL(content)
  link.download = name
  link.click()
  URL.revokeObjectURL(link.href)
}
