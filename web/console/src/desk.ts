/** The frame around the screens. */

import type {Client, Task} from "@taskrealm/client"
import {PageElement, Resource} from "@taskrealm/elements/base"
import {html, nothing, type TemplateResult} from "lit"
import {customElement, property, state} from "lit/decorators.js"
import type {Account} from "./account"
import {appearFor} from "./appearance"
import type {Catalog} from "./catalog"
import type {Instance} from "./instance"
import {areKeysOn, isScreen, isTyping, Keys} from "./keys"
import "./parts/account-menu"
import {brand, environmentStrip} from "./parts/brand"
import "./parts/connection"
import {icon} from "./parts/icon"
import "./parts/jump"
import type {JumpDialog} from "./parts/jump"
import "./parts/shortcuts"
import type {ShortcutList} from "./parts/shortcuts"
import {placeOf, type Route, routeOf, SCREENS, type ScreenName} from "./route"
import {screens, showScreen} from "./screens"
import {Tally} from "./tally"
import {words} from "./words"

/** What is at hand on a phone; the rest is behind "More". */
const AT_HAND: readonly ScreenName[] = ["tasks", "jobs", "queue"]

/** What somebody sees who is signed in. */
@customElement("tr-desk")
export class Desk extends PageElement {
  @property({attribute: false}) account!: Account
  @property({attribute: false}) client!: Client
  @property({attribute: false}) instance!: Instance
  /** What is shown: where the address leads, as soon as the code for it is there. */
  @state() private route: Route | null = null
  /** Whether the code for what the address leads to did not come. */
  @state() private isNotLoaded = false
  #stops: (() => void)[] = []
  #keys = new Keys()
  #tasks = new Resource<Task[]>(this, () => this.client.tasks())
  #tally!: Tally

  override connectedCallback(): void {
    this.#tally = new Tally(this.client)
    super.connectedCallback()
    const onRoute = () => void this.#go(true)
    const onKey = (event: KeyboardEvent) => this.#press(event)
    void this.#go(false)
    addEventListener("hashchange", onRoute)
    addEventListener("keydown", onKey)
    this.#stops = [
      () => removeEventListener("hashchange", onRoute),
      () => removeEventListener("keydown", onKey),
      this.#tally.on(() => this.requestUpdate()),
      () => this.#tally.stop(),
      this.client.on("catalog", () => void this.#tasks.load()),
      this.client.on("status", () => this.#meet()),
    ]
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    for (const stop of this.#stops) stop()
  }

  /** Who is here is known as soon as they have joined. */
  #meet(): void {
    if (this.client.authid) appearFor(this.client.authid)
    this.requestUpdate()
  }

  /** Show what the address leads to, and let the focus follow if somebody went there. */
  async #go(isMove: boolean): Promise<void> {
    for (const menu of this.querySelectorAll<HTMLElement>(":popover-open")) menu.hidePopover()
    const {hash} = location
    const route = routeOf(hash)
    const before = this.route
    try {
      await screens[route.screen].load(route)
    } catch {
      if (hash !== location.hash) return
      this.isNotLoaded = true
      this.route = route
      await this.#arrive(route)
      return
    }
    if (hash !== location.hash) return
    this.isNotLoaded = false
    this.route = route
    // Who changes a filter of a list stays where they are.
    if (before?.screen === route.screen && before.item === route.item) return
    if (isMove) await this.#arrive(route)
    else await this.#name(route)
  }

