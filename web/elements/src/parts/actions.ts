/** What somebody can do with a job: stop it, run it again, take it along. */

import {
  type CancelAnswer,
  type Client,
  isTerminal,
  type Job,
  type JobDetails,
} from "@taskrealm/client"
import {css, html, LitElement, nothing, type TemplateResult} from "lit"
import {customElement, property, query, state} from "lit/decorators.js"
import {basics, theme} from "../styles"
import {words} from "../words"
import {copy, watching} from "./copying"

/** What stands in the place of a secret argument. */
const MASK = "***"

/** Milliseconds that a copied thing says so. */
const NOTE = 3000

/** What the visitor may do with jobs of this kind. */
export interface Rights {
  /** Why it may not be cancelled; null when it may. */
  noCancel: string | null
  mayRun: boolean
}

@customElement("tr-actions")
export class JobActions extends LitElement {
  @property({attribute: false}) client!: Client
  @property({attribute: false}) job!: Job
  @property({attribute: false}) record!: JobDetails
  @property({attribute: false}) rights: Rights = {noCancel: null, mayRun: true}
  /** The form with the same arguments; null where there is none. */
  @property({attribute: false}) formLink: string | null = null
  /** The page of the job. */
  @property({attribute: false}) link = ""
  /** What people call the job. */
  @property({attribute: false}) name = ""
  /** Hears why something was not done, or null when it was. */
  @property({attribute: false}) onProblem: (problem: Error | null) => void = () => {}
  @state() private isAsking = false
  @state() private note = ""
  @state() private willNotify = false
  @query("details.reason") private reasonBox!: HTMLDetailsElement | null
  @query("details.more") private menu!: HTMLDetailsElement | null
  #forget: ReturnType<typeof setTimeout> | undefined

  static override styles = [
    theme,
    basics,
    css`
      .row {
        justify-content: flex-end;
      }

      details {
        position: relative;
      }

      summary {
        background: var(--card);
        border: 1px solid var(--edge);
        border-radius: var(--radius);
        cursor: pointer;
        font-weight: 600;
        line-height: 1.5;
        list-style: none;
        min-height: 2.5rem;
        padding: 0.4rem 0.9rem;
      }

      summary::-webkit-details-marker {
        display: none;
      }

      summary::after {
        content: "▾" / "";
        margin-inline-start: 0.4rem;
      }

      .popup {
        background: var(--card);
        border: 1px solid var(--line);
        border-radius: var(--radius);
        box-shadow: 0 6px 24px rgb(0 0 0 / 25%);
        display: grid;
        gap: 0.25rem;
        inset-block-start: 100%;
        inset-inline-end: 0;
        margin-top: 0.25rem;
        min-width: 15rem;
        padding: 0.5rem;
        position: absolute;
        width: max-content;
        z-index: 3;
      }

      details:not([open]) .popup {
        display: none;
      }

      .popup button {
        background: none;
        border-color: transparent;
        font-weight: 400;
        justify-content: flex-start;
        text-align: start;
      }

      .popup button:hover {
        background: var(--wait-soft);
      }

      .popup hr {
        border: 0;
        border-top: 1px solid var(--line);
        margin: 0.25rem 0;
        width: 100%;
      }

      .popup .heading {
        color: var(--quiet);
        font-size: 0.85rem;
        margin: 0.25rem 0.9rem 0;
      }

      .split {
        display: flex;
      }

      .split > button:not(:last-child) {
        border-end-end-radius: 0;
        border-start-end-radius: 0;
      }

      .split summary {
        border-end-start-radius: 0;
        border-inline-start: 0;
        border-start-start-radius: 0;
        min-width: 2.5rem;
        padding-inline: 0.7rem;
      }

      .split summary::after {
        margin: 0;
      }

      form {
        max-width: min(22rem, 80vw);
        padding: 0.25rem;
      }

      form label {
        font-weight: 600;
      }

      input {
        background: var(--card);
        border: 1px solid var(--edge);
        border-radius: var(--radius);
        color: inherit;
        font: inherit;
        min-height: 2.5rem;
        padding: 0.4rem 0.625rem;
        width: 100%;
      }

      form p {
        font-size: 0.9rem;
        margin: 0.25rem 0 0.5rem;
      }

      .popup form button {
        border-color: var(--bad);
        font-weight: 600;
      }

      [role="status"]:empty {
        margin-inline-start: -0.75rem;
      }

      .why {
        flex-basis: 100%;
        font-size: 0.9rem;
        margin: 0;
        text-align: end;
      }

      @media (pointer: coarse) {
        summary {
          min-height: 2.75rem;
        }
      }

      @media (max-width: 44rem) {
        .row {
          justify-content: flex-start;
          position: relative;
        }

        details {
          position: static;
        }

        .popup {
          inset-inline: 0;
          width: auto;
        }

        .why {
          text-align: start;
        }
      }
    `,
  ]

