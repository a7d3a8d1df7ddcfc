/** How the node is: for operators. */

import type {Client, TaskOutcomes, TerminalState} from "@taskrealm/client"
import {
  bytes,
  duration,
  words as elementWords,
  loading,
  moment,
  PageElement,
  problem,
  Resource,
  stateBadge,
} from "@taskrealm/elements/base"
import {html, nothing, svg, type TemplateResult} from "lit"
import {customElement, property, state} from "lit/decorators.js"
import type {Account} from "../account"
import {type Catalog, titleOf} from "../catalog"
import {copy} from "../clipboard"
import {type Diagnostics, type Reload, type Statistics, troublesOf} from "../condition"
import "../plots/lines"
import {type Course, courseOf, type LoadAnswer} from "../plots/load"
import {ENDS} from "../plots/outcomes"
import "../plots/task-plots"
import {usually} from "../shelf"
import "../styles/operations.css"
import {health as words} from "../words/health"

/** Seconds between two looks. */
const LOOK = 5

/** Seconds that the plots may span. */
const SPANS = [3600, 86_400, 604_800] as const

type Span = (typeof SPANS)[number]

interface State {
  diagnostics: Diagnostics
  statistics: Statistics
  course: Course
  outcomes: TaskOutcomes[]
}

const FINE = svg`<circle cx="8" cy="8" r="6" /><path d="m5.3 8.2 1.9 1.9 3.5-4" />`
const WARN = svg`<path d="M8 2 14.5 13.5h-13z" /><path d="M8 6.5v3M8 11.5h.01" />`

@customElement("tr-health")
export class HealthScreen extends PageElement {
  @property({attribute: false}) account!: Account
  @property({attribute: false}) client!: Client
  @property({attribute: false}) catalog!: Catalog
  /** `span` and `task` of the plots, as they stand in the address. */
  @property({attribute: false}) query = new URLSearchParams()
  @state() private note: string | TemplateResult = ""
  @state() private isReloading = false
  #span: Span = SPANS[0]
  #stop = () => {}

