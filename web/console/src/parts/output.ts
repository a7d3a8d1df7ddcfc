/** What a job prints, live; stays usable whatever the amount. */

import type {Job, OutputChunk, OutputStream} from "@taskrealm/client"
import {html, type TemplateResult} from "lit"
import {customElement, property, query, state} from "lit/decorators.js"
import {PageElement} from "../element"
import {bytes, grouped} from "../format"
import {type Line, OutputLines} from "../lines"

/** Lines kept in the page. */
const LINES_KEPT = 3000

/** Bytes of each stream before its end where reading begins. */
const TAIL = 300_000

/** Characters taken in before the page may draw again. */
const GULP = 50_000

@customElement("tr-output")
export class OutputView extends PageElement {
  @property({attribute: false}) job!: Job
  /** Bytes that each stream has already when the view opens. */
  @property({attribute: false}) sizes: Record<OutputStream, number> = {stdout: 0, stderr: 0}
  @property({attribute: false}) hasEnded = false
  @state() private count = 0
  @state() private isFollowing = true
  @state() private unseen = 0
  @state() private note = ""
  @query(".output") private box!: HTMLElement

  #lines = new OutputLines()
  #skipped: Record<OutputStream, number> = {stdout: 0, stderr: 0}
  #rows = new Map<number, HTMLElement>()
  #pending: Line[] = []
  #drawing: Promise<void> | null = null
  #leave = new AbortController()

  protected override firstUpdated(): void {
    void this.#read()
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#leave.abort()
  }

  async #read(): Promise<void> {
    const from = {stdout: tail(this.sizes.stdout), stderr: tail(this.sizes.stderr)}
    const skipped = from.stdout + from.stderr
    if (skipped > 0) this.note = `The first ${bytes(skipped)} are not shown.`
    const cut = new Set<OutputStream>(STREAMS.filter(stream => from[stream] > 0))
    let taken = 0
    try {
      for await (const chunk of this.job.output({from, signal: this.#leave.signal})) {
        let {text} = chunk
        if (cut.delete(chunk.stream)) text = text.slice(text.indexOf("\n") + 1)
        if (chunk.skipped) this.note = this.#missing(chunk)
        this.#pending.push(...this.#lines.add({...chunk, text}))
        this.#drawing ??= new Promise(requestAnimationFrame).then(() => this.#draw())
        taken += text.length
        if (taken < GULP) continue
        taken = 0
        await this.#drawing
      }
    } catch (error) {
      this.note = (error as Error).message
    }
  }

  /** Bring the page up to date; once a frame, as measuring and scrolling cost time. */
  #draw(): void {
    this.#drawing = null
    const before = this.count
    const news = document.createDocumentFragment()
    for (const line of this.#pending.splice(0).slice(-LINES_KEPT)) {
      const row = this.#rows.get(line.number)
      if (row) row.textContent = line.text
      else if (line.number > this.count) news.append(this.#rowOf(line))
    }
    this.box.append(news)
    this.#trim()
    if (!this.isFollowing) this.unseen += this.count - before
    this.requestUpdate()
  }

  #missing({stream, skipped = 0}: OutputChunk): string {
    this.#skipped[stream] += skipped
    const all = Object.values(this.#skipped).reduce((sum, each) => sum + each)
    return `${grouped(all)} bytes are not shown, because they were not kept.`
  }

  #rowOf({number, stream, text, isGap = false}: Line): HTMLElement {
    const row = document.createElement("div")
    row.dataset.stream = stream
    if (isGap) row.dataset.gap = ""
    row.textContent = text
    this.#rows.set(number, row)
    this.count = number
    return row
  }

  #trim(): void {
    for (const [number, row] of this.#rows) {
      if (this.#rows.size <= LINES_KEPT) return
      row.remove()
      this.#rows.delete(number)
    }
  }

  #scrollDown(): void {
    this.box.scrollTop = this.box.scrollHeight
  }

  #onScroll(): void {
    const {scrollTop, scrollHeight, clientHeight} = this.box
    this.isFollowing = scrollHeight - scrollTop - clientHeight < 24
    if (this.isFollowing) this.unseen = 0
  }

  #jump(): void {
    this.isFollowing = true
    this.unseen = 0
  }

  /** Only now does the box have its size. */
  protected override updated(): void {
    if (this.isFollowing) this.#scrollDown()
  }

  protected override render(): TemplateResult {
    const hidden = this.count - this.#rows.size
    return html`
      <p class="quiet">
        ${this.count > 0 ? "" : this.hasEnded ? "Nothing was printed." : "Nothing printed yet."}
        ${this.note}
        ${hidden > 0 ? `The last ${this.#rows.size} lines are shown.` : ""}
      </p>
      <div class="output-frame" ?hidden=${this.count === 0}>
        <div
          class="output"
          data-testid="job-output"
          role="log"
          aria-live="off"
          aria-label="Output"
          tabindex="0"
          @scroll=${this.#onScroll}
        ></div>
        ${
          this.isFollowing
            ? ""
            : html`<button class="jump" @click=${this.#jump}>
                Jump to latest${this.unseen > 0 ? ` (${this.unseen} new)` : ""}
              </button>`
        }
      </div>
    `
  }
}

const STREAMS: OutputStream[] = ["stdout", "stderr"]

function tail(size: number): number {
  return Math.max(0, size - TAIL)
}
