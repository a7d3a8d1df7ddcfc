/** Lets the output of a job come into the page: where one is, and live at its end. */

import type {OutputStream} from "@taskrealm/client"
import type {ReactiveController} from "lit"
import type {RealmElement} from "../realm-element"
import {Course} from "./course"
import {Intake, type News, STREAMS} from "./intake"
import {PAGE, readLines} from "./pages"
import {ROWS, Viewport} from "./viewport"
import {Window} from "./window"

/** Bytes that are held of what is printed while nobody follows. */
const MOST_HELD = 8 * PAGE

const NOTHING = new Course()

/** The element that shows the output. */
type Host = RealmElement & {
  readonly job: string
  readonly stream: OutputStream | "all"
  follow: "on" | "off"
}

/** What the host is told. */
export interface Listeners {
  /** It begins anew, as if it had just been opened. */
  onRestart: () => void
  /** The job has ended, and everything it printed is known. */
  onComplete: (intake: Intake) => void
}

/** Holds the lines around what can be seen, and reads on as one scrolls. */
export class Feed implements ReactiveController {
  readonly viewport: Viewport
  /** What is known of the output; null before there is a job. */
  intake: Intake | null = null
  /** Whether what was printed before is known. */
  isOpened = false
  /** Whether there is nothing to be shown. */
  isEmpty = true
  /** Lines that were printed since one does not follow. */
  unseen = 0
  failure: Error | null = null
  #held = new Window()
  #leave = new AbortController()
  #live = new AbortController()
  #drawing: Promise<void> | null = null
  /** What was printed while the end was being read. */
  #late: News[] | null = null
  #isReading = false
  #asked = 0
  #stopWaiting = () => {}
  #resizing = new ResizeObserver(() => this.schedule())

  constructor(
    private readonly host: Host,
    private readonly listeners: Listeners,
  ) {
    this.viewport = new Viewport(host, this.#held)
    host.addController(this)
  }

  hostConnected(): void {
    document.addEventListener("visibilitychange", this.#onVisibility)
    if (this.host.hasUpdated) this.restart()
  }

  hostDisconnected(): void {
    document.removeEventListener("visibilitychange", this.#onVisibility)
    this.#resizing.disconnect()
    this.#stopWaiting()
    this.#leave.abort()
    this.#live.abort()
  }

  get isFollowing(): boolean {
    return this.host.follow !== "off"
  }

  get streams(): readonly OutputStream[] {
    return this.host.stream === "all" ? STREAMS : [this.host.stream]
  }

  /** The order of all that was printed. */
  get course(): Course {
    return this.intake?.course ?? NOTHING
  }

  get hasEnded(): boolean {
    return this.intake?.hasEnded ?? false
  }

  /** Whether the lines at hand go to the end of the output. */
  get #isAtEnd(): boolean {
    return this.#held.to === this.course.total
  }

  /** Say what went wrong. */
  fail(error: unknown): void {
    this.failure = error as Error
    this.host.requestUpdate()
  }

  /** Begin anew, as if it had just been opened. */
  restart(): void {
    this.#stopWaiting()
    this.#leave.abort()
    this.#leave = new AbortController()
    this.intake = null
    this.#late = null
    this.listeners.onRestart()
    this.#clear()
    this.isOpened = false
    this.isEmpty = true
    this.unseen = 0
    this.host.requestUpdate()
    this.#resizing.observe(this.viewport.screen)
    if (this.host.job === "") return
    try {
      const {client} = this.host
      this.intake = new Intake(client.job(this.host.job), this.streams, {
        onNews: news => this.#arrive(news),
        onChange: () => {
          this.host.requestUpdate()
          void this.schedule()
        },
        drawn: () => this.schedule(),
      })
      // Before the client has joined there is nobody to ask.
      this.#stopWaiting = client.on("status", status => {
        if (status === "live" && !this.isOpened) void this.#open()
      })
      if (client.authid !== "") void this.#open()
    } catch (error) {
      this.fail(error)
    }
  }

