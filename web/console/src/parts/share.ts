/** Makes a link by which others see one job, or use one form, and nothing else. */

import type {Client, MintedToken} from "@taskrealm/client"
import {basics, copy, moment, problem, theme} from "@taskrealm/elements/base"
import {css, html, LitElement, type TemplateResult} from "lit"
import {customElement, property, query, state} from "lit/decorators.js"
import {shareLink} from "../route"
import {words} from "../words"

/** Hours that somebody may choose; a node allows a day unless it is told otherwise. */
const HOURS = [1, 8, 24]

/** Children of a batch that are shared with it: a token names a hundred jobs at most. */
const CHILDREN = 99

/**
 * A button, and the dialog behind it.
 *
 * @example
 * <tr-share .client=${client} .task=${"report.year"}></tr-share>
 */
@customElement("tr-share")
export class Share extends LitElement {
  @property({attribute: false}) client!: Client
  /** The id of the job that is to be shared. */
  @property({attribute: false}) job: string | null = null
  /** The name of the task whose form is to be shared. */
  @property({attribute: false}) task: string | null = null
  @state() private failure: Error | null = null
  @state() private made: MintedToken | null = null
  @state() private isBusy = false
  @state() private note = ""
  @query("dialog") private dialog!: HTMLDialogElement
  @query("#share-link") private link!: HTMLInputElement | null

  static override styles = [
    theme,
    basics,
    css`
      :host {
        display: inline-block;
      }

      dialog {
        background: var(--card);
        border: 1px solid var(--line);
        border-radius: calc(1.5 * var(--radius));
        box-shadow: 0 12px 48px rgb(0 0 0 / 35%);
        color: var(--ink);
        padding: 1.25rem 1.5rem;
        width: min(34rem, 92vw);
      }

      dialog::backdrop {
        background: rgb(0 0 0 / 45%);
      }

      h2 {
        margin: 0 0 0.5rem;
      }

      .stack,
      .field {
        width: 100%;
      }

      fieldset {
        border: 0;
        margin: 0;
        min-width: 0;
        padding: 0;
      }

      legend,
      .field > label {
        display: block;
        font-weight: 600;
        margin-bottom: 0.25rem;
        padding: 0;
      }

      .options {
        display: flex;
        flex-wrap: wrap;
        gap: 0 1.25rem;
      }

      .options label {
        align-items: center;
        display: flex;
        gap: 0.5rem;
        min-height: 2rem;
      }

      input[type="radio"] {
        accent-color: var(--accent);
        height: 1.15rem;
        margin: 0;
        width: 1.15rem;
      }

      input:not([type="radio"]) {
        background: var(--card);
        border: 1px solid var(--edge);
        border-radius: var(--radius);
        color: inherit;
        font: inherit;
        min-height: 2.5rem;
        padding: 0.4rem 0.625rem;
        width: 100%;
      }

      input[type="number"] {
        max-width: 12rem;
      }

      .help {
        color: var(--quiet);
        font-size: 0.9rem;
        margin: 0.25rem 0 0;
      }
    `,
  ]

  protected override render(): TemplateResult | string {
    const {jobs, tasks, read_only} = this.client.scope
    // A limited session makes no tokens.
    if (jobs !== undefined || tasks !== undefined || read_only) return ""
    const {share} = words
    return html`
      <button @click=${this.#open}>${share.share}</button>
      <dialog aria-labelledby="share-title" @close=${this.#clear}>
        <h2 id="share-title">${this.job === null ? share.shareTask : share.shareJob}</h2>
        <p>${this.job === null ? share.taskHelp : share.jobHelp}</p>
        ${this.failure ? problem(this.failure) : ""}
        ${this.made ? this.#made(this.made) : this.#form()}
      </dialog>
    `
  }

  #form(): TemplateResult {
    const {share} = words
    return html`
      <form class="stack" @submit=${this.#make}>
        ${
          this.job === null
            ? ""
            : html`<fieldset class="field">
                <legend>${share.may}</legend>
                <div class="options">
                  <label><input type="radio" name="may" value="look" checked />${share.look}</label>
                  <label><input type="radio" name="may" value="steer" />${share.steer}</label>
                </div>
              </fieldset>`
        }
        <fieldset class="field">
          <legend>${share.valid}</legend>
          <div class="options">
            ${HOURS.map(
              hours => html`<label>
                <input type="radio" name="hours" value=${hours} ?checked=${hours === 8} />
                ${share.hours(hours)}
              </label>`,
            )}
          </div>
        </fieldset>
        <div class="field">
          <label for="share-uses">${share.uses}</label>
          <input
            id="share-uses"
            name="uses"
            type="number"
            min="1"
            max="1000000"
            aria-describedby="share-uses-help"
          />
          <p class="help" id="share-uses-help">${share.usesHelp}</p>
        </div>
        <div class="row">
          <button class="primary" ?disabled=${this.isBusy}>${share.make}</button>
          <button type="button" @click=${() => this.dialog.close()}>${share.close}</button>
        </div>
      </form>
    `
  }

  #made({token, expires_at}: MintedToken): TemplateResult {
    const {share} = words
    const link = shareLink(token)
    return html`
      <div class="stack">
        <div class="field">
          <label for="share-link">${share.link}</label>
          <input id="share-link" readonly .value=${link} @focus=${selectAll} />
          <p class="help">${share.until(moment(expires_at))} ${share.secret}</p>
        </div>
        <div class="row">
          <button class="primary" @click=${() => this.#copy(link)}>${share.copy}</button>
          ${
            "share" in navigator
              ? html`<button @click=${() => this.#send(link)}>${share.send}</button>`
              : ""
          }
          <button @click=${() => this.dialog.close()}>${share.close}</button>
          <span class="quiet" role="status">${this.note}</span>
        </div>
      </div>
    `
  }

  #open(): void {
    this.dialog.showModal()
  }

  #clear(): void {
    this.made = null
    this.failure = null
    this.note = ""
  }

  async #make(event: SubmitEvent): Promise<void> {
    event.preventDefault()
    const given = new FormData(event.target as HTMLFormElement)
    const uses = Number(given.get("uses"))
    this.isBusy = true
    this.failure = null
    try {
      this.made = await this.client.mint({
        ...(await this.#what()),
        ...(uses > 0 ? {uses} : {}),
        read_only: given.get("may") === "look",
        minutes: Number(given.get("hours")) * 60,
      })
    } catch (error) {
      this.failure = error as Error
    } finally {
      this.isBusy = false
    }
    await this.updateComplete
    this.link?.focus()
  }

  /** The form, or the job and, as they are jobs of their own, the children of a batch. */
  async #what(): Promise<{tasks: string[]} | {jobs: string[]}> {
    const {job, task} = this
    if (job === null) return {tasks: task === null ? [] : [task]}
    const {jobs} = await this.client.jobs({parent: job, limit: CHILDREN})
    return {jobs: [job, ...jobs.map(child => child.job_id)]}
  }

  async #copy(link: string): Promise<void> {
    this.note = (await copy(link)) ? words.share.copied : words.share.notCopied
  }

  async #send(url: string): Promise<void> {
    // Whoever closes the sheet again has changed their mind, which is no failure.
    await navigator.share({url}).catch(() => {})
  }
}

function selectAll(event: FocusEvent): void {
  ;(event.target as HTMLInputElement).select()
}
