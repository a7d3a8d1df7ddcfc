/** The search of an output: what is looked for, what was found, and at which match one is. */

import type {OutputStream} from "@taskrealm/client"
import type {ReactiveController, ReactiveControllerHost} from "lit"
import {percent} from "../format"
import {words} from "../words"
import type {Feed} from "./feed"
import {Finder, type StreamMatch} from "./finder"

/** Milliseconds after the last key before a search begins. */
const PAUSE = 250

/** What a page is told when a search has come to an end. */
export interface Found {
  text: string
  count: number
  isComplete: boolean
}

/** Searches with the help of the node, and shows one match after the other. */
export class Searching implements ReactiveController {
  text = ""
  matchCase = false
  #finder: Finder | null = null
  #chosen = -1
  #pause: ReturnType<typeof setTimeout> | undefined

  constructor(
    private readonly host: ReactiveControllerHost,
    private readonly feed: Feed,
    private readonly onFound: (found: Found) => void,
  ) {
    host.addController(this)
  }

  hostDisconnected(): void {
    clearTimeout(this.#pause)
  }

  /** Whether there is a match to go to. */
  get hasMatches(): boolean {
    return this.#finder !== null && this.#finder.matches.length > 0
  }

  /** What was found, in words. */
  get summary(): string {
    if (!this.#finder) return ""
    const {matches, isComplete, hasEnough, fraction} = this.#finder
    if (matches.length > 0) {
      return words.output.place(this.#chosen + 1, matches.length, isComplete)
    }
    return isComplete || hasEnough ? words.output.none : words.output.searching(percent(fraction))
  }

  /** Forget what was found. */
  reset(): void {
    this.#finder = null
    this.#chosen = -1
    this.feed.viewport.current = null
    this.host.requestUpdate()
  }

  /** Search for *text* as soon as nobody types any more. */
  type(text: string): void {
    this.text = text
    this.#finder = null
    this.host.requestUpdate()
    clearTimeout(this.#pause)
    this.#pause = setTimeout(() => void this.begin(), PAUSE)
  }

  /** Search for nothing any more. */
  clear(): void {
    this.text = ""
    void this.begin()
  }

  toggleCase(): void {
    this.matchCase = !this.matchCase
    void this.begin()
  }

  /** Search from where one is, or from the end backwards if one follows. */
  async begin(): Promise<void> {
    clearTimeout(this.#pause)
    const {text, matchCase, feed} = this
    const {intake, viewport} = feed
    this.reset()
    viewport.needle = text === "" ? null : new RegExp(escaped(text), matchCase ? "gu" : "giu")
    viewport.repaint()
    if (text === "" || !intake) return
    const begin = feed.isFollowing ? Number.POSITIVE_INFINITY : viewport.seen()[0]
    const search = (stream: OutputStream, offset: number) =>
      intake.job.search(text, {stream, offset, limit: 1000, matchCase})
    this.#finder = new Finder(search, feed.streams, intake.sizes)
    await this.#find(this.#finder, begin)
  }

  /** Let *finder* go on, and show the first match behind *begin* as soon as there is one. */
  async #find(finder: Finder, begin: number): Promise<void> {
    try {
      await finder.run(() => {
        if (finder !== this.#finder) return false
        if (this.#chosen < 0) {
          const index = finder.matches.findIndex(match => this.#placeOf(match) >= begin)
          const last = finder.isComplete || finder.hasEnough ? finder.matches.length - 1 : -1
          this.#choose(index >= 0 ? index : last)
        }
        this.host.requestUpdate()
        return true
      })
    } catch (error) {
      if (finder === this.#finder) this.feed.fail(error)
      return
    }
    if (finder !== this.#finder) return
    const {isComplete, matches} = finder
    if (this.#chosen < 0) this.#choose(matches.length - 1)
    this.onFound({text: this.text, count: matches.length, isComplete})
  }

  #placeOf({stream, offset}: StreamMatch): number {
    return this.feed.course.place(stream, offset)
  }

  /** Go to the next match, or to the one before. */
  step(by: 1 | -1): void {
    const finder = this.#finder
    if (!finder) {
      void this.begin()
      return
    }
    const next = this.#chosen + by
    if (next === finder.matches.length && finder.hasEnough) {
      const begin = this.feed.course.total
      void this.#find(finder, begin).then(() => this.#choose(next))
    } else this.#choose((next + finder.matches.length) % (finder.matches.length || 1))
  }

  #choose(index: number): void {
    const match = this.#finder?.matches[index]
    if (!match) return
    this.#chosen = index
    this.host.requestUpdate()
    this.feed.setFollow(false)
    void this.feed.reveal(this.#placeOf(match))
  }
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")
}
