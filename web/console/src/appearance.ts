/** Light, dark, or as the system has it: chosen by each user, there before anything is painted. */

import {Memory} from "./memory"

/** `system` follows the system's own setting, also when that changes. */
export const APPEARANCES = ["system", "light", "dark"] as const

export type Appearance = (typeof APPEARANCES)[number]

/**
 * What the page looked like last; `public/appearance.js` reads it before the page is painted,
 * when nobody knows yet who will be signed in.
 */
const LAST = "taskrealm.appearance"

const chosen = new Memory<Appearance>("appearance", "system")

/** What *user* has chosen. */
export function appearanceOf(user: string): Appearance {
  return chosen.of(user)
}

/** Let the page look as *user* has chosen. */
export function appearFor(user: string): void {
  show(appearanceOf(user))
}

/** Let the page look like *appearance* from now on, for *user*. */
export function chooseAppearance(user: string, appearance: Appearance): void {
  chosen.keep(user, appearance)
  show(appearance)
}

function show(appearance: Appearance): void {
  const {dataset} = document.documentElement
  if (appearance === "system") delete dataset.appearance
  else dataset.appearance = appearance
  try {
    if (appearance === "system") localStorage.removeItem(LAST)
    else localStorage.setItem(LAST, appearance)
  } catch {
    // Without storage it lasts as long as the page.
  }
}
