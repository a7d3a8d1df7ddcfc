/** What a task was run with before, to be used again. */

import {type Client, isTerminal, type JobRecord} from "@taskrealm/client"
import {moment, PageElement, problem, Resource, stateBadge} from "@taskrealm/elements/base"
import {asQuery} from "@taskrealm/elements/form"
import {html, type PropertyValues, type TemplateResult} from "lit"
import {customElement, property} from "lit/decorators.js"
import {taskLink} from "../route"
import {inShort, SavedArguments} from "../saved"
import {words} from "../words"

/** Jobs that are shown. */
const RECENT = 8

@customElement("tr-arguments")
export class ArgumentsPanel extends PageElement {
  @property({attribute: false}) client!: Client
  @property({attribute: false}) task = ""
  /** Gives what the form has now. */
  @property({attribute: false}) current!: () => Record<string, unknown> | undefined
  #recent = new Resource<readonly JobRecord[]>(this, async () => {
    const {jobs} = await this.client.jobs({task: this.task, limit: RECENT})
    return jobs
  })

  #stop = () => {}

  override connectedCallback(): void {
    super.connectedCallback()
    this.#stop = this.client.on("event", ({task, type, job_seq}) => {
      if (task === this.task && (job_seq === 1 || isTerminal(type))) void this.#recent.load()
    })
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#stop()
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.get("task")) void this.#recent.load()
  }

  get #saved(): SavedArguments {
    return new SavedArguments(this.client.authid, this.task)
  }

  protected override render(): TemplateResult {
    return html`<aside class="card side" aria-label=${words.task.saved} data-testid="task-arguments">
      <h2>${words.task.favourites}</h2>
      ${this.#favourites()}
      <form class="row save" @submit=${this.#save}>
        <input
          name="name"
          autocomplete="off"
          maxlength="60"
          required
          aria-label=${words.task.saveName}
          placeholder=${words.task.saveName}
        />
        <button>☆ ${words.task.save}</button>
      </form>
      <h2>${words.task.recent}</h2>
      ${this.#jobs()}
    </aside>`
  }

  #favourites(): TemplateResult {
    const saved = this.#saved.all
    if (saved.length === 0) return html`<p class="quiet">${words.task.noFavourites}</p>`
    return html`<ul>
      ${saved.map(
        ({name, args}) => html`<li class="favourite">
          <a href=${`${taskLink(this.task)}?${asQuery(args)}`} title=${inShort(args)}>★ ${name}</a>
          <button
            type="button"
            class="plain"
            aria-label=${words.task.remove(name)}
            @click=${() => {
              this.#saved.remove(name)
              this.requestUpdate()
            }}
          >✕</button>
        </li>`,
      )}
    </ul>`
  }

  #jobs(): TemplateResult {
    const {value, error} = this.#recent
    if (value === undefined) return error ? problem(error) : html`<p class="quiet">…</p>`
    if (value.length === 0) return html`<p class="quiet">${words.task.noRecent}</p>`
    return html`<ul>
      ${value.map(({job_id, arguments: args, submitted_at, state}) => {
        const short = inShort(args) || words.task.noArguments
        const time = moment(submitted_at)
        return html`<li class="recent">
          <a href=${taskLink(this.task, job_id)} title=${words.task.again(time, short)}>
            ${short} <span class="quiet">${time}</span>
          </a>
          ${stateBadge(state)}
        </li>`
      })}
    </ul>`
  }

  #save(event: SubmitEvent): void {
    event.preventDefault()
    const form = event.target as HTMLFormElement
    const name = String(new FormData(form).get("name")).trim()
    const args = this.current()
    if (name === "" || args === undefined) return
    this.#saved.add(name, args)
    form.reset()
    this.requestUpdate()
  }
}
