/** The files that a job has left: a list, to be saved or looked at. */

import type {Artifact, Client} from "@taskrealm/client"
import {css, html, LitElement, type TemplateResult} from "lit"
import {customElement, property, state} from "lit/decorators.js"
import {repeat} from "lit/directives/repeat.js"
import {Resource} from "../controllers"
import {bytes, moment, percent} from "../format"
import {basics, theme} from "../styles"
import {words} from "../words"
import {problem} from "./notice"

/** Media types that browsers show as pictures; scripts in them are not run. */
const PICTURES = new Set([
  ...["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/svg+xml"],
])

/** Bytes up to which files are shown. */
const MOST = {picture: 20_000_000, text: 200_000, document: 50_000_000}

type Look = "picture" | "text" | "document"

/** Bytes up to which the first picture of a job is shown without being asked for. */
const UNASKED = 5_000_000

/** A file that is open, and what is shown of it. */
interface Opened {
  name: string
  look: Look
  /** The address of a picture, or the text itself. */
  content: string
}

@customElement("tr-files")
export class FileList extends LitElement {
  @property({attribute: false}) client!: Client
  @property({attribute: false}) jobId = ""
  /** Grows when there are more files. */
  @property({attribute: false}) count = 0
  /** Whether there will be no more. */
  @property({attribute: false}) hasEnded = false
  @state() private failure: Error | null = null
  @state() private opened = new Map<string, Opened>()
  /** The file that is being fetched, and how much of it is here. */
  @state() private fetching: {name: string; fraction: number} | null = null
  #stop = new AbortController()
  #isShown = false
  #list = new Resource<Artifact[]>(this, () => this.client.job(this.jobId).artifacts())

  static override styles = [
    theme,
    basics,
    css`
      h2 {
        margin-top: 1.25rem;
      }

      .files {
        background: var(--card);
        border: 1px solid var(--line);
        border-radius: var(--radius);
        list-style: none;
        margin: 0;
        padding: 0;
      }

      .files > li {
        padding: 0.6rem 0.9rem;
      }

      .files > li + li {
        border-top: 1px solid var(--line);
      }

      .file {
        align-items: center;
        display: flex;
        flex-wrap: wrap;
        gap: 0.25rem 0.75rem;
      }

      .name {
        font-weight: 600;
        overflow-wrap: anywhere;
      }

      .file .row {
        margin-inline-start: auto;
      }

      .sum {
        color: var(--quiet);
        font-size: 0.8rem;
        flex-basis: 100%;
        margin: 0;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }

      .sum code {
        font-size: inherit;
        user-select: all;
      }

      .picture {
        background: var(--wait-soft);
        border-radius: var(--radius);
        display: block;
        margin-top: 0.6rem;
        max-height: 70vh;
        max-width: 100%;
      }

      pre.block {
        margin-top: 0.6rem;
      }
    `,
  ]

  protected override updated(changed: Map<PropertyKey, unknown>): void {
    // It is asked for at first by itself.
    if (changed.get("count") !== undefined) void this.#list.load()
    this.#showFirst()
  }

  /** What a job was run for may be a picture: people need not ask for that. */
  #showFirst(): void {
    const files = this.#list.value
    if (!files || !this.hasEnded || this.#isShown) return
    const first = files.find(file => lookOf(file) === "picture" && file.size <= UNASKED)
    if (first === undefined) return
    this.#isShown = true
    if (!this.opened.has(first.name)) void this.#open(first, "picture")
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#stop.abort()
    for (const name of this.opened.keys()) this.#close(name)
  }

  protected override render(): TemplateResult | string {
    const files = this.#list.value ?? []
    if (files.length === 0) return this.#list.error ? problem(this.#list.error) : ""
    return html`
      <section>
        <h2>${words.job.files}</h2>
        ${this.failure ? problem(this.failure) : ""}
        <ul class="files" data-testid="job-files">
          ${repeat(
            files,
            ({name}) => name,
            file => this.#row(file),
          )}
        </ul>
      </section>
    `
  }

