/** Follows what happens to jobs: to all of ours, or where we see only some, to those that are held. */

import type {Connection} from "./connection"
import {Disconnected, isTransient, type TaskRealmError} from "./errors"
import {JobFeed} from "./feed"
import type {Listeners} from "./listeners"
import type {CatalogNews, News} from "./news"
import {
  isNarrow,
  type JobEvent,
  jobsTopic,
  jobTopic,
  queueTopic,
  type StreamPage,
  uidOf,
  uris,
} from "./protocol"
import {type Position, Stream} from "./stream"
import type {Session} from "./wamp"

/** Seconds within which a line in doubt must answer. */
const PROBE_TIMEOUT = 5

/**
 * Keeps the user's stream of events whole, whatever the network does, and feeds the jobs that
 * are held from it.
 *
 * With a token for some tasks or jobs only there is no stream: each job that is held has a topic
 * of its own then.
 */
export class Follower {
  /** Grows with everything that is heard of jobs. */
  heard = 0

  #authid = ""
  #isNarrow = false
  #stream = new Stream()
  #isRecovering = false
  #wantsPositions = false
  #feeds = new Map<string, JobFeed>()
  /** The feeds of jobs whose events come to another topic than that of all of ours. */
  #elsewhere = new Set<JobFeed>()
  /** Ends what is subscribed to as the user that we are. */
  #unfollow: (() => void)[] = []

