/** A page that a test hides and shows. */

import {vi} from "vitest"

export interface Page {
  hide(): void
  show(): void
}

/** Puts a page where the browser has its own, until `vi.unstubAllGlobals()`. */
export function stubPage(): Page {
  const page = new EventTarget() as EventTarget & {visibilityState: string}
  const turn = (state: string) => {
    page.visibilityState = state
    page.dispatchEvent(new Event("visibilitychange"))
  }
  page.visibilityState = "visible"
  vi.stubGlobal("document", page)
  return {hide: () => turn("hidden"), show: () => turn("visible")}
}
