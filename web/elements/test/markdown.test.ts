import {describe, expect, test} from "vitest"
import {type Block, type Inline, readMarkdown} from "../src/markdown"

/** Blocks as a short text, such as `h1(a) p(b strong(c))`. */
function short(blocks: readonly Block[]): string {
  return blocks.map(shortBlock).join(" ")
}

function shortBlock(block: Block): string {
  switch (block.kind) {
    case "heading":
      return `h${block.level}(${words(block.content)})`
    case "paragraph":
      return `p(${words(block.content)})`
    case "code":
      return `pre(${block.text})`
    case "quote":
      return `quote(${short(block.blocks)})`
    case "rule":
      return "rule"
    case "list":
      return `${block.isOrdered ? "ol" : "ul"}(${block.items.map(short).join("; ")})`
    case "table":
      return `table(${[block.head, ...block.rows].map(row => row.map(words).join(",")).join("; ")})`
  }
}

function words(content: readonly Inline[]): string {
  return content
    .map(each => {
      if (each.kind === "text") return each.text
      if (each.kind === "code") return `code(${each.text})`
      if (each.kind === "link") return `link(${each.href} ${words(each.content)})`
      return `${each.kind}(${words(each.content)})`
    })
    .join("")
}

describe("markdown", () => {
  test.each([
    ["# One\n\n### Three ###", "h1(One) h3(Three)"],
    ["one\ntwo\n\nthree", "p(one\ntwo) p(three)"],
    ["one\n# two", "p(one) h1(two)"],
    ["a **b *c* d** e", "p(a strong(b em(c) d) e)"],
    ["snake_case_name and 2*3*4", "p(snake_case_name and 2*3*4)"],
    ["`a **b**`", "p(code(a **b**))"],
    ["``a ` b``", "p(code(a ` b))"],
    ["```sh\n# no heading\n```\nafter", "pre(# no heading) p(after)"],
    ["```\nnever closed", "pre(never closed)"],
    ["- a\n- b\n  - c\n- d", "ul(p(a); p(b) ul(p(c)); p(d))"],
    ["1. a\n2. b", "ol(p(a); p(b))"],
    ["- a\n1. b", "ul(p(a)) ol(p(b))"],
    ["> a\n> - b", "quote(p(a) ul(p(b)))"],
    ["a\n\n---\n\nb", "p(a) rule p(b)"],
    ["| a | b |\n|---|--:|\n| 1 | x \\| y |", "table(a,b; 1,x | y)"],
    ["a | b", "p(a | b)"],
    ["[a **b**](https://example.org/x)", "p(link(https://example.org/x a strong(b)))"],
    ["one\r\ntwo", "p(one\ntwo)"],
    ["", ""],
  ])("%j is %s", (text, expected) => {
    expect(short(readMarkdown(text))).toBe(expected)
  })

  test.each([
    ["[a](javascript:alert(1))"],
    ["[a](data:text/html,x)"],
    ["[a](//example.org)"],
    ["<script>alert(1)</script>"],
    ["<img src=x onerror=alert(1)>"],
  ])("%s stays text", text => {
    const [paragraph] = readMarkdown(text) as [Block & {kind: "paragraph"}]

    expect(paragraph.content.every(each => each.kind === "text")).toBe(true)
    expect(words(paragraph.content)).toBe(text)
  })

  test("is read in a moment, whatever it is", () => {
    const began = performance.now()
    for (const piece of ["*", "`", "[", "> ", "- ", "|", "_a", "**a", "[a](", "  - "]) {
      readMarkdown(piece.repeat(5000))
      readMarkdown(`${piece}\n`.repeat(5000))
    }

    expect(performance.now() - began).toBeLessThan(5000)
  })
})
