/** What a client tells those who listen to it. */

import type {TaskRealmError} from "./errors"
import type {Intake, JobEvent, JobRecord} from "./protocol"
import type {Transport} from "./wamp"

/**
 * - `connecting`: has never been connected yet
 * - `live`: every event up to now has been delivered
 * - `recovering`: connected; missed events are being fetched, or the executor is away
 * - `offline`: not connected, tries again by itself
 * - `denied`: the token was refused, for good; see `denial`
 * - `closed`: by {@link Client.close}
 */
export type Status = "connecting" | "live" | "recovering" | "offline" | "denied" | "closed"

/** The jobs that had not ended when the stream of events was taken up. */
export interface Snapshot {
  /** Newest first. */
  jobs: JobRecord[]
  /** Were there too many: the `before` that lists the others by {@link Client.jobs}; else null. */
  next: string | null
  /** False when a stream was followed before and events of it were missed for good. */
  isFirst: boolean
}

/** The set of tasks may have changed, or the node takes or starts jobs no more, or again. */
export interface CatalogNews {
  tasks: number
  intake: Intake
}

/** What can be listened to; {@link Client.on} tells what each says. */
export type News = {
  status: Status
  event: JobEvent
  snapshot: Snapshot
  catalog: CatalogNews
  positions: Readonly<Record<string, number>>
  open: Transport
  close: TaskRealmError | null
  transport: Transport
}
