/** A menu that copies a request for use elsewhere. */

import {PageElement} from "@taskrealm/elements/base"
import {
  asCommand,
  asCurl,
  asJavaScript,
  asPython,
  asQuery,
  type Request,
} from "@taskrealm/elements/form"
import {html, type TemplateResult} from "lit"
import {customElement, property, state} from "lit/decorators.js"
import {taskLink} from "../route"
import {words} from "../words"

@customElement("tr-copy-as")
export class CopyAs extends PageElement {
  /** Gives the request as the form stands. */
  @property({attribute: false}) request!: () => Request | undefined
  @state() private isOpen = false
  /** What was copied, or what could not be. */
  @state() private note = ""
  @state() private text: string | null = null

  protected override render(): TemplateResult {
    return html`<div class="copy-as" @keydown=${this.#press} @focusout=${this.#leave}>
      <button
        type="button"
        aria-haspopup="menu"
        aria-expanded=${this.isOpen}
        @click=${() => void this.#toggle()}
      >${words.task.copyAs} ▾</button>
      ${this.isOpen ? this.#menu() : ""}
      <span class="quiet" role="status">${this.note}</span>
      ${this.text === null ? "" : html`<pre class="block" tabindex="0">${this.text}</pre>`}
    </div>`
  }

  #menu(): TemplateResult {
    const base = new URL(".", location.href).href
    const link = ({task, args}: Request) =>
      `${location.href.split("#", 1)[0]}${taskLink(task)}?${asQuery(args)}`
    const ways: [string, (request: Request) => string][] = [
      [words.task.curl, request => asCurl(request, base)],
      [words.task.command, request => asCommand(request, base)],
      [words.task.python, request => asPython(request, base)],
      [words.task.javaScript, request => asJavaScript(request, base)],
      [words.task.link, link],
    ]
    return html`<div role="menu" class="menu" aria-label=${words.task.copyAs}>
      ${ways.map(
        ([name, textOf]) => html`<button
          type="button"
          role="menuitem"
          tabindex="-1"
          @click=${() => void this.#copy(name, textOf)}
        >${name}</button>`,
      )}
    </div>`
  }

  async #toggle(): Promise<void> {
    this.isOpen = !this.isOpen
    this.note = ""
    this.text = null
    await this.updateComplete
    this.querySelector<HTMLElement>("[role=menuitem]")?.focus()
  }

  async #copy(name: string, textOf: (request: Request) => string): Promise<void> {
    const request = this.request()
    this.#close()
    if (!request) return
    const text = textOf(request)
    try {
      await navigator.clipboard.writeText(text)
      this.note = words.task.copied(name)
    } catch {
      // Pages without TLS may not, but for those of this machine.
      this.note = words.task.notCopied
      this.text = text
    }
  }

  #close(): void {
    this.isOpen = false
    this.querySelector<HTMLElement>("[aria-haspopup]")?.focus()
  }

  #leave(event: FocusEvent): void {
    if (!this.contains(event.relatedTarget as Node | null)) this.isOpen = false
  }

  #press(event: KeyboardEvent): void {
    if (!this.isOpen) return
    const items = [...this.querySelectorAll<HTMLElement>("[role=menuitem]")]
    const at = items.indexOf(document.activeElement as HTMLElement)
    const next = {ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1}[event.key]
    if (event.key === "Escape") this.#close()
    else if (next !== undefined) items.at(next % items.length)?.focus()
    else return
    event.preventDefault()
  }
}