  #state = new Resource<State>(this, async () => {
    const {client} = this
    const span = this.#span
    const [diagnostics, statistics, load, outcomes] = await Promise.all([
      client.call("taskrealm.admin.diagnostics"),
      client.call("taskrealm.admin.statistics"),
      client.call("taskrealm.admin.load", [span]),
      client.outcomes(),
    ])
    return {
      diagnostics: diagnostics as Diagnostics,
      statistics: statistics as Statistics,
      course: courseOf(load as LoadAnswer, span),
      outcomes,
    }
  })

  override connectedCallback(): void {
    super.connectedCallback()
    const looking = setInterval(() => {
      if (!document.hidden && this.client.status === "live") void this.#state.load()
    }, LOOK * 1000)
    this.#stop = () => clearInterval(looking)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#stop()
  }

  protected override render(): TemplateResult {
    const {value, error} = this.#state
    return html`
      <div class="row headline">
        <h1>${words.title}</h1>
        ${
          value
            ? html`
                <span class="quiet">${words.asOf(moment(value.diagnostics.at))}</span>
                <button @click=${() => this.#copy(value)}>${words.copy}</button>
                <button ?disabled=${this.isReloading} @click=${this.#reload}>
                  ${this.isReloading ? words.reloading : words.reload}
                </button>
              `
            : nothing
        }
      </div>
      <div role="status">${this.note}</div>
      ${value === undefined ? (error ? problem(error) : loading(words.title.toLowerCase())) : this.#content(value)}
    `
  }

  #content({diagnostics, statistics, course, outcomes}: State): TemplateResult {
    return html`
      ${verdict(diagnostics, statistics)} ${figures(diagnostics, statistics)}
      <section class="panel" aria-label=${words.course}>
        <header>
          <h2>${words.course}</h2>
          ${this.#spans()}
        </header>
        ${loadPlots(course)}
        <p class="quiet plot-summary">${words.sinceStart}</p>
      </section>
      ${this.#tasks(outcomes)} ${parts(diagnostics)}
    `
  }

  #spans(): TemplateResult {
    return html`
      <div class="spans" role="radiogroup" aria-label=${words.span}>
        ${SPANS.map(
          span => html`
            <label>
              <input
                type="radio"
                name="span"
                .checked=${span === this.#span}
                @change=${() => {
                  this.#span = span
                  void this.#state.load()
                }}
              />${words.spans[span]}
            </label>
          `,
        )}
      </div>
    `
  }

  #tasks(outcomes: readonly TaskOutcomes[]): TemplateResult {
    const known = outcomes.filter(({jobs}) => jobs > 0)
    const wanted = this.query.get("task")
    const chosen = known.find(({task}) => task === wanted)?.task ?? known[0]?.task
    return html`
      <section class="panel" aria-label=${words.tasks}>
        <header>
          <h2>${words.tasks}</h2>
          <span class="quiet">${words.tasksWhy}</span>
        </header>
        ${known.length === 0 ? html`<p class="quiet">${words.none}</p>` : this.#table(known)}
        ${
          chosen === undefined
            ? nothing
            : html`<tr-task-plots
                .client=${this.client}
                .task=${chosen}
                .heading=${titleOf(this.catalog, chosen)}
              ></tr-task-plots>`
        }
      </section>
    `
  }

  #table(outcomes: readonly TaskOutcomes[]): TemplateResult {
    return html`
      <div class="wide stacked">
        <table data-testid="health-tasks">
          <thead>
            <tr>
              <th scope="col">${words.task}</th>
              <th scope="col">${words.count}</th>
              <th scope="col">${words.ended}</th>
              <th scope="col">${words.usual}</th>
              <th scope="col">${words.last}</th>
            </tr>
          </thead>
          <tbody>
            ${outcomes.map(({task, jobs, states, durations, last}) => {
              const title = titleOf(this.catalog, task)
              return html`
                <tr data-task=${task}>
                  <th scope="row">
                    <a href=${`#/health?task=${encodeURIComponent(task)}`} aria-label=${words.look(title)}
                      >${title}</a
                    >
                  </th>
                  <td class="number" data-label=${words.count}>${jobs}</td>
                  <td data-label=${words.ended}>${split(states)}</td>
                  <td data-label=${words.usual}>
                    ${usually(durations) ?? (durations ? duration(durations.p50) : "–")}
                  </td>
                  <td data-label=${words.last}>${last ? stateBadge(last.state) : "–"}</td>
                </tr>
              `
            })}
          </tbody>
        </table>
      </div>
    `
  }

  async #copy({diagnostics, statistics}: State): Promise<void> {
    const browser = {agent: navigator.userAgent, language: navigator.language}
    const text = JSON.stringify({...diagnostics, statistics, browser}, null, 2)
    this.note = (await copy(text))
      ? html`<p class="notice">${words.copied}</p>`
      : html`<p>${words.copyByHand}</p><pre class="block" tabindex="0">${text}</pre>`
  }

  async #reload(): Promise<void> {
    this.isReloading = true
    try {
      const {added, changed, removed, mistakes} = (await this.client.call(
        "taskrealm.admin.reload",
      )) as Reload
      this.note =
        mistakes.length > 0
          ? html`<div class="notice bad">
              <p>${words.troubles.mistakes}</p>
              ${listOf(mistakes)}
            </div>`
          : html`<p class="notice">${words.changes(added.length, changed.length, removed.length)}</p>`
      await this.#state.load()
    } catch (error) {
      this.note = problem(error as Error)
    } finally {
      this.isReloading = false
    }
  }
}

function verdict(diagnostics: Diagnostics, statistics: Statistics): TemplateResult {
  const troubles = troublesOf(diagnostics, statistics)
  const level = troubles[0]?.level ?? "fine"
  return html`
    <div class="verdict" data-level=${level} data-testid="verdict" role="status">
      <svg viewBox="0 0 16 16" aria-hidden="true">${level === "fine" ? FINE : WARN}</svg>
      ${
        troubles.length === 0
          ? words.well
          : html`<ul>
              ${troubles.map(({text}) => html`<li>${text}</li>`)}
            </ul>`
      }
    </div>
  `
}

