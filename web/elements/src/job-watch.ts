/** Follows one job for an element, also when the element is given another one or comes back. */

import {type Client, isTerminal, type Job, type JobDetails, type JobEvent} from "@taskrealm/client"
import type {LitElement, ReactiveController} from "lit"
import {EventLog} from "./journal"

/** Seconds between questions for what a waiting job waits for. */
const QUEUE_LOOK = 3

/** Messages of a job that are kept, newest last. */
const MESSAGES_KEPT = 1000

const NOTHING = () => {}

/** An answer that a question of the job was given. */
export interface Answered {
  text: string
  answer: unknown
  by: string | null
}

/** All that a page knows of one job. */
export class JobWatch implements ReactiveController {
  job: Job | null = null
  error: Error | null = null
  log = new EventLog()
  messages: JobEvent<"message">[] = []
  answers: Answered[] = []
  /** How many files it has told of. */
  files = 0
  /** When its program has told its progress, in milliseconds since 1970. */
  toldAt: number | null = null
  /** How it is being stopped. */
  stopping: JobEvent<"stopping"> | null = null

  #details: JobDetails | undefined
  #questions = new Map<string, string>()
  #client: Client | null = null
  #id = ""
  #stops: (() => void)[] = []
  #leave = NOTHING
  #asked = 0

  /**
   * @param which the id of the job that is to be followed; empty for none
   * @param onEvent hears every event from the first on, also past ones
   */
  constructor(
    private readonly host: LitElement & {client: Client},
    private readonly which: () => string,
    private readonly onEvent: (event: JobEvent) => void = () => {},
  ) {
    host.addController(this)
  }

  hostConnected(): void {
    this.host.requestUpdate()
  }

  /** Only now the element has what it was given. */
  hostUpdate(): void {
    const id = this.which()
    if (id === this.#id && (id === "" || this.#client === this.host.client)) return
    this.#end()
    this.#id = id
    if (id !== "") this.#begin(this.host.client, id)
  }

  hostDisconnected(): void {
    this.#end()
    this.#id = ""
  }

  /** The job as it was asked for, and what its events have told since. */
  get record(): JobDetails | undefined {
    const details = this.#details
    const live = this.job?.record
    if (!details || !live || isTerminal(details.state)) return details
    const {
      arguments: _,
      submitted_at,
      submitted_by,
      priority,
      granted,
      tags,
      data,
      timeout,
      deliver,
      retries,
      key,
      delay,
      not_before,
      parent,
      after,
      schedule,
      ...news
    } = live
    return {...details, ...news}
  }

  /** Ask for what only the server knows; the newest answer counts. */
  async load(): Promise<void> {
    const {job} = this
    if (job === null) return
    this.#asked += 1
    const asked = this.#asked
    try {
      const details = await job.details()
      if (asked !== this.#asked) return
      this.#details = details
      this.error = null
      this.#listen(job)
    } catch (error) {
      if (asked !== this.#asked) return
      this.error = error as Error
    }
    this.host.requestUpdate()
  }

  #begin(client: Client, id: string): void {
    this.#client = client
    this.job = client.job(id)
    const looking = setInterval(() => {
      if (this.record?.state === "queued") void this.load()
    }, QUEUE_LOOK * 1000)
    this.#stops = [
      () => clearInterval(looking),
      client.on("status", status => {
        if (status === "live" && (this.error || !this.#details)) void this.load()
      }),
      client.on("positions", places => {
        const position = places[id]
        if (position === undefined || !this.#details) return
        this.#details = {...this.#details, position}
        this.host.requestUpdate()
      }),
    ]
    // Before the client has joined there is nobody to ask.
    if (client.authid !== "") void this.load()
  }

  #listen(job: Job): void {
    if (this.#leave !== NOTHING) return
    this.#leave = job.on("event", event => this.#take(event))
  }

  #take(event: JobEvent): void {
    this.log.add(event)
    switch (event.type) {
      case "message":
        this.messages.push(event)
        if (this.messages.length > MESSAGES_KEPT) this.messages.shift()
        break
      case "artifact":
        this.files += 1
        break
      case "updated":
        this.#note(event)
        break
      case "progress":
        this.toldAt = Date.parse(event.at)
        break
      case "stopping":
        this.stopping = event
        break
      case "question":
        this.#questions.set(event.question, event.text)
        break
      case "answered":
        this.answers.push({...event, text: this.#questions.get(event.question) ?? ""})
        break
      default:
        if (this.#isNews(event)) void this.load()
    }
    this.onEvent(event)
    this.host.requestUpdate()
  }

  /** Tags and data are as asked for at first, until an event tells more. */
  #note({tags, data}: JobEvent<"updated">): void {
    const details = this.#details
    if (details && !isTerminal(details.state)) this.#details = {...details, tags, data}
  }

  /** Whether *event* happened behind what was asked for, and tells less than the server. */
  #isNews({type, at, attempt}: JobEvent): boolean {
    const details = this.#details
    if (!details || isTerminal(details.state)) return false
    if (isTerminal(type)) return true
    if (type === "started") return at > (details.started_at ?? "")
    return type === "retrying" && attempt >= details.attempt && details.state !== "delayed"
  }

  #end(): void {
    this.#leave()
    for (const stop of this.#stops) stop()
    this.#leave = NOTHING
    this.#stops = []
    this.#asked += 1
    this.job = null
    this.error = null
    this.#details = undefined
    this.log = new EventLog()
    this.messages = []
    this.answers = []
    this.files = 0
    this.toldAt = null
    this.stopping = null
  }
}
