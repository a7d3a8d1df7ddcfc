/** What a job prints: live, from any place of it, whatever the amount. */

import type {OutputStream} from "@taskrealm/client"
import {html, nothing, type PropertyValues, type TemplateResult} from "lit"
import {customElement, property, state} from "lit/decorators.js"
import {percent} from "./format"
import {collected, save} from "./output/download"
import {Feed} from "./output/feed"
import {STREAMS} from "./output/intake"
import {type Found, Searching} from "./output/searching"
import {outputStyles} from "./output/styles"
import {RealmElement} from "./realm-element"
import {words} from "./words"

/**
 * The output of a job.
 *
 * It opens at the end and stays there while the job prints, until somebody scrolls up. Both
 * streams are shown; the node keeps no order between them, so that what was printed before one
 * looked is standard output and then standard error, and what comes live is in the order in which
 * it comes.
 *
 * @fires taskrealm-follow - `{isFollowing}`: it follows the end, or does not any more
 * @fires taskrealm-found - `{text, count, isComplete}`: a search has come to an end
 * @fires taskrealm-complete - `{printed}`: the job has ended and everything it printed is known
 * @csspart toolbar - what is above the screen
 * @csspart screen - what scrolls
 * @csspart scrollbar - shows and changes the place in all of the output
 * @csspart line - each line
 * @csspart jump - the button that leads to what is new
 * @csspart amount - how much there is
 */
@customElement("taskrealm-output")
export class TaskrealmOutput extends RealmElement {
  static override styles = [RealmElement.styles, outputStyles]

  /** The id of the job. */
  @property() job = ""
  /** Which of its streams. */
  @property() stream: OutputStream | "all" = "all"
  /** Whether long lines are wrapped. */
  @property({reflect: true}) wrap: "on" | "off" = "on"
  /** Whether it stays at the end. */
  @property({reflect: true}) follow: "on" | "off" = "on"