  #row(file: Artifact): TemplateResult {
    const {name, title, size, sha256, expires_at} = file
    const until = expires_at ? ` · ${words.job.until(moment(expires_at))}` : ""
    const opened = this.opened.get(name)
    const isOpen = opened !== undefined
    const look = lookOf(file)
    return html`<li>
      <div class="file">
        <span class="name">${title ?? name}</span>
        <span class="quiet">${title ? `${name} · ` : ""}${bytes(size)}${until}</span>
        ${this.#way(name)}
        <span class="row">
          ${
            look === null
              ? ""
              : html`<button
                  aria-expanded=${look === "document" ? "false" : String(isOpen)}
                  @click=${() => (isOpen ? this.#close(name) : this.#open(file, look))}
                >
                  ${isOpen ? words.job.hide : words.job.show}<span class="hidden"> ${name}</span>
                </button>`
          }
          <button @click=${() => this.#save(file)}>
            ${words.job.save}<span class="hidden"> ${name}</span>
          </button>
        </span>
        <p class="sum">${words.job.checksum} <code>${sha256}</code></p>
      </div>
      ${opened ? shown(opened) : ""}
    </li>`
  }

  #way(name: string): TemplateResult | string {
    if (this.fetching?.name !== name) return ""
    return html`<span class="quiet" role="status">${percent(this.fetching.fraction)}</span>`
  }

  async #fetch({name}: Artifact): Promise<Blob | null> {
    this.#stop.abort()
    this.#stop = new AbortController()
    const {signal} = this.#stop
    this.failure = null
    try {
      return await this.client.job(this.jobId).artifact(name, {
        signal,
        onProgress: fraction => {
          this.fetching = {name, fraction}
        },
      })
    } catch (error) {
      if (!signal.aborted) this.failure = error as Error
      return null
    } finally {
      if (this.fetching?.name === name) this.fetching = null
    }
  }

  async #save(file: Artifact): Promise<void> {
    const blob = await this.#fetch(file)
    if (blob === null) return
    // Of no type that a browser would open on this site.
    const url = URL.createObjectURL(new Blob([blob], {type: "application/octet-stream"}))
    const name = file.name.split("/").at(-1) ?? file.name
    Object.assign(document.createElement("a"), {href: url, download: name}).click()
    setTimeout(() => URL.revokeObjectURL(url), 60_000)
  }

  async #open(file: Artifact, look: Look): Promise<void> {
    const blob = await this.#fetch(file)
    if (blob === null || !this.isConnected) return
    if (look === "document") {
      const url = URL.createObjectURL(new Blob([blob], {type: "application/pdf"}))
      window.open(url, "_blank", "noopener")
      setTimeout(() => URL.revokeObjectURL(url), 60_000)
      return
    }
    const content = look === "picture" ? URL.createObjectURL(blob) : await blob.text()
    this.opened = new Map(this.opened).set(file.name, {name: file.name, look, content})
  }

  #close(name: string): void {
    const file = this.opened.get(name)
    if (file?.look === "picture") URL.revokeObjectURL(file.content)
    this.opened = new Map([...this.opened].filter(([each]) => each !== name))
  }
}

/** How a file can be shown; null when it can only be saved. */
function lookOf({media_type, size}: Artifact): Look | null {
  if (PICTURES.has(media_type)) return size <= MOST.picture ? "picture" : null
  if (media_type === "application/pdf") return size <= MOST.document ? "document" : null
  const isText = media_type.startsWith("text/") || /[/+](json|xml|yaml|toml)$/.test(media_type)
  return isText && size <= MOST.text ? "text" : null
}

function shown({name, look, content}: Opened): TemplateResult {
  return look === "picture"
    ? html`<img class="picture" src=${content} alt=${name} />`
    : html`<pre class="block" tabindex="0" aria-label=${name}>${content}</pre>`
}
