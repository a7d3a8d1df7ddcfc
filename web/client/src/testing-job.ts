/** A job of a fake node: its events, what it prints, and the files that it leaves. */

import {fromCode} from "./errors"
import type {Artifact} from "./files"
import {
  advance,
  type CancelAnswer,
  type EventData,
  type EventType,
  isTerminal,
  type JobDetails,
  type JobEvent,
  type JobRecord,
  type MessageLevel,
  type OutputPage,
  type OutputSource,
  type OutputStream,
  outputTopic,
  recordOf,
  type SearchPage,
  uidOf,
} from "./protocol"
import type {FakeNode} from "./testing"
import {type FakeFile, fileOf, pieceOf} from "./testing-files"
import type {FakeSession} from "./testing-session"

/** A job that a test moves by hand, or a program of a {@link FakeNode}. */
export class FakeJob {
  readonly events: JobEvent[] = []
  readonly printed: Record<OutputSource, Uint8Array> = {
    stdout: new Uint8Array(),
    stderr: new Uint8Array(),
    result: new Uint8Array(),
  }
  readonly #left = new Map<string, FakeFile>()
  /** The bytes of each stream that are not kept, once they are printed. */
  gap = {from: Number.POSITIVE_INFINITY, to: Number.POSITIVE_INFINITY}
  readonly owner: string
  #startedAt = 0

  /** @internal */
  constructor(
    private readonly node: FakeNode,
    readonly submitter: FakeSession,
    readonly id: string,
    readonly task: string,
    readonly args: Record<string, unknown>,
    readonly options: Record<string, unknown>,
  ) {
    this.owner = submitter.authid
  }

  get record(): JobRecord {
    const [first, ...later] = this.events as [JobEvent, ...JobEvent[]]
    const {priority = 0, tags = [], timeout = 3600} = this.options as Partial<JobRecord>
    const known = {...recordOf(first), arguments: this.args, priority, tags, timeout}
    return later.reduce(advance, known)
  }

  get details(): JobDetails {
    const {stdout, stderr} = this.printed
    const position = this.record.state === "queued" ? 1 : null
    const output = {stdout: stdout.length, stderr: stderr.length}
    const waiting =
      position === null ? null : {code: "slots", text: "2 of 2 slots are in use", used: 2, limit: 2}
    return {...this.record, attempts: [], position, waiting, intake: this.node.intake, output}
  }

  get hasEnded(): boolean {
    return isTerminal(this.record.state)
  }

  append<T extends EventType>(type: T, data: EventData[T]): this {
    this.node.append(this, type, data)
    return this
  }

  start(): this {
    this.#startedAt = Date.now()
    return this.append("started", {})
  }

  progress(fraction: number | null, message: string | null = null, eta: number | null = null) {
    return this.append("progress", {fraction, message, eta})
  }

  message(text: string, level: MessageLevel = "info", data: unknown = null) {
    return this.append("message", {level, text, data})
  }

  ask(text: string, schema: object = {type: "boolean"}, preset: {default?: unknown} = {}): this {
    const question = String(this.events.length)
    const {...copy} = schema as Record<string, unknown>
    return this.append("question", {question, text, schema: copy, ...preset, expires_at: null})
  }

  /** @internal */
  answer(by: string, question: string, answer: unknown): null {
    if (!this.record.questions.some(each => each.question === question)) {
      throw fromCode("unknown_question", `The job asks no question '${question}' just now`)
    }
    this.append("answered", {question, answer, by, refused: null})
    return null
  }

  print(text: string, stream: OutputStream = "stdout"): this {
    const before = this.printed[stream]
    const bytes = new TextEncoder().encode(text)
    const after = new Uint8Array(before.length + bytes.length)
    after.set(before)
    after.set(bytes, before.length)
    this.printed[stream] = after
    const chunk = {stream, offset: before.length, next: after.length, text}
    this.node.publish(outputTopic(uidOf(this.owner), this.id), chunk)
    return this
  }

