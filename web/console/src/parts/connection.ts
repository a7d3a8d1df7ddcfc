/** The pill that says whether what the page shows is up to date. */

import type {Client, Status} from "@taskrealm/client"
import {html, type TemplateResult} from "lit"
import {customElement, property, state} from "lit/decorators.js"
import {PageElement} from "../element"

/** Seconds before a lesser status is shown, so that blips stay calm. */
const CALM = 0.5

/** Seconds before being offline is worth a sentence. */
const PATIENCE = 2

const WORDS: Record<Status, string> = {
  connecting: "Connecting",
  live: "Live",
  recovering: "Catching up",
  offline: "Offline",
  denied: "Signed out",
  closed: "Signed out",
}

@customElement("tr-connection")
export class ConnectionPill extends PageElement {
  @property({attribute: false}) client!: Client
  @state() private shown: Status = "connecting"
  @state() private isLong = false

  #stop = () => {}
  #timers: ReturnType<typeof setTimeout>[] = []

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
      <span class="pill" role="status" data-testid="connection" data-status=${this.shown}>
        ${WORDS[this.shown]}
      </span>
      ${this.isLong ? html`<p class="banner" role="status">${this.#explain()}</p>` : ""}
    `
  }

  #explain(): string {
    return this.shown === "recovering"
      ? "The executor is away just now. This page goes on by itself when it is back."
      : "No connection to the server. This page catches up by itself when it is back."
  }
}
