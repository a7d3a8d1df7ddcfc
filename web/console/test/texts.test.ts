import {readdirSync, readFileSync} from "node:fs"
import {join, relative} from "node:path"
import {fileURLToPath} from "node:url"
import {expect, test} from "vitest"

const WEB = fileURLToPath(new URL("../..", import.meta.url))

/** Attributes whose text people see or hear. */
const SAID = [
  "alt",
  "aria-description",
  "aria-label",
  "aria-roledescription",
  "aria-valuetext",
  "label",
  "placeholder",
  "title",
]

/** Stands in a template for an expression. */
const HOLE = "\ufffc"

/** The TypeScript below *folder*. */
function sources(folder: string): string[] {
  return readdirSync(join(WEB, folder), {recursive: true, encoding: "utf8"})
    .filter(name => name.endsWith(".ts") && !name.startsWith("words"))
    .map(name => join(WEB, folder, name))
}

/** The texts of the templates in *code*, each expression in them a hole. */
export function templates(code: string): string[] {
  const found: string[] = []
  read(code, 0, "", found)
  return found
}

/**
 * Reads code from *start* to the end, or to the brace that closes an expression; gives where that
 * is. Every template after `html` goes into *found*.
 */
function read(code: string, start: number, until: string, found: string[]): number {
  let depth = 0
  let at = start
  while (at < code.length) {
    const rest = code.slice(at, at + 2)
    const letter = code[at] ?? ""
    if (rest === "//") at = end(code, "\n", at)
    else if (rest === "/*") at = end(code, "*/", at)
    else if (letter === '"' || letter === "'") at = quoted(code, at)
    else if (letter === "/" && /[=(,:?&|!]\s*$/.test(code.slice(Math.max(0, at - 9), at))) {
      at = pattern(code, at)
    } else if (letter === "`") at = template(code, at, found)
    else {
      if (letter === "{") depth += 1
      if (letter === "}") {
        if (depth === 0 && until === "}") return at + 1
        depth -= 1
      }
      at += 1
    }
  }
  return at
}

function end(code: string, mark: string, from: number): number {
  const at = code.indexOf(mark, from)
  return at < 0 ? code.length : at + mark.length
}

function quoted(code: string, start: number): number {
  const mark = code[start]
  let at = start + 1
  while (at < code.length && code[at] !== mark) at += code[at] === "\\" ? 2 : 1
  return at + 1
}

/** A regular expression, whose slashes in classes do not end it. */
function pattern(code: string, start: number): number {
  let at = start + 1
  let isClass = false
  while (at < code.length && (isClass || code[at] !== "/")) {
    if (code[at] === "[") isClass = true
    if (code[at] === "]") isClass = false
    at += code[at] === "\\" ? 2 : 1
  }
  return at + 1
}

function template(code: string, start: number, found: string[]): number {
  const isHtml = code.slice(Math.max(0, start - 4), start) === "html"
  let text = ""
  let at = start + 1
  while (at < code.length && code[at] !== "`") {
    if (code[at] === "$" && code[at + 1] === "{") {
      at = read(code, at + 2, "}", found)
      text += HOLE
    } else {
      const step = code[at] === "\\" ? 2 : 1
      text += code.slice(at, at + step)
      at += step
    }
  }
  if (isHtml) found.push(text)
  return at + 1
}

/** What *template* says to people without asking the catalogue. */
export function literals(template: string): string[] {
  const attributes = SAID.flatMap(name =>
    [...template.matchAll(new RegExp(`[\\s]${name}="([^"]*)"`, "g"))].map(([, text = ""]) => text),
  )
  const texts = template
    .replace(/<!--[\s\S]*?-->/g, "")
    .replace(/<[a-zA-Z/](?:"[^"]*"|[^">])*>/g, "\n")
    .split("\n")
  return [...attributes, ...texts]
    .map(text => text.replaceAll(HOLE, "").trim())
    .filter(text => /\p{L}/u.test(text.replace(/&[a-z]+;/g, "")))
}

test("a text that stands in a template is found, and what only looks like one is not", () => {
  const code = [
    "// html`<p>a comment</p>`",
    'const path = /[/`]/.test("html`<p>quoted</p>`")',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is code
    'html`<p class="row">Said ${flag ? html`<b>inner</b>` : `not html`} aloud</p>`',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is code
    'html`<input placeholder="Name" name="name" aria-label=${words.name} />`',
    "css`p { color: red }`",
  ].join("\n")

  expect(templates(code).flatMap(literals)).toEqual(["inner", "Said  aloud", "Name"])
})

test.each(["console/src", "elements/src"])("in %s every text comes from the catalogue", folder => {
  const found = sources(folder).flatMap(file =>
    templates(readFileSync(file, "utf8"))
      .flatMap(literals)
      .map(text => `${relative(WEB, file)}: ${text}`),
  )

  expect(found).toEqual([])
})