  async #arrive(route: Route): Promise<void> {
    await this.#name(route)
    scrollTo(0, 0)
    const heading = this.querySelector<HTMLElement>("main h1")
    heading?.setAttribute("tabindex", "-1")
    const place = heading ?? this.querySelector("main")
    place?.focus({preventScroll: true})
  }

  /** A screen that knows better, as that of a job does, says so itself. */
  async #name({screen, item}: Route): Promise<void> {
    await this.updateComplete
    const shown = this.querySelector<PageElement>("main > *")
    await shown?.updateComplete
    if (screen === "jobs" && item !== null) return
    const task = screen === "tasks" && this.#tasks.value?.find(({name}) => name === item)
    const what = task ? task.title || task.name : words.frame[screen]
    document.title = words.frame.title(what, this.instance.name)
  }

  #press(event: KeyboardEvent): void {
    if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault()
      this.#find()
      return
    }
    if (isTyping(event) || !areKeysOn(this.client.authid)) return
    const command = this.#keys.press(event.key, event.timeStamp)
    if (command === null) return
    event.preventDefault()
    if (command === "find") this.#find()
    else if (command === "shortcuts") this.#explainKeys()
    else if (isScreen(command) && this.#places.includes(command)) location.hash = `#/${command}`
  }

  #find(): void {
    void this.querySelector<JumpDialog>("tr-jump")?.open()
  }

  #explainKeys(): void {
    this.querySelector<ShortcutList>("tr-shortcuts")?.open()
  }

  /** The screens that are of use to who is here. */
  get #places(): ScreenName[] {
    const isOperator = this.client.role === "operator"
    return SCREENS.filter(name => !screens[name].isForOperators || isOperator)
  }

  protected override render(): TemplateResult {
    const {account, client, instance} = this
    const catalog: Catalog = {tasks: this.#tasks.value, error: this.#tasks.error}
    const places = this.#places
    return html`
      <a class="skip" href="#main" @click=${this.#skip}>${words.frame.skip}</a>
      ${environmentStrip(instance)}
      <nav class="rail" aria-label=${words.frame.navigation}>
        <div>
          ${brand(instance)}
          <ul>
            ${places.filter(name => !screens[name].isForOperators).map(name => this.#place(name))}
          </ul>
          ${this.#operating(places)}
        </div>
      </nav>
      <header class="top">
        ${brand(instance)}
        <button class="find" aria-keyshortcuts="Control+K" @click=${this.#find}>
          ${icon("search")}<span>${words.jump.open}</span><kbd aria-hidden="true">/</kbd>
        </button>
        <tr-connection .client=${client}></tr-connection>
        <tr-account-menu
          .account=${account}
          .client=${client}
          .user=${client.authid}
          @keys=${this.#explainKeys}
        ></tr-account-menu>
      </header>
      <main id="main" tabindex="-1" data-place=${this.route ? placeOf(this.route) : nothing}>${this.#screen(catalog)}</main>
      <nav class="tabs" aria-label=${words.frame.navigation}>
        ${AT_HAND.map(name => this.#link(name, "tab"))}
        <button popovertarget="more" aria-current=${this.#isBehindMore ? "page" : nothing}>
          ${icon("more")}${words.frame.more}
        </button>
        <div class="menu low" id="more" popover aria-label=${words.frame.moreNavigation}>
          <ul>
            ${places.filter(name => !AT_HAND.includes(name)).map(name => this.#place(name))}
          </ul>
        </div>
      </nav>
      <tr-jump
        .catalog=${catalog}
        .places=${places}
        .tally=${this.#tally}
      ></tr-jump>
      <tr-shortcuts .user=${client.authid} .places=${places}></tr-shortcuts>
    `
  }

  get #isBehindMore(): boolean {
    return this.route !== null && !AT_HAND.includes(this.route.screen)
  }

  #operating(places: readonly ScreenName[]): TemplateResult | string {
    const operators = places.filter(name => screens[name].isForOperators)
    if (operators.length === 0) return ""
    return html`<div>
      <h2 id="operate">${words.frame.operate}</h2>
      <ul aria-labelledby="operate">
        ${operators.map(name => this.#place(name))}
      </ul>
    </div>`
  }

  /** A place of the rail, or of a menu. */
  #place(name: ScreenName): TemplateResult {
    return html`<li>${this.#link(name, "place")}</li>`
  }

  #link(name: ScreenName, look: "place" | "tab"): TemplateResult {
    return html`<a
      class=${look}
      href=${`#/${name}`}
      aria-current=${name === this.route?.screen ? "page" : nothing}
      >${icon(name)}<span>${words.frame[name]}</span>${name === "jobs" ? this.#running() : ""}</a
    >`
  }

  #running(): TemplateResult | string {
    const {running} = this.#tally.count()
    if (running === 0) return ""
    return html`<span class="count" data-testid="running-count"
      ><span aria-hidden="true">${running}</span
      ><span class="hidden">${words.frame.running(running)}</span></span
    >`
  }

  #screen(catalog: Catalog): unknown {
    const {account, client, route} = this
    if (this.isNotLoaded) {
      return html`
        <h1>${words.frame.notLoaded}</h1>
        <div class="notice" role="alert">
          <p>${words.frame.notLoadedWhy}</p>
          <button class="primary" @click=${() => location.reload()}>${words.frame.reload}</button>
        </div>
      `
    }
    return route ? showScreen({account, client, catalog, route, tally: this.#tally}) : ""
  }

  #skip(event: Event): void {
    event.preventDefault()
    this.querySelector("main")?.focus()
  }
}