  /** @param onChange what `isBehind` says may have changed */
  constructor(
    private readonly connection: Connection,
    private readonly listeners: Listeners<News>,
    private readonly onChange: () => void,
  ) {
    connection.subscribe(uris.catalog, {
      onPublication: news => {
        this.interrupt()
        for (const feed of this.#elsewhere) feed.interrupt()
        listeners.emit("catalog", news as CatalogNews)
      },
    })
  }

  /** Whether events of the stream may be missing. */
  get isBehind(): boolean {
    return this.#stream.isBehind && !this.#isNarrow
  }

  /** There is a new *session*, perhaps of somebody else, or with other rights. */
  enter({authid, scope}: Session): void {
    const isOther = this.#authid !== "" && authid !== this.#authid
    const wasNarrow = this.#isNarrow
    this.#authid = authid
    this.#isNarrow = isNarrow(scope)
    if (isOther) this.#stream = new Stream()
    if (isOther || wasNarrow !== this.#isNarrow) {
      for (const leave of this.#unfollow.splice(0)) leave()
      // What has told them of their events so far may do so no more.
      for (const feed of this.#feeds.values()) feed.poll()
    }
    if (!this.#isNarrow && this.#unfollow.length === 0) {
      this.#followStream()
      if (this.#wantsPositions) this.#followQueue()
    }
    if (this.#isNarrow) this.interrupt()
    else this.#stream.doubt()
  }

  /** From now on somebody listens to the places in the queue. */
  wantPositions(): void {
    if (this.#wantsPositions) return
    this.#wantsPositions = true
    if (this.#unfollow.length > 0) this.#followQueue()
  }

  /** Events may have been missed: the line was cut or the executor was away. */
  interrupt(): void {
    if (this.#isNarrow) {
      for (const feed of this.#feeds.values()) feed.interrupt()
      this.connection.tryAgain()
      return
    }
    this.#stream.doubt()
    this.connection.tryAgain()
    this.onChange()
    void this.#recover()
  }

  /** A call has found no executor: what happens meanwhile is not heard. */
  missExecutor(): void {
    if (!this.#stream.isBehind) this.interrupt()
  }

  /** No more events will come. */
  fail(error: TaskRealmError): void {
    for (const feed of this.#feeds.values()) feed.fail(error)
  }

  /** Find out whether the line is alive, and whether it has kept something from us. */
  async probe(): Promise<void> {
    const {session} = this.connection
    const kwargs = {...behind(this.#stream.position), limit: 1}
    try {
      if (this.#isNarrow) {
        await this.connection.call(uris.jobs, [], {limit: 1}, PROBE_TIMEOUT)
        this.interrupt()
        return
      }
      const answer = await this.connection.call(uris.events, [], kwargs, PROBE_TIMEOUT)
      const {recovered, seq} = answer as StreamPage
      if (!recovered || seq > this.#stream.position.seq) this.interrupt()
    } catch (error) {
      // Over HTTP, that says nothing yet about the channel that is read.
      if (error instanceof Disconnected) session?.close()
      else if (!isTransient(error)) reportError(error)
    }
  }

  /**
   * The events of the job *id*.
   *
   * @param isBehind whether some may have been missed already
   * @param isOurs whether this very session receives events that nobody else does
   */
  feed(id: string, isBehind = true, isOurs = false): JobFeed {
    const known = this.#feeds.get(id)
    if (known) return known
    let leave = () => {}
    const hooks = {
      onFirst: ({owner, seq}: JobEvent) => {
        const uid = uidOf(owner)
        if (seq === null && !isOurs) feed.poll()
        else if (this.#isNarrow) leave = this.#follow(jobTopic(uid, id), feed)
        else if (owner !== this.#authid && seq !== null) leave = this.#follow(jobsTopic(uid), feed)
      },
      onEnd: () => {
        leave()
        this.#feeds.delete(id)
      },
    }
    const feed = new JobFeed(id, this.connection, hooks, isBehind || this.#isNarrow)
    this.#feeds.set(id, feed)
    return feed
  }

  #followStream(): void {
    const leave = this.connection.subscribe(jobsTopic(uidOf(this.#authid)), {
      onPublication: events => this.#receive(events as JobEvent[]),
      onReady: () => this.interrupt(),
    })
    this.#unfollow.push(leave)
  }

  /** Places are published to those who listen only. */
  #followQueue(): void {
    const leave = this.connection.subscribe(queueTopic(uidOf(this.#authid)), {
      onPublication: places => this.listeners.emit("positions", places as News["positions"]),
    })
    this.#unfollow.push(leave)
  }

  /** Hear the events of a job on another *topic* than that of all of ours. */
  #follow(topic: string, feed: JobFeed): () => void {
    this.#elsewhere.add(feed)
    const unsubscribe = this.connection.subscribe(topic, {
      onPublication: events => {
        for (const event of events as JobEvent[]) if (event.job_id === feed.id) feed.live(event)
      },
      onReady: () => feed.interrupt(),
      onRefused: () => feed.poll(),
    })
    return () => {
      this.#elsewhere.delete(feed)
      unsubscribe()
    }
  }

  async #recover(): Promise<void> {
    if (this.#isRecovering) return
    this.#isRecovering = true
    try {
      for (let question = this.#stream.question(); question; question = this.#stream.question()) {
        this.#answered((await this.connection.ask(uris.events, behind(question))) as StreamPage)
      }
    } catch (error) {
      this.#stream.failed()
      if (!this.connection.over) reportError(error)
    } finally {
      this.#isRecovering = false
      this.onChange()
    }
  }

  #receive(events: readonly JobEvent[]): void {
    this.heard += 1
    const streamed = events.filter(event => event.seq !== null)
    for (const event of events) {
      if (event.seq === null) this.#feeds.get(event.job_id)?.live(event)
    }
    this.#deliver(this.#stream.take(streamed))
  }

  #answered(answer: StreamPage): void {
    const {events, snapshot, isReset} = this.#stream.answered(answer)
    if (snapshot) {
      this.heard += 1
      for (const feed of this.#feeds.values()) feed.interrupt()
      const {next = null} = answer
      this.listeners.emit("snapshot", {jobs: snapshot, next, isFirst: !isReset})
    }
    this.#deliver(events)
  }

  #deliver(events: readonly JobEvent[]): void {
    for (const event of events) {
      this.heard += 1
      this.#feeds.get(event.job_id)?.live(event)
      this.listeners.emit("event", event)
    }
    if (this.#stream.isBehind) void this.#recover()
    this.onChange()
  }
}

/** What asks for the events behind a position. */
function behind({epoch, seq}: Position): {epoch: string | null; since: number} {
  return {epoch, since: seq}
}
