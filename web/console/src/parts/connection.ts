/** The pill that says whether what the page shows is up to date. */

import type {Client, Status} from "@taskrealm/client"
import {Clock, PageElement} from "@taskrealm/elements/base"
import {html, type TemplateResult} from "lit"
import {customElement, property, state} from "lit/decorators.js"
import {words} from "../words"

/** Seconds before a lesser status is shown, so that blips stay calm. */
const CALM = 0.5

/** Seconds before being offline is worth a sentence. */
const PATIENCE = 2

@customElement("tr-connection")
export class ConnectionPill extends PageElement {
  @property({attribute: false}) client!: Client
  @state() private shown: Status = "connecting"
  @state() private isLong = false

  #stop = () => {}
  #timers: ReturnType<typeof setTimeout>[] = []

  constructor() {
    super()
    new Clock(this, () => this.shown === "offline")
  }

  override connectedCallback(): void {
    super.connectedCallback()
    this.#stop = this.client.on("status", () => this.#follow())
    this.shown = this.client.status
    this.#follow()
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#stop()
    this.#clear()
  }

  #follow(): void {
    this.#clear()
    if (this.client.status === "live") {
      this.shown = "live"
      this.isLong = false
      return
    }
    const show = () => {
      this.shown = this.client.status
    }
    const complain = () => {
      this.isLong = true
    }
    this.#timers = [setTimeout(show, CALM * 1000), setTimeout(complain, PATIENCE * 1000)]
  }

  #clear(): void {
    for (const timer of this.#timers) clearTimeout(timer)
  }

  protected override render(): TemplateResult {
    return html`
      <span class="hidden" role="status">${words.connection[this.shown]}</span>
      <span class="pill" aria-hidden="true" data-testid="connection" data-status=${this.shown}
        >${this.#label()}</span
      >
      ${this.isLong ? this.#banner() : ""}
    `
  }

  /** What is seen counts down; what is heard does not. */
  #label(): string {
    const {retryAt} = this.client
    if (this.shown !== "offline" || retryAt === null) return words.connection[this.shown]
    const seconds = Math.ceil((retryAt.getTime() - Date.now()) / 1000)
    return seconds > 0 ? words.connection.retryIn(seconds) : words.connection.connecting
  }

  #banner(): TemplateResult {
    const {shown, client} = this
    return html`<div class="banner">
      <p role="status">
        ${shown === "recovering" ? words.connection.away : words.connection.cut}
      </p>
      ${
        shown === "offline"
          ? html`<button @click=${() => client.retry()}>${words.connection.retry}</button>`
          : ""
      }
    </div>`
  }
}
