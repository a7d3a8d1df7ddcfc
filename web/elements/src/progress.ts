/** How far one job is on its way. */

import {type Client, isTerminal, type JobRecord} from "@taskrealm/client"
import {css, html, type TemplateResult} from "lit"
import {customElement, property} from "lit/decorators.js"
import {Clock} from "./controllers"
import {Ratchet, usualOf, wayOf} from "./course"
import {JobWatch} from "./job-watch"
import {bar, progressStyles} from "./parts/progress"
import {stateBadge, stateStyles} from "./parts/state"
import {RealmElement} from "./realm-element"
import {wayText} from "./way"
import {words} from "./words"

/** Jobs whose durations tell what is usual. */
const EXAMPLES = 20

/**
 * A bar with what is known of a job's way: the fraction, what its program says, the time left.
 *
 * Where the program tells no fraction, the bar is the time that has gone of what such jobs
 * usually take, and turns amber when it takes longer. It never goes back within an attempt.
 *
 * @example
 * <taskrealm-progress job="0198…"></taskrealm-progress>
 *
 * @attr job - the id of the job
 * @attr compact - one line and a thin bar, for lists
 * @prop record - a job that somebody else follows already; nothing is asked of the node then but
 *   what is usual
 * @fires taskrealm-ended - `{job_id, state}`, once the job has ended while it was followed
 * @csspart bar - the bar itself
 * @csspart text - the words below
 * @csspart state - the badge of a job that does not run
 */
@customElement("taskrealm-progress")
export class ProgressElement extends RealmElement {
  @property() job = ""
  @property({attribute: false}) record: JobRecord | null = null
  /** When the program of `record` has told its progress, in milliseconds since 1970. */
  @property({attribute: false}) toldAt: number | null = null
  /** Seconds that such jobs usually take, or null; looked up unless given. */
  @property({attribute: false}) usual: number | null | undefined
  @property({type: Boolean, reflect: true}) compact = false
  /** What the bar is called; "Progress" unless given. */
  @property() label = ""

  #ratchet = new Ratchet()
  #found: number | null = null
  /** Of which task it is known what is usual. */
  #known: string | null = null

  #watch = new JobWatch(
    this,
    () => (this.record ? "" : this.job),
    ({job_id, type, at}) => {
      if (!isTerminal(type) || at < this.#since) return
      this.tell("taskrealm-ended", {job_id, state: type})
    },
  )
  #since = new Date().toISOString()

  static override styles = [
    RealmElement.styles,
    stateStyles,
    progressStyles,
    css`
      p {
        font-variant-numeric: tabular-nums;
        margin: 0.375rem 0 0;
        overflow-wrap: anywhere;
      }

      .late {
        color: var(--stop);
      }

      :host([compact]) progress {
        height: 0.5rem;
      }

      :host([compact]) p {
        color: var(--quiet);
        font-size: 0.9rem;
        margin-top: 0.125rem;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
    `,
  ]

  constructor() {
    super()
    new Clock(this, () => this.#record !== undefined && isOnItsWay(this.#record))
  }

  get #record(): JobRecord | undefined {
    return this.record ?? this.#watch.record
  }

  protected override updated(): void {
    const record = this.#record
    if (this.usual !== undefined || !record || !isOnItsWay(record)) return
    if ((record.progress?.fraction ?? null) !== null || record.task === this.#known) return
    this.#known = record.task
    void this.#learn(record.task)
  }

  /** What jobs of *task* usually take; where nobody may tell, the bar does without. */
  async #learn(task: string): Promise<void> {
    this.#found = await usualDuration(this.client, task)
    this.requestUpdate()
  }

  protected override render(): TemplateResult | string {
    const record = this.#record
    if (!record) return ""
    if (!isOnItsWay(record)) return stateBadge(record.state)
    const told = this.toldAt ?? this.#watch.toldAt
    const usual = this.usual === undefined ? this.#found : this.usual
    const way = wayOf(record, Date.now(), usual, told)
    const isTold = way.by === "program"
    const held = isTold ? this.#ratchet.hold(record.attempt, way.fraction) : way.fraction
    const text = wayText({...way, fraction: held}, usual)
    const isLate = way.isOverdue && !isTold
    const tone = isLate ? "late" : way.by === "time" ? "time" : ""
    return html`
      ${bar(held, this.label || words.job.progress, text, tone)}
      <p part="text" class=${isLate ? "late" : ""}>${text}</p>
    `
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "taskrealm-progress": ProgressElement
  }
}

/** Seconds that jobs of *task* usually take; null where that is not known. */
export async function usualDuration(client: Client, task: string): Promise<number | null> {
  try {
    const {jobs} = await client.jobs({task, state: "succeeded", limit: EXAMPLES, children: true})
    return usualOf(jobs.map(job => job.duration))
  } catch {
    return null
  }
}

function isOnItsWay({state}: JobRecord): boolean {
  return state === "running" || state === "stopping"
}
