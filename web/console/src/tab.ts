/** The browser's tab, which tells how a job does while another one is in front. */

import {isTerminal} from "@taskrealm/client"
import {type JobNews, newsText} from "@taskrealm/elements/job"
import {instanceOf} from "./instance"
import {words} from "./words"

/** Milliseconds between two looks of a tab whose job asks something. */
const FLASH = 1000

type Icon = "idle" | "running" | "succeeded" | "failed"

let flashing: ReturnType<typeof setInterval> | undefined

/** Show in the tab how the job of *news* does; it flashes while the job asks something. */
export function showInTab(news: JobNews): void {
  const {state, questions} = news
  clearInterval(flashing)
  showIcon(isTerminal(state) ? (state === "succeeded" ? "succeeded" : "failed") : "running")
  if (questions === 0) {
    document.title = titled(newsText(news))
    return
  }
  const looks = [
    titled(words.frame.question(news.title)),
    titled(words.frame.questionNow(news.title)),
  ]
  const [first = ""] = looks
  document.title = first
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return
  let turn = 0
  flashing = setInterval(() => {
    turn = document.hidden ? 1 - turn : 0
    document.title = looks[turn] ?? first
  }, FLASH)
}

/** Show nothing special in the tab any more. */
export function clearTab(): void {
  clearInterval(flashing)
  document.title = instanceOf(document).name
  showIcon("idle")
}

function titled(what: string): string {
  return words.frame.title(what, instanceOf(document).name)
}

function showIcon(name: Icon): void {
  const link = document.querySelector<HTMLLinkElement>("link[rel=icon]")
  const href = `./icons/${name}.svg`
  if (link && link.getAttribute("href") !== href) link.setAttribute("href", href)
}
