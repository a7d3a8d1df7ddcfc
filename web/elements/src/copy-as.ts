/** A request to run a task, as text for other places: shells, programs, links. */

/** What is to be run. */
export interface Request {
  task: string
  args: Readonly<Record<string, unknown>>
  /** Options of `exec`, such as `priority`. */
  options: Readonly<Record<string, unknown>>
  /** Parameters that are secrets and have to be given: their values are never copied. */
  secrets: readonly string[]
}

/** Where the node is, as seen from the page: `https://host/path/`. */
export type Base = string

/** `curl` that runs it over HTTP; the token is taken from `$TASKREALM_TOKEN`. */
export function asCurl({task, args, options, secrets}: Request, base: Base): string {
  const body = JSON.stringify({task, kwargs: {...args, ...placeholders(secrets)}, ...options})
  return [
    `curl ${shellWord(new URL("api/jobs", base).href)} \\`,
    `  -H "Authorization: Bearer $TASKREALM_TOKEN" \\`,
    `  --json ${shellWord(body)}`,
  ].join("\n")
}

/** The command line of a machine that has TaskRealm; secrets are read from files. */
export function asCommand({task, args, options, secrets}: Request, base: Base): string {
  const flags = Object.entries(options).flatMap(([name, value]) => {
    const flag = {tags: "--tag"}[name] ?? `--${name.replaceAll("_", "-")}`
    return (Array.isArray(value) ? value : [value]).map(each => `${flag}=${String(each)}`)
  })
  const asked = secrets.flatMap(name => [`--${name.replaceAll("_", "-")}`, `@${name}.txt`])
  const words = [
    ...["taskrealm", "run", "--url", socketOf(base), ...flags],
    ...["--arguments", JSON.stringify(args), task, ...asked],
  ]
  return words.map(shellWord).join(" ")
}

/** A Python program; the token is taken from the environment. */
export function asPython({task, args, options, secrets}: Request, base: Base): string {
  const {not_before, ...others} = options
  const named = Object.entries(others).map(([name, value]) => `${name}=${pythonValue(value, 8)}`)
  if (not_before !== undefined) {
    named.push(`not_before=datetime.fromisoformat(${pythonValue(not_before, 8)})`)
  }
  const all = {...args, ...placeholders(secrets)}
  const given = [pythonValue(task, 8), pythonValue(all, 8), ...named]
  return `import asyncio
import os
${not_before === undefined ? "" : "from datetime import datetime\n"}
from taskrealm.client import Client


async def main():
    async with Client(${pythonValue(socketOf(base), 4)}, token=os.environ["TASKREALM_TOKEN"]) as client:
        job = await client.exec(${given.join(", ")})
        print(await job.result())


asyncio.run(main())
`
}

/** JavaScript for a page; where its token comes from is the page's business. */
export function asJavaScript({task, args, options, secrets}: Request, base: Base): string {
  const all = {...args, ...placeholders(secrets)}
  const given = [task, all, ...(Object.keys(options).length > 0 ? [options] : [])]
  const words = given.map(each => JSON.stringify(each, null, 2)).join(", ")
  return `import {connect} from "@taskrealm/client"

const client = await connect({url: ${JSON.stringify(socketOf(base))}, token})
const job = await client.exec(${words})
console.log(await job.result())
`
}

/** What an address ends in that fills the form with *args*. */
export function asQuery(args: Readonly<Record<string, unknown>>): string {
  return `args=${encodeURIComponent(JSON.stringify(args))}`
}

/** *word* as a shell needs it, whatever is in it. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

function placeholders(secrets: readonly string[]): Record<string, string> {
  return Object.fromEntries(secrets.map(name => [name, `<${name}>`]))
}

function socketOf(base: Base): string {
  return new URL("ws", base).href.replace(/^http/, "ws")
}

/** *value*, which came from JSON, as Python writes it. */
export function pythonValue(value: unknown, indent: number): string {
  if (value === null || value === undefined) return "None"
  if (typeof value === "boolean") return value ? "True" : "False"
  if (typeof value !== "object") return JSON.stringify(value)
  const inner = indent + 4
  const items = Array.isArray(value)
    ? value.map(each => pythonValue(each, inner))
    : Object.entries(value).map(
        ([name, each]) => `${JSON.stringify(name)}: ${pythonValue(each, inner)}`,
      )
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"]
  const line = `${open}${items.join(", ")}${close}`
  if (line.length < 60 && !line.includes("\n")) return line
  const pad = " ".repeat(inner)
  return `${open}\n${items.map(each => `${pad}${each},\n`).join("")}${" ".repeat(indent)}${close}`
}