function figures(told: Diagnostics, busy: Statistics): TemplateResult {
  const {journal, disk} = told
  const used = disk.total - disk.free
  const started = busy.rates["5"]?.started ?? 0
  return html`
    <ul class="figures">
      <li>
        <h2>${words.slots}</h2>
        <p class="figure">${busy.slots_used} <small>/ ${busy.slots} ${words.inUse}</small></p>
        <p>${busy.running} ${words.runningNow(busy.running)}, ${words.intake[busy.intake]}</p>
        ${meter(words.slots, busy.slots_used, busy.slots, 2)}
      </li>
      <li>
        <h2>${words.queue}</h2>
        <p class="figure">${busy.queued} <small>${words.waiting}</small></p>
        <p>
          ${busy.oldest === null ? words.nobodyWaits : words.oldest(busy.oldest)}${
            busy.delayed > 0 ? `, ${words.later(busy.delayed)}` : ""
          }
        </p>
        ${meter(words.queue, busy.queued, busy.queue_limit, 0.9)}
      </li>
      <li>
        <h2>${words.executor}</h2>
        <p class="figure">${duration(Math.round(told.uptime))} <small>${words.up}</small></p>
        <p>${words.loop(late(told.lag))}</p>
        <p>${words.perMinute(started.toFixed(started < 10 ? 1 : 0))}</p>
      </li>
      <li>
        <h2>${words.journal}</h2>
        <p class="figure">${bytes(journal.jobs)}</p>
        <p>${words.ofLimit(bytes(journal.limit))}, ${words.auditSize(bytes(journal.audit))}</p>
        ${meter(words.journal, journal.jobs, journal.limit, 0.9)}
      </li>
      <li>
        <h2>${words.disk}</h2>
        <p class="figure">${bytes(disk.free)} <small>${words.free}</small></p>
        <p>${words.ofDisk(bytes(disk.total))}</p>
        ${meter(words.disk, used, disk.total, 0.9)}
      </li>
    </ul>
  `
}

/** A bar; from the share *high* on it is a warning. */
function meter(label: string, value: number, most: number, high: number): TemplateResult {
  const share = most === 0 ? 0 : value / most
  return html`<meter
    aria-label=${label}
    min="0"
    max="1"
    low=${Math.min(1, high)}
    high=${Math.min(1, (1 + high) / 2)}
    optimum="0"
    .value=${Math.min(1, share)}
  ></meter>`
}

function loadPlots(course: Course): TemplateResult {
  return html`
    <div class="plots">
      <tr-line-plot
        .heading=${words.plots.slots}
        .times=${course.times}
        .series=${[
          {name: words.plots.used, kind: "area", tone: "go", values: course.slots_used},
          {name: words.plots.all, kind: "limit", tone: "wait", values: course.slots},
        ]}
      ></tr-line-plot>
      <tr-line-plot
        .heading=${words.plots.queue}
        .times=${course.times}
        .series=${[
          {name: words.plots.queued, kind: "area", tone: "stop", values: course.queued},
          {name: words.plots.delayed, kind: "line", tone: "wait", values: course.delayed},
        ]}
      ></tr-line-plot>
    </div>
  `
}

function parts(told: Diagnostics): TemplateResult {
  const {reload} = told
  return html`
    <section class="panel" aria-label=${words.parts}>
      <header><h2>${words.parts}</h2></header>
      <dl class="particulars">
        ${told.components.map(
          ({role, since}) => html`
            <dt>${words.roles[role as keyof typeof words.roles] ?? role}</dt>
            <dd>${since === null ? words.joined : words.joinedAt(moment(since))}</dd>
          `,
        )}
        <dt>${words.sessions}</dt>
        <dd>${told.sessions}</dd>
        <dt>${words.versions}</dt>
        <dd>
          ${Object.entries(told.versions)
            .map(([name, version]) => `${name} ${version}`)
            .join(" · ")}
        </dd>
        <dt>${words.system}</dt>
        <dd>${told.machine.system}, ${words.processors(told.machine.processors ?? 1)}</dd>
        <dt>${words.checksums}</dt>
        <dd><code>${told.settings ?? "–"}</code> <code>${told.policy ?? "–"}</code></dd>
        <dt>${words.lastReload}</dt>
        <dd>
          ${
            reload === null
              ? words.noReload
              : html`${words.reloaded(reload.by ?? "", reload.at ? moment(reload.at) : "")}:
                ${
                  reload.mistakes.length > 0
                    ? listOf(reload.mistakes)
                    : words.changes(
                        reload.added.length,
                        reload.changed.length,
                        reload.removed.length,
                      )
                }`
          }
        </dd>
      </dl>
    </section>
  `
}

function listOf(lines: readonly string[]): TemplateResult {
  return html`<ul>
    ${lines.map(line => html`<li><code>${line}</code></li>`)}
  </ul>`
}

/** The share of each state, as a bar with words for who does not see it. */
function split(states: Partial<Record<TerminalState, number>>): TemplateResult {
  const some = ENDS.filter(state => states[state])
  const text = some.map(state => `${states[state]} ${elementWords.states[state].toLowerCase()}`)
  return html`
    <div class="split" role="img" aria-label=${text.join(", ")} title=${text.join(", ")}>
      ${some.map(state => html`<span data-state=${state} .style=${`flex-grow: ${states[state]}`}></span>`)}
    </div>
  `
}

function late(seconds: number): string {
  return seconds < 1 ? words.milliseconds(Math.round(seconds * 1000)) : duration(seconds)
}
