/** How the latest jobs of one task ended, and how long they ran. */

import type {Client, Outcome, TaskOutcomes} from "@taskrealm/client"
import {
  duration,
  loading,
  PageElement,
  problem,
  Resource,
  words as states,
} from "@taskrealm/elements/base"
import {html, type PropertyValues, type TemplateResult} from "lit"
import {customElement, property} from "lit/decorators.js"
import {usually} from "../shelf"
import "../styles/operations.css"
import {plots as words} from "../words/plots"
import "./columns"
import type {Column} from "./columns"
import {byDuration, byTime, ENDS, successRate} from "./outcomes"

/** Jobs that are looked at. */
const LATEST = 500

/** Columns over time. */
const COLUMNS = 30

const DAY = new Intl.DateTimeFormat(undefined, {month: "short", day: "numeric"})
const CLOCK = new Intl.DateTimeFormat(undefined, {timeStyle: "short"})
const MOMENT = new Intl.DateTimeFormat(undefined, {dateStyle: "medium", timeStyle: "short"})

/** `<tr-task-plots .client=… .task=…>`: of one's own jobs, for operators of everybody's. */
@customElement("tr-task-plots")
export class TaskPlots extends PageElement {
  @property({attribute: false}) client!: Client
  /** The name of the task. */
  @property({attribute: false}) task = ""
  /** What people call it; its name unless given. */
  @property({attribute: false}) heading = ""
  #outcomes = new Resource<TaskOutcomes | undefined>(this, async () => {
    const [told] = this.task === "" ? [] : await this.client.outcomes(this.task, LATEST)
    return told
  })

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.get("task") !== undefined) void this.#outcomes.load()
  }

  /** Ask again, such as after a job has ended. */
  load(): Promise<void> {
    return this.#outcomes.load()
  }

  protected override render(): TemplateResult {
    const {value, error} = this.#outcomes
    if (value === undefined) return error ? problem(error) : loading(words.jobs.toLowerCase())
    const {latest = []} = value
    if (latest.length === 0) return html`<p class="quiet">${words.noJobs}</p>`
    const title = this.heading || this.task
    return html`
      <div class="plots">${this.#ends(title, value, latest)}${this.#durations(title, value, latest)}</div>
    `
  }

  #ends(title: string, told: TaskOutcomes, latest: readonly Outcome[]): TemplateResult {
    const buckets = byTime(latest, COLUMNS)
    const width = (buckets[0]?.to ?? 0) - (buckets[0]?.from ?? 0)
    const format = width >= 86_400_000 ? DAY : CLOCK
    const columns: Column[] = buckets.map(({from, to, counts}) => ({
      name: words.between(MOMENT.format(from), MOMENT.format(to)),
      label: format.format(from),
      parts: ENDS.map(state => counts[state] ?? 0),
    }))
    return html`
      <tr-column-plot
        .heading=${words.endsOf(title)}
        .summary=${words.succeeded(successRate(told.states) ?? 0, told.jobs)}
        .axis=${words.time}
        .columns=${columns}
        .kinds=${ENDS.map(state => ({name: states.states[state], tone: state}))}
      ></tr-column-plot>
    `
  }

  #durations(
    title: string,
    told: TaskOutcomes,
    latest: readonly Outcome[],
  ): TemplateResult | string {
    const {durations} = told
    if (durations === null) return html`<p class="quiet">${words.noSuccess}</p>`
    const ran = latest.flatMap(({state, duration}) =>
      state === "succeeded" && duration !== null ? [duration] : [],
    )
    const columns: Column[] = byDuration(ran).map(({from, to, count}) => ({
      name: Number.isFinite(to) ? words.between(duration(from), duration(to)) : duration(from),
      label: brief(from, to),
      parts: [count],
    }))
    const range = usually(durations)
    const summary = [
      range === null ? "" : words.usually(range),
      words.median(durations.p50),
      words.ninety(durations.p90),
    ]
    return html`
      <tr-column-plot
        .heading=${words.durationsOf(title)}
        .summary=${summary.filter(Boolean).join("; ")}
        .axis=${words.duration}
        .columns=${columns}
        .kinds=${[{name: words.jobs, tone: "plain"}]}
      ></tr-column-plot>
    `
  }
}

/** `"20–30 s"`, the unit once where both have the same. */
function brief(from: number, to: number): string {
  if (!Number.isFinite(to)) return `> ${duration(from)}`
  const [low, high] = [duration(from), duration(to)]
  const [amount = "", unit] = low.split(" ")
  return high.endsWith(` ${unit}`) ? `${amount}–${high}` : `${low}–${high}`
}
