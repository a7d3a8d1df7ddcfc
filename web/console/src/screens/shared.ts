/** What a link shares: one job, or one form and the job that comes of it; nothing else. */

import type {Client, Task} from "@taskrealm/client"
import {loading, PageElement, Resource} from "@taskrealm/elements/base"
import type {JobEventMap} from "@taskrealm/elements/job"
import "@taskrealm/elements/job"
import {html, type TemplateResult} from "lit"
import {customElement, property} from "lit/decorators.js"
import type {Account} from "../account"
import {titleOf} from "../catalog"
import {instanceOf} from "../instance"
import {brand, environmentStrip} from "../parts/brand"
import "../parts/connection"
import {JOB_ADDRESS, jobLink, routeOf} from "../route"
import {clearTab, showInTab} from "../tab"
import {words} from "../words"
import "./task"

@customElement("tr-shared")
export class SharedScreen extends PageElement {
  @property({attribute: false}) account!: Account
  @property({attribute: false}) client!: Client
  #tasks = new Resource<Task[]>(this, () => this.client.tasks())
  #stops: (() => void)[] = []
  #instance = instanceOf(document)

  override connectedCallback(): void {
    super.connectedCallback()
    const onRoute = () => {
      this.requestUpdate()
      scrollTo(0, 0)
    }
    addEventListener("hashchange", onRoute)
    this.#stops = [
      () => removeEventListener("hashchange", onRoute),
      this.client.on("status", () => this.requestUpdate()),
    ]
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    for (const stop of this.#stops) stop()
    clearTab()
  }

  protected override render(): TemplateResult {
    const {authid, scope} = this.client
    const {share} = words
    return html`
      ${environmentStrip(this.#instance)}
      <header class="top">
        ${brand(this.#instance)}
        <span class="shared">
          ${authid === "" ? "" : share.shared(authid)}${scope.read_only ? `, ${share.lookOnly}` : ""}
        </span>
        <tr-connection .client=${this.client}></tr-connection>
        <button class="plain" @click=${() => this.account.leaveShared()}>${share.leave}</button>
      </header>
      <main id="main" tabindex="-1">${authid === "" ? loading(share.loading) : this.#content()}</main>
    `
  }

  #content(): TemplateResult {
    const {jobs, tasks} = this.client.scope
    const {screen, item} = routeOf(location.hash)
    const asked = screen === "jobs" ? item : null
    const job = asked ?? jobs?.[0] ?? null
    if (job !== null) return this.#job(job, jobs === undefined)
    const [task] = tasks ?? []
    if (task === undefined) return html`<p>${words.share.nothing}</p>`
    const catalog = {tasks: this.#tasks.value, error: this.#tasks.error}
    document.title = words.frame.title(titleOf(catalog, task), this.#instance.name)
    return html`<tr-task .client=${this.client} .catalog=${catalog} .name=${task} .from=${null}></tr-task>`
  }

  #job(id: string, isOfForm: boolean): TemplateResult {
    return html`
      ${isOfForm ? html`<p class="quiet"><a href="#/">${words.share.again}</a></p>` : ""}
      <taskrealm-job
        heading="1"
        job-href=${JOB_ADDRESS}
        .client=${this.client}
        .job=${id}
        .tasks=${this.#tasks.value}
        @taskrealm-changed=${this.#onChanged}
        @taskrealm-accepted=${this.#onAccepted}
      ></taskrealm-job>
    `
  }

  #onChanged({detail}: JobEventMap["taskrealm-changed"]): void {
    showInTab(detail)
  }

  #onAccepted({detail}: JobEventMap["taskrealm-accepted"]): void {
    location.hash = jobLink(detail.job_id)
  }
}
