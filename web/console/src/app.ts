/** The frame around the screens. */

import type {Client, Task} from "@taskrealm/client"
import {html, type TemplateResult} from "lit"
import {customElement, property, state} from "lit/decorators.js"
import {keyed} from "lit/directives/keyed.js"
import type {Account} from "./account"
import type {Catalog} from "./catalog"
import {PageElement, Resource} from "./element"
import "./parts/connection"
import {type Route, routeOf} from "./route"
import "./screens/job"
import "./screens/jobs"
import "./screens/sign-in"
import "./screens/task"
import "./screens/tasks"

@customElement("tr-app")
export class App extends PageElement {
  @property({attribute: false}) account!: Account

  override connectedCallback(): void {
    super.connectedCallback()
    this.account.start(() => this.requestUpdate())
  }

  protected override render(): unknown {
    const {account} = this
    const {client} = account
    if (client) {
      return keyed(client, html`<tr-desk .account=${account} .client=${client}></tr-desk>`)
    }
    return html`
      <header class="top"><a class="brand" href="#/tasks">TaskRealm</a></header>
      <main class="narrow">
        <tr-sign-in
          .account=${account}
          .isRedeeming=${account.isRedeeming}
          .refusal=${account.refusal}
        ></tr-sign-in>
      </main>
    `
  }
}

/** What somebody sees who is signed in. */
@customElement("tr-desk")
export class Desk extends PageElement {
  @property({attribute: false}) account!: Account
  @property({attribute: false}) client!: Client
  @state() private route: Route = routeOf(location.hash)
  #stops: (() => void)[] = []
  #tasks = new Resource<Task[]>(this, () => this.client.tasks())

  override connectedCallback(): void {
    super.connectedCallback()
    const onRoute = () => {
      this.route = routeOf(location.hash)
      this.querySelector("main")?.focus({preventScroll: true})
      scrollTo(0, 0)
    }
    addEventListener("hashchange", onRoute)
    this.#stops = [
      () => removeEventListener("hashchange", onRoute),
      this.client.on("catalog", () => void this.#tasks.load()),
      this.client.on("status", () => this.requestUpdate()),
    ]
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    for (const stop of this.#stops) stop()
  }

  protected override render(): TemplateResult {
    const {screen} = this.route
    const current = (names: string[]) => (names.includes(screen) ? "page" : "false")
    return html`
      <a class="skip" href="#main" @click=${this.#skip}>Skip to content</a>
      <header class="top">
        <a class="brand" href="#/tasks">TaskRealm</a>
        <nav aria-label="Main">
          <a href="#/tasks" aria-current=${current(["tasks", "task"])}>Tasks</a>
          <a href="#/jobs" aria-current=${current(["jobs", "job"])}>Jobs</a>
        </nav>
        <tr-connection .client=${this.client}></tr-connection>
        <span class="who">${this.client.authid}</span>
        <button class="plain" @click=${() => this.account.signOut()}>Sign out</button>
      </header>
      <main id="main" tabindex="-1">${this.#screen()}</main>
    `
  }

  #screen(): unknown {
    const {client, route} = this
    const catalog: Catalog = {tasks: this.#tasks.value, error: this.#tasks.error}
    switch (route.screen) {
      case "tasks":
        return html`<tr-tasks .catalog=${catalog}></tr-tasks>`
      case "task":
        return html`<tr-task
          .client=${client}
          .catalog=${catalog}
          .name=${route.name}
          .from=${route.from}
        ></tr-task>`
      case "jobs":
        return html`<tr-jobs .client=${client} .catalog=${catalog}></tr-jobs>`
      case "job":
        return keyed(
          route.id,
          html`<tr-job .client=${client} .catalog=${catalog} .jobId=${route.id}></tr-job>`,
        )
    }
  }

  #skip(event: Event): void {
    event.preventDefault()
    this.querySelector("main")?.focus()
  }
}
