/** Looks for a text in the whole output, with the help of the node, step by step. */

import type {OutputMatch, OutputStream, SearchPage} from "@taskrealm/client"

/** Matches that are collected before somebody wants more. */
const ENOUGH = 2000

export interface StreamMatch extends OutputMatch {
  stream: OutputStream
}

/** Asks the node. */
export type Search = (stream: OutputStream, offset: number) => Promise<SearchPage>

/** One search: what it has found so far, and how far it has come. */
export class Finder {
  readonly matches: StreamMatch[] = []
  /** Whether everything that was printed has been looked through. */
  isComplete = false
  /** Whether it has stopped because there are so many. */
  hasEnough = false
  #streams: {name: OutputStream; next: number; size: number; isDone: boolean}[]

  constructor(
    readonly search: Search,
    streams: readonly OutputStream[],
    sizes: Partial<Record<OutputStream, number>>,
  ) {
    this.#streams = streams.map(name => {
      return {name, next: 0, size: sizes[name] ?? 0, isDone: false}
    })
  }

  /** How much of it has been looked through. */
  get fraction(): number {
    const [next, size] = this.#streams.reduce(
      ([next, size], each) => [next + Math.min(each.next, each.size), size + each.size],
      [0, 0],
    ) as [number, number]
    return this.isComplete || size === 0 ? 1 : next / size
  }

  /** Go on; *onNews* is called after each step, and says whether that is still wanted. */
  async run(onNews: () => boolean): Promise<void> {
    const enough = this.matches.length + ENOUGH
    this.hasEnough = false
    for (const stream of this.#streams) {
      while (!stream.isDone) {
        const {matches, next, more, size} = await this.search(stream.name, stream.next)
        for (const match of matches) this.matches.push({...match, stream: stream.name})
        Object.assign(stream, {next, size, isDone: !more})
        this.isComplete = this.#streams.every(each => each.isDone)
        this.hasEnough = !this.isComplete && this.matches.length >= enough
        if (!onNews() || this.hasEnough) return
      }
    }
    this.isComplete = true
    onNews()
  }

  /** More was printed since. */
  reopen(): void {
    for (const stream of this.#streams) stream.isDone = false
    this.isComplete = false
  }
}