  @state() private downloaded: number | null = null
  #feed = new Feed(this, {
    onRestart: () => this.#searching.reset(),
    onComplete: ({sizes}) => this.tell("taskrealm-complete", {printed: {...sizes}}),
  })
  #searching = new Searching(this, this.#feed, found => this.tell<Found>("taskrealm-found", found))

  protected override updated(changes: PropertyValues<this>): void {
    if (changes.has("job") || changes.has("stream")) this.#feed.restart()
    else if (changes.has("wrap")) this.#feed.schedule()
    if (changes.has("follow") && changes.get("follow") !== undefined) {
      this.tell("taskrealm-follow", {isFollowing: this.#feed.isFollowing})
      this.#feed.followed()
    }
  }

  #onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === "Home") {
      this.#feed.setFollow(false)
      void this.#feed.goTo(0)
    } else if (event.key === "End") {
      this.#feed.setFollow(true)
      void this.#feed.showEnd()
    } else return
    event.preventDefault()
  }

  #onWheel(event: WheelEvent): void {
    event.preventDefault()
    this.#feed.viewport.screen.scrollBy(0, event.deltaY * (event.deltaMode === 0 ? 1 : 20))
  }

  #onGrab(event: PointerEvent): void {
    const feed = this.#feed
    feed.viewport.grab(event, async share => {
      feed.setFollow(share === 1)
      if (share === 1) await feed.showEnd()
      else await feed.goTo(share * feed.course.total, share)
    })
  }

  #onSearch(event: Event): void {
    this.#searching.type((event.target as HTMLInputElement).value)
  }

  #onSearchKey(event: KeyboardEvent): void {
    if (event.key === "Escape" && this.#searching.text !== "") this.#searching.clear()
    else if (event.key === "Enter") {
      event.preventDefault()
      this.#searching.step(event.shiftKey ? -1 : 1)
    } else return
    event.stopPropagation()
  }

  /** Save all that is kept of what is shown. */
  async #download(): Promise<void> {
    const {intake, streams} = this.#feed
    if (!intake) return
    const ranges = streams.map(stream => ({stream, from: 0, to: intake.sizes[stream]}))
    try {
      const onProgress = (fraction: number) => {
        this.downloaded = fraction
      }
      const {gap} = words.output
      save(
        await collected(intake.read, ranges, {gap, onProgress}),
        `${this.job}.${this.stream}.txt`,
      )
    } catch (error) {
      this.#feed.fail(error)
    } finally {
      this.downloaded = null
    }
  }

  protected override render(): TemplateResult {
    const {isEmpty, isOpened, isFollowing, unseen, failure} = this.#feed
    const isNothing = isEmpty && isOpened
    return html`
      ${isEmpty ? nothing : this.#toolbar()}
      <div class="frame" ?hidden=${isEmpty}>
        <div
          class="screen output"
          part="screen"
          data-testid="job-output"
          role="log"
          aria-live="off"
          aria-label=${words.output.name}
          tabindex="0"
          data-wrap=${this.wrap}
          @scroll=${() => this.#feed.scrolled()}
          @keydown=${this.#onKey}
        >
          <div class="rows"></div>
        </div>
        <div class="track" part="scrollbar" aria-hidden="true" @pointerdown=${this.#onGrab} @wheel=${this.#onWheel}>
          <div class="thumb"></div>
        </div>
        ${
          isFollowing
            ? nothing
            : html`<button class="jump" part="jump" @click=${() => this.#feed.setFollow(true)}>
                ${unseen > 0 ? words.output.jumpNew(unseen) : words.output.jump}
              </button>`
        }
      </div>
      ${failure ? html`<p class="notice bad" role="alert">${failure.message}</p>` : nothing}
      <p class="quiet amount" part="amount">${isNothing ? this.#silence() : this.#amount()}</p>
    `
  }

  #silence(): string {
    return this.#feed.hasEnded ? words.output.nothing : words.output.nothingYet
  }

  #amount(): string {
    const {isEmpty, intake, streams} = this.#feed
    if (isEmpty || !intake) return ""
    const sum = (each: Record<OutputStream, number>) =>
      streams.reduce((all, stream) => all + each[stream], 0)
    const lost = sum(intake.lost)
    const texts = [words.output.printed(sum(intake.sizes))]
    if (lost > 0) texts.push(words.output.notKept(lost))
    return texts.join(" · ")
  }

  #toolbar(): TemplateResult {
    const feed = this.#feed
    const searching = this.#searching
    const sizes = feed.intake?.sizes
    const hasBoth = sizes !== undefined && STREAMS.every(stream => sizes[stream] > 0)
    return html`
      <div class="toolbar" part="toolbar" role="toolbar" aria-label=${words.output.toolbar}>
        <div class="search">
          <input
            type="search"
            aria-label=${words.output.search}
            placeholder=${words.output.search}
            maxlength="200"
            spellcheck="false"
            autocomplete="off"
            .value=${searching.text}
            @input=${this.#onSearch}
            @keydown=${this.#onSearchKey}
          />
          <span class="found" role="status" data-testid="output-found">${searching.summary}</span>
          <button
            class="icon"
            aria-label=${words.output.matchCase}
            title=${words.output.matchCase}
            aria-pressed=${searching.matchCase}
            @click=${() => searching.toggleCase()}
          >
            <span aria-hidden="true">${words.output.matchCaseSign}</span>
          </button>
          <button
            class="icon"
            aria-label=${words.output.previous}
            title=${words.output.previous}
            ?disabled=${!searching.hasMatches}
            @click=${() => searching.step(-1)}
          >
            <span aria-hidden="true">↑</span>
          </button>
          <button
            class="icon"
            aria-label=${words.output.next}
            title=${words.output.next}
            ?disabled=${!searching.hasMatches}
            @click=${() => searching.step(1)}
          >
            <span aria-hidden="true">↓</span>
          </button>
        </div>
        ${hasBoth || this.stream !== "all" ? this.#choice() : nothing}
        ${this.#toggle(words.output.wrap, this.wrap === "on", isOn => {
          this.wrap = isOn ? "on" : "off"
        })}
        ${
          feed.hasEnded
            ? nothing
            : this.#toggle(words.output.follow, feed.isFollowing, isOn => feed.setFollow(isOn))
        }
        <button ?disabled=${this.downloaded !== null} @click=${this.#download}>
          ${
            this.downloaded === null
              ? words.output.download
              : words.output.downloading(percent(this.downloaded))
          }
        </button>
      </div>
    `
  }

  #choice(): TemplateResult {
    return html`<select
      aria-label=${words.output.stream}
      @change=${(event: Event) => {
        this.stream = (event.target as HTMLSelectElement).value as typeof this.stream
      }}
    >
      ${(["all", ...STREAMS] as const).map(
        each =>
          html`<option value=${each} ?selected=${each === this.stream}>
            ${words.output.streams[each]}
          </option>`,
      )}
    </select>`
  }

  #toggle(name: string, isOn: boolean, set: (isOn: boolean) => void): TemplateResult {
    return html`<button class="toggle" aria-pressed=${isOn} @click=${() => set(!isOn)}>
      <span class="tick" aria-hidden="true">${isOn ? "✓" : ""}</span>${name}
    </button>`
  }
}
