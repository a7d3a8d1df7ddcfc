/** Shortcuts of one key, which whoever speaks to the computer wants to turn off. */

import {Memory} from "./memory"
import {SCREENS, type ScreenName} from "./route"

/** Milliseconds within which the second key of two is pressed. */
const PAIR = 1500

const PLACES: Readonly<Record<string, ScreenName>> = {
  t: "tasks",
  j: "jobs",
  q: "queue",
  s: "schedules",
  h: "health",
  p: "access",
  u: "audit",
  a: "account",
}

/** The key that leads to *screen*, after `g`. */
export function keyOf(screen: ScreenName): string {
  return Object.keys(PLACES).find(key => PLACES[key] === screen) ?? ""
}

const isOn = new Memory("shortcuts", true)

export function areKeysOn(user: string): boolean {
  return isOn.of(user)
}

export function turnKeys(user: string, on: boolean): void {
  isOn.keep(user, on)
}

export type Command = "find" | "shortcuts" | ScreenName

/** Tells what each key press asks for; keeps in mind the first key of two. */
export class Keys {
  #leadAt = Number.NEGATIVE_INFINITY

  /** What *key* asks for, pressed at *at* milliseconds; null for nothing. */
  press(key: string, at: number): Command | null {
    const isSecond = at - this.#leadAt < PAIR
    this.#leadAt = key === "g" ? at : Number.NEGATIVE_INFINITY
    if (isSecond) return PLACES[key] ?? null
    if (key === "/") return "find"
    return key === "?" ? "shortcuts" : null
  }
}

/** Whether *event* was typed into something that takes text, or with a modifier. */
export function isTyping(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return true
  const [target] = event.composedPath()
  if (!(target instanceof HTMLElement)) return false
  return target.isContentEditable || target.matches("input, select, textarea, dialog *")
}

export function isScreen(command: Command): command is ScreenName {
  return (SCREENS as readonly string[]).includes(command)
}