  override connectedCallback(): void {
    super.connectedCallback()
    document.addEventListener("pointerdown", this.#closeOthers)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    document.removeEventListener("pointerdown", this.#closeOthers)
    clearTimeout(this.#forget)
  }

  /** Tell the page around: the job has ended. */
  notify(text: string): void {
    if (!this.willNotify || !document.hidden) return
    new Notification(this.name, {body: text, tag: this.record.job_id})
  }

  protected override render(): TemplateResult {
    const {record} = this
    return html`
      <div
        class="row"
        role="group"
        aria-label=${words.job.actions}
        @keydown=${this.#onKey}
      >
        ${isTerminal(record.state) ? this.#again() : this.#stop(record)}
        <slot></slot>
        ${this.#more(record)}
        <span class="quiet" role="status">${this.note}</span>
        ${this.#why(record)}
      </div>
    `
  }

  #stop({state}: JobDetails): TemplateResult {
    const {noCancel} = this.rights
    const isOff = this.isAsking || noCancel !== null
    const describedBy = noCancel === null ? nothing : "why"
    if (state === "stopping") {
      return html`<button
        class="danger"
        data-testid="job-kill"
        aria-describedby=${describedBy}
        ?disabled=${isOff}
        @click=${() => this.#cancel({now: true})}
      >
        ${words.job.killNow}
      </button>`
    }
    return html`<span class="split">
      <button
        data-testid="job-cancel"
        aria-describedby=${describedBy}
        ?disabled=${isOff}
        @click=${() => this.#cancel({})}
      >
        ${this.isAsking ? words.job.cancelling : words.job.cancel}
      </button>
      ${
        noCancel === null
          ? html`<details class="reason">
              <summary data-testid="job-reason" aria-label=${words.job.withReason}></summary>
              <div class="popup">
                <form @submit=${this.#cancelWithReason}>
                  <label for="reason">${words.job.reason}</label>
                  <input id="reason" name="reason" maxlength="1000" autocomplete="off" required />
                  <p class="quiet">${words.job.reasonHelp}</p>
                  <button class="danger" ?disabled=${isOff}>${words.job.cancelWithReason}</button>
                </form>
              </div>
            </details>`
          : ""
      }
    </span>`
  }

  #again(): TemplateResult | string {
    if (!this.rights.mayRun) return ""
    return html`
      ${
        this.#hasSecrets
          ? ""
          : html`<button
              class="primary"
              data-testid="job-again"
              ?disabled=${this.isAsking}
              @click=${this.#runAgain}
            >
              ${words.job.runAgain}
            </button>`
      }
      ${
        this.formLink === null
          ? ""
          : html`<a
              class="button"
              data-testid="job-change"
              aria-label=${words.job.runChangedName}
              href=${this.formLink}
            >
              ${words.job.runChanged}
            </a>`
      }
    `
  }

  /** Why a button is not there, or cannot be used. */
  #why({state}: JobDetails): TemplateResult | string {
    const {noCancel, mayRun} = this.rights
    const why = isTerminal(state)
      ? mayRun && this.#hasSecrets
        ? words.job.needsSecrets
        : null
      : noCancel
    return why === null ? "" : html`<p id="why" class="why quiet" data-testid="job-why">${why}</p>`
  }

  get #hasSecrets(): boolean {
    return Object.values(this.record.arguments).includes(MASK)
  }

  #more({job_id, state}: JobDetails): TemplateResult | string {
    const {job} = words
    const {jobs, tasks} = this.client.scope
    // What a visitor has got by a link is not to be had again by an address without it.
    const isWhole = jobs === undefined && tasks === undefined
    const ways = isWhole ? watching(job_id, location.origin) : {}
    const canNotify = "Notification" in globalThis && !isTerminal(state)
    if (!isWhole && !canNotify) return ""
    return html`
      <details class="more">
        <summary data-testid="job-more">${job.more}</summary>
        <div class="popup">
          ${isWhole ? html`<button @click=${() => this.#copy(this.link)}>${job.copyLink}</button>` : ""}
          ${
            canNotify
              ? html`<button ?disabled=${this.willNotify} @click=${this.#askToNotify}>
                  ${this.willNotify ? job.willNotify : job.notify}
                </button>`
              : ""
          }
          ${isWhole ? html`<hr /><p class="heading">${job.copyAs}</p>` : ""}
          ${Object.entries(ways).map(
            ([name, text]) => html`<button @click=${() => this.#copy(text)}>${name}</button>`,
          )}
        </div>
      </details>
    `
  }

  #closeOthers = (event: Event): void => {
    const path = event.composedPath()
    for (const box of [this.menu, this.reasonBox]) {
      if (box && !path.includes(box)) box.open = false
    }
  }

  #onKey(event: KeyboardEvent): void {
    if (event.key !== "Escape") return
    for (const box of [this.menu, this.reasonBox]) {
      if (!box?.open) continue
      box.open = false
      box.querySelector("summary")?.focus()
    }
  }

  async #cancelWithReason(event: SubmitEvent): Promise<void> {
    event.preventDefault()
    const reason = String(new FormData(event.target as HTMLFormElement).get("reason")).trim()
    await this.#cancel(reason === "" ? {} : {reason})
  }

  async #cancel(options: {reason?: string; now?: boolean}): Promise<void> {
    await this.#do(async () => {
      const answer: CancelAnswer = await this.job.cancel(options)
      this.#tell("taskrealm-cancelled", {job_id: this.record.job_id, answer})
    })
  }

  async #runAgain(): Promise<void> {
    await this.#do(async () => {
      const {task, arguments: args, priority, tags} = this.record
      const job = await this.client.exec(task, args, {priority, tags})
      this.#tell("taskrealm-accepted", {job_id: job.id, job})
    })
  }

  async #do(act: () => Promise<void>): Promise<void> {
    this.isAsking = true
    try {
      await act()
      this.onProblem(null)
    } catch (error) {
      this.onProblem(error as Error)
    } finally {
      this.isAsking = false
    }
  }

  #tell(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, {detail, bubbles: true, composed: true}))
  }

  async #copy(text: string): Promise<void> {
    const isCopied = await copy(text)
    if (this.menu) this.menu.open = false
    this.#say(isCopied ? words.job.copied : words.job.notCopied)
  }

  async #askToNotify(): Promise<void> {
    this.willNotify = (await Notification.requestPermission()) === "granted"
    if (!this.willNotify) this.#say(words.job.mayNotNotify)
  }

  #say(note: string): void {
    this.note = note
    clearTimeout(this.#forget)
    this.#forget = setTimeout(() => {
      this.note = ""
    }, NOTE)
  }
}
