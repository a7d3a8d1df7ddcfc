/** The events of a job as the rows of a list; knows no page. */

import type {EventType, JobEvent} from "@taskrealm/client"
import {EVENTS_KEPT} from "./course"

/** One event, its head apart from what else it says. */
export interface EventRow {
  /** Counts within the job. */
  number: number
  /** Counts within all jobs of the user; null for a job outside that stream. */
  seq: number | null
  type: EventType
  at: string
  attempt: number
  /** What the event says besides, as JSON. */
  data: string
}

export function rowOf(event: JobEvent): EventRow {
  const {owner, epoch, seq, job_id, job_seq, parent, task, type, at, attempt, ...data} = event
  const told = Object.keys(data).length === 0 ? "" : JSON.stringify(data)
  return {number: job_seq, seq, type, at, attempt, data: told}
}

/** Those of *events* that are of the *type*, if one is given, and say *text* somewhere. */
export function found(
  events: readonly JobEvent[],
  type: EventType | null,
  text: string,
): readonly JobEvent[] {
  const wanted = text.trim().toLowerCase()
  if (type === null && wanted === "") return events
  return events.filter(event => {
    if (type !== null && event.type !== type) return false
    const {number, at, data} = rowOf(event)
    return `${number} ${event.type} ${at} ${data}`.toLowerCase().includes(wanted)
  })
}

/** Keeps the newest events of a job, and counts the others. */
export class EventLog {
  events: JobEvent[] = []
  /** How many are not kept any more. */
  dropped = 0

  add(event: JobEvent): void {
    this.events.push(event)
    if (this.events.length < EVENTS_KEPT * 1.25) return
    this.dropped += this.events.length - EVENTS_KEPT
    this.events = this.events.slice(-EVENTS_KEPT)
  }

  /** The types that there are, as they came first. */
  get types(): EventType[] {
    return [...new Set(this.events.map(({type}) => type))]
  }
}