  /** Find out what was printed since we last knew, show its end, and go on live. */
  async #open(): Promise<void> {
    const {intake} = this
    if (!intake) return
    this.#live.abort()
    this.#live = new AbortController()
    const signal = AbortSignal.any([this.#live.signal, this.#leave.signal])
    try {
      await intake.begin(signal)
      if (signal.aborted) return
      this.failure = null
      this.isOpened = true
      this.host.requestUpdate()
      if (this.isFollowing || this.#held.isEmpty) await this.showEnd()
      await intake.listen(signal)
      if (signal.aborted) return
      if (!intake.hasEnded) this.restart()
      else this.listeners.onComplete(intake)
    } catch (error) {
      if (!signal.aborted) this.fail(error)
    }
  }

  /** Take finished lines, if those before them are at hand. */
  #arrive({from, to, lines, styles}: News): void {
    const held = this.#held
    const hasRoom = this.isFollowing || held.to - held.from < MOST_HELD
    if (held.to === from && hasRoom) {
      held.extend(lines, to, styles)
      if (this.isFollowing) held.trim(held.end - ROWS, held.end)
    } else this.#late?.push({from, to, lines, styles})
    if (!this.isFollowing) {
      this.unseen += lines.length
      this.host.requestUpdate()
    }
  }

  /** Draw once a frame, as measuring and scrolling cost time. */
  schedule(): Promise<void> {
    this.#drawing ??= new Promise<void>(resolve => {
      requestAnimationFrame(() => {
        this.#drawing = null
        if (this.host.isConnected) this.#draw()
        resolve()
      })
    })
    return this.#drawing
  }

  #draw(): void {
    const {viewport} = this
    this.#drawOpen()
    if (this.isFollowing && this.#isAtEnd) viewport.showLast()
    else void this.#fetch(...viewport.slide())
    viewport.drawThumb(this.course.total)
    if (viewport.isEmpty === this.isEmpty) return
    this.isEmpty = viewport.isEmpty
    this.host.requestUpdate()
  }

  /** The lines without an end are shown behind all others, if those are there. */
  #drawOpen(): void {
    const lineOf = (stream: OutputStream) =>
      this.#isAtEnd ? (this.intake?.openLine(stream) ?? null) : null
    this.viewport.drawOpen(lineOf, this.course.total)
  }

  /** Read on in the direction in which little is left. */
  async #fetch(first: number, last: number): Promise<void> {
    if (this.#isReading || this.#held.isEmpty) return
    const held = this.#held
    const above = (held.line(first)?.at ?? held.from) - held.from
    const below = held.to - (held.line(last)?.end ?? held.to)
    const {intake} = this
    if (!intake) return
    const {course} = intake
    const {signal} = this.#leave
    const asked = this.#asked
    const needsAbove = above < PAGE && held.from > 0
    if (!needsAbove && !(below < PAGE && held.to < course.total)) return
    this.#isReading = true
    try {
      const [from, to] = needsAbove
        ? [Math.max(0, held.from - PAGE), held.from]
        : [held.to, Math.min(course.total, held.to + PAGE)]
      const cuts = needsAbove ? {start: true} : {end: to < course.total}
      const page = await readLines(intake.read, course, from, to, cuts)
      if (signal.aborted || asked !== this.#asked) return
      if (needsAbove) {
        held.prepend(page)
        this.viewport.repaint()
      } else if (page.from === held.to) held.append(page)
      held.trim(first, last)
    } catch (error) {
      if (!signal.aborted) this.fail(error)
      return
    } finally {
      this.#isReading = false
    }
    this.schedule()
  }

  #clear(): void {
    this.#asked += 1
    this.#held.clear()
    this.viewport.clear()
  }

  /** Hold the lines around *place* only; false if that is not wanted any more. */
  async #hold(place: number): Promise<boolean> {
    if (!this.#held.isEmpty && place >= this.#held.from && place < this.#held.to) return true
    const {intake} = this
    if (!intake) return false
    const {course} = intake
    this.#asked += 1
    const asked = this.#asked
    const to = Math.min(course.total, place + PAGE / 2)
    const from = Math.max(0, Math.min(place - PAGE / 2, to - PAGE))
    const page = await readLines(intake.read, course, from, to, {
      start: from > 0,
      end: to < course.total,
    })
    if (asked !== this.#asked) return false
    this.#clear()
    this.#held.append(page)
    return true
  }

  /** Show the line at *place*, at that part of the height. */
  async goTo(place: number, height = 0): Promise<void> {
    if (!(await this.#hold(place))) return
    const number = this.#held.numberAt(place)
    this.viewport.show(number - Math.floor(ROWS / 2))
    this.#drawOpen()
    this.viewport.scrollToRow(number, height)
    this.#draw()
  }

  /** Show the line at *place*, as that of the match at which one is. */
  async reveal(place: number): Promise<void> {
    const near = Math.min(place, this.course.total - 1)
    if (!(await this.#hold(near))) return
    const {viewport} = this
    viewport.current = this.#held.line(this.#held.numberAt(place))?.at ?? null
    await this.goTo(Math.min(place, this.course.total - 1), 0.3)
    viewport.repaint()
  }

  async showEnd(): Promise<void> {
    const {total} = this.course
    if (total > 0 && !this.#isAtEnd) {
      const late: News[] = []
      this.#late = late
      const isHeld = await this.#hold(total)
      if (this.#late === late) this.#late = null
      if (!isHeld) return
      for (const news of late) this.#arrive(news)
    }
    this.#draw()
  }

  /** Somebody has scrolled: up leaves the end, down to the end stays there. */
  scrolled(): void {
    const {isUp, isLast} = this.viewport.scrolled()
    if (isLast && this.#isAtEnd) this.setFollow(true)
    else if (isUp) this.setFollow(false)
    if (!this.isFollowing) this.schedule()
  }

  setFollow(isFollowing: boolean): void {
    if (isFollowing !== this.isFollowing) this.host.follow = isFollowing ? "on" : "off"
  }

  /** It is to follow now, or not any more. */
  followed(): void {
    if (!this.isFollowing) return
    this.unseen = 0
    this.host.requestUpdate()
    if (this.isOpened) void this.showEnd()
  }

  /** A page that nobody sees needs no live output; what it misses is read when it is seen. */
  #onVisibility = (): void => {
    if (document.hidden) this.#live.abort()
    else if (this.isOpened && !this.hasEnded) void this.#open()
  }
}