  get artifacts(): Artifact[] {
    return [...this.#left.values()].map(({artifact}) => artifact)
  }

  /** Leave a file. */
  async leave(name: string, content: string, mediaType = "text/plain"): Promise<this> {
    const file = await fileOf(name, content, mediaType)
    this.#left.set(name, file)
    return this.append("artifact", file.artifact)
  }

  /** @internal */
  piece(name: string, offset: number): object {
    const file = this.#left.get(name)
    if (!file) throw fromCode("unknown_artifact", `There is no artifact ${name}`)
    return pieceOf(file, offset)
  }

  /** Succeed with a *result* too big for an event. */
  succeedBig(result: unknown): this {
    this.printed.result = new TextEncoder().encode(JSON.stringify(result))
    const size = this.printed.result.length
    const file = {name: "result.json", title: null, media_type: "application/json", size}
    this.append("artifact", {...file, sha256: "0".repeat(64), expires_at: null})
    const ending = {result: null, artifact: "result.json", duration: this.#duration}
    return this.append("succeeded", ending)
  }

  succeed(result: unknown = null): this {
    return this.append("succeeded", {result, duration: this.#duration})
  }

  fail(error: string, exit_code = 1): this {
    const stderr_tail = new TextDecoder().decode(this.printed.stderr.slice(-2000))
    const duration = this.#duration
    return this.append("failed", {error, exit_code, signal: null, stderr_tail, duration})
  }

  /** @internal */
  cancel(by: string, {reason = null, now = false}: Record<string, unknown>): CancelAnswer {
    const {state} = this.record
    const ending = {by, reason: reason as string | null, duration: this.#duration}
    if (isTerminal(state)) return `already_${state}`
    if (state === "queued") {
      this.append("cancelled", ending)
      return "removed_from_queue"
    }
    if (now) this.append("cancelled", ending)
    else if (state !== "stopping") this.append("stopping", {...ending, grace: 10})
    return "stopping"
  }

  /** @internal */
  read(stream: OutputSource, offset: number, limit: number): OutputPage<OutputSource> {
    const bytes = this.printed[stream]
    const size = bytes.length
    const {from, to} = this.gap
    const start = offset >= from && offset < to ? to : offset
    // Pages end between characters: continuation bytes of UTF-8 are 10xxxxxx.
    let next = Math.min(size, start + Math.min(limit, 65_536), start < from ? from : size)
    while (next < size && ((bytes[next] ?? 0) & 0xc0) === 0x80) next -= 1
    const text = new TextDecoder().decode(bytes.slice(start, next))
    const end = this.hasEnded && next === size
    const skipped = start - offset
    const hole = from < size ? Math.min(to, size) - from : 0
    const gap = skipped > 0 ? hole : 0
    return {stream, offset: start, next, text, size, kept: size - hole, skipped, gap, end}
  }

  /** @internal One line is looked through at a time. */
  search({stream, text, offset, match_case}: FakeSearch): SearchPage {
    const bytes = this.printed[stream]
    const end = bytes.indexOf(10, offset) + 1 || bytes.length
    const line = new TextDecoder().decode(bytes.slice(offset, end)).trimEnd()
    const fold = (each: string) => (match_case ? each : each.toLowerCase())
    const at = fold(line).indexOf(fold(text))
    const behind = at + text.length
    const match = {
      offset: offset + new TextEncoder().encode(line.slice(0, at)).length,
      before: line.slice(0, at),
      text: line.slice(at, behind),
      after: line.slice(behind),
    }
    const matches = at < 0 ? [] : [match]
    return {stream, matches, next: end, more: end < bytes.length, size: bytes.length}
  }

  get #duration(): number {
    return (Date.now() - this.#startedAt) / 1000
  }
}

/** What is searched for. */
export interface FakeSearch {
  stream: OutputStream
  text: string
  offset: number
  match_case: boolean
}
