/** What people type to find jobs: `state:failed task:video.* tag:x after:2030-01-31 "no space"`. */

import type {JobState, JobsFilter} from "@taskrealm/client"

/** What is looked for, as it was typed; empty where nothing was. */
export interface Query {
  states: JobState[]
  /** Names, `*` for any text. */
  tasks: string[]
  tag: string
  /** A day, a moment, or how long ago. */
  after: string
  before: string
  /** An authid, or `*` for everybody; empty for me. */
  user: string
  /** Whether children of batches are among them. */
  children: boolean
  /** What the jobs mention. */
  text: string
}

/** A query, and what of it was not understood. */
export interface Parsed {
  query: Query
  problems: Problem[]
}

export interface Problem {
  kind: "unknown" | "value" | "twice"
  /** The filter, such as `state`. */
  key: string
  value: string
}

export const EVERYBODY = "*"

export const STATES: readonly JobState[] = [
  "queued",
  "delayed",
  "running",
  "stopping",
  "succeeded",
  "failed",
  "cancelled",
  "timed_out",
  "expired",
  "lost",
]

export const NOTHING: Query = {
  states: [],
  tasks: [],
  tag: "",
  after: "",
  before: "",
  user: "",
  children: false,
  text: "",
}

/** A word of a query; a quote may begin anywhere in it, and what it holds is taken as it is. */
interface Word {
  key: string | null
  value: string
}

/** What *typed* asks for. */
export function parse(typed: string): Parsed {
  const query: Query = {...NOTHING, states: [], tasks: []}
  const problems: Problem[] = []
  const texts: string[] = []
  for (const {key, value} of wordsOf(typed)) {
    if (key === null) texts.push(value)
    else take(query, key, value, problems)
  }
  query.text = texts.join(" ")
  return {query, problems}
}

/** *query* as people would type it; {@link parse} understands it again. */
export function format(query: Query): string {
  const words = [
    ...(query.states.length > 0 ? [`state:${query.states.join(",")}`] : []),
    ...(query.tasks.length > 0 ? [`task:${query.tasks.map(quoted).join(",")}`] : []),
    ...(query.tag === "" ? [] : [`tag:${quoted(query.tag)}`]),
    ...(query.after === "" ? [] : [`after:${quoted(query.after)}`]),
    ...(query.before === "" ? [] : [`before:${quoted(query.before)}`]),
    ...(query.user === "" ? [] : [`user:${quoted(query.user)}`]),
    ...(query.children ? ["children:yes"] : []),
    ...(query.text === "" ? [] : [textWord(query.text)]),
  ]
  return words.join(" ")
}

/** *query* as the node takes it; *me* is whose jobs are meant where it names nobody. */
export function filterOf(query: Query, me: string | null, now = new Date()): JobsFilter {
  const since = momentOf(query.after, now)
  const until = momentOf(query.before, now)
  return {
    owner: query.user === EVERYBODY ? null : query.user === "" ? me : query.user,
    ...(query.states.length > 0 && {state: query.states}),
    ...(query.tasks.length > 0 && {task: query.tasks}),
    ...(query.tag !== "" && {tag: query.tag}),
    ...(since && {since: since.toISOString()}),
    ...(until && {until: until.toISOString()}),
    ...(query.children && {children: true}),
    ...(query.text !== "" && {text: query.text}),
  }
}

const AGO = /^(\d+(?:\.\d+)?)(m|h|d|w)$/
const UNITS: Record<string, number> = {m: 60, h: 3600, d: 86_400, w: 604_800}
const LOCAL = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/

/** The moment that was typed, by the viewer's clock unless it has an offset; null for none. */
export function momentOf(typed: string, now = new Date()): Date | null {
  const ago = AGO.exec(typed)
  if (ago) return new Date(now.getTime() - Number(ago[1]) * (UNITS[ago[2] ?? ""] ?? 0) * 1000)
  if (!LOCAL.test(typed)) return null
  // Of a day alone JavaScript would take the beginning in UTC.
  const moment = new Date(typed.includes("T") ? typed : `${typed}T00:00`)
  return Number.isNaN(moment.getTime()) ? null : moment
}

/** What a field for a date and time is given: the moment that was typed, by the viewer's clock. */
export function localOf(typed: string, now = new Date()): string {
  const moment = momentOf(typed, now)
  if (moment === null) return ""
  const local = new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000)
  return local.toISOString().slice(0, 16)
}

function take(query: Query, key: string, value: string, problems: Problem[]): void {
  const complain = (kind: Problem["kind"], what = value) => problems.push({kind, key, value: what})
  const once = (name: "tag" | "after" | "before" | "user", isFine: boolean) => {
    if (value === "" || !isFine) complain("value")
    else if (query[name] !== "") complain("twice")
    else query[name] = value
  }
  switch (key) {
    case "state":
      for (const each of listed(value)) {
        const state = STATES.find(known => known === each.toLowerCase().replaceAll(" ", "_"))
        if (!state) complain("value", each)
        else if (!query.states.includes(state)) query.states.push(state)
      }
      break
    case "task":
      for (const each of listed(value)) if (!query.tasks.includes(each)) query.tasks.push(each)
      break
    case "tag":
    case "user":
      once(key, true)
      break
    case "after":
    case "before":
      once(key, momentOf(value) !== null)
      break
    case "children":
      if (value !== "yes" && value !== "no") complain("value")
      else query.children = value === "yes"
      break
    default:
      complain("unknown")
  }
}

const KEY = /^([a-z]+):/

function wordsOf(typed: string): Word[] {
  const words: Word[] = []
  const letters = [...typed]
  let at = 0
  const readWord = (): {text: string; raw: string} => {
    let text = ""
    let raw = ""
    let isQuoted = false
    for (; at < letters.length; at += 1) {
      const letter = letters[at] as string
      if (letter === '"') {
        isQuoted = !isQuoted
        raw += letter
      } else if (letter === "\\" && isQuoted && at + 1 < letters.length) {
        at += 1
        text += letters[at]
        raw += "x"
      } else if (/\s/.test(letter) && !isQuoted) break
      else {
        text += letter
        raw += isQuoted ? "x" : letter
      }
    }
    return {text, raw}
  }
  while (at < letters.length) {
    if (/\s/.test(letters[at] as string)) {
      at += 1
      continue
    }
    const {text, raw} = readWord()
    // A key is one only outside of quotes.
    const key = KEY.exec(raw)?.[1] ?? null
    const value = key === null ? text : text.slice(key.length + 1)
    if (key !== null || value !== "") words.push({key, value})
  }
  return words
}

function listed(value: string): string[] {
  return value
    .split(",")
    .map(each => each.trim())
    .filter(each => each !== "")
}

function quoted(value: string): string {
  return /[\s"\\]/.test(value) ? `"${value.replace(/["\\]/g, "\\$&")}"` : value
}

/** Text that needs no quotes stands without; one that looks like a filter needs them. */
function textWord(text: string): string {
  return /["\\:]|^\s|\s$|\s\s/.test(text) ? `"${text.replace(/["\\]/g, "\\$&")}"` : text
}
