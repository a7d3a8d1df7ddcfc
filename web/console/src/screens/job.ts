/** One job: watch it, stop it, run it again, share it. */

import type {Client} from "@taskrealm/client"
import {PageElement} from "@taskrealm/elements/base"
import {JOB_TABS, type JobEventMap, type JobTab} from "@taskrealm/elements/job"
import {html, type TemplateResult} from "lit"
import {customElement, property} from "lit/decorators.js"
import type {Catalog} from "../catalog"
import "../parts/share"
import {FORM_ADDRESS, JOB_ADDRESS, jobLink} from "../route"
import {clearTab, showInTab} from "../tab"
import {words} from "../words"

@customElement("tr-job")
export class JobScreen extends PageElement {
  @property({attribute: false}) client!: Client
  @property({attribute: false}) catalog!: Catalog
  @property({attribute: false}) jobId = ""
  @property({attribute: false}) query = new URLSearchParams()

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    clearTab()
  }

  protected override render(): TemplateResult {
    return html`
      <p class="quiet"><a href="#/jobs">${words.share.jobs}</a></p>
      <taskrealm-job
        heading="1"
        job-href=${JOB_ADDRESS}
        form-href=${FORM_ADDRESS}
        .client=${this.client}
        .job=${this.jobId}
        .tab=${tabOf(this.query)}
        .tasks=${this.catalog.tasks}
        @taskrealm-changed=${this.#onChanged}
        @taskrealm-accepted=${this.#onAccepted}
        @taskrealm-tab=${this.#onTab}
      >
        <tr-share slot="actions" .client=${this.client} .job=${this.jobId}></tr-share>
      </taskrealm-job>
    `
  }

  #onChanged({detail}: JobEventMap["taskrealm-changed"]): void {
    showInTab(detail)
  }

  #onAccepted({detail}: JobEventMap["taskrealm-accepted"]): void {
    location.hash = jobLink(detail.job_id)
  }

  /** The address leads to what is shown, without a step back for each tab. */
  #onTab({detail: {tab}}: JobEventMap["taskrealm-tab"]): void {
    const query = tab === "output" ? "" : `?tab=${tab}`
    history.replaceState(null, "", `${jobLink(this.jobId)}${query}`)
  }
}

/** The tab that *query* names. */
function tabOf(query: URLSearchParams): JobTab {
  return JOB_TABS.find(tab => tab === query.get("tab")) ?? "output"
}
