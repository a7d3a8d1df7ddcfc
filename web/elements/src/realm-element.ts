/** What all elements have in common. */

import type {Client} from "@taskrealm/client"
import {type CSSResultGroup, LitElement} from "lit"
import {property} from "lit/decorators.js"
import {clientFor} from "./node"
import {basics, theme} from "./styles"

/** An element that shows something of a node. */
export abstract class RealmElement extends LitElement {
  static override styles: CSSResultGroup = [theme, basics]

  /** Where the node's WebSocket is, if not where its other things are. */
  @property() url: string | null = null
  /** Where the page's own server gives tokens for the visitor. */
  @property({attribute: "token-url"}) tokenUrl: string | null = null

  #client: Client | null = null

  /** Speaks to the node. Whoever has one already gives it to the element before it is shown. */
  @property({attribute: false, noAccessor: true})
  get client(): Client {
    this.#client ??= clientFor(this.url, this.tokenUrl)
    return this.#client
  }

  set client(client: Client) {
    const before = this.#client
    this.#client = client
    this.requestUpdate("client", before)
  }

  /** Tell the page: an event that bubbles and leaves the shadow tree. */
  protected tell<T>(name: string, detail: T): void {
    this.dispatchEvent(new CustomEvent(name, {detail, bubbles: true, composed: true}))
  }
}
