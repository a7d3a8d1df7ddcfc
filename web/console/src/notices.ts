/** Notifications of the system: a job of one's own has ended while nobody looked. */

import {type Client, isTerminal} from "@taskrealm/client"
import {words} from "@taskrealm/elements/base"
import {Memory} from "./memory"
import {jobLink} from "./route"

const areWanted = new Memory("notices", false)

/** `absent` where the browser has none, `denied` where it was forbidden to show them. */
export function noticesOf(user: string): "on" | "off" | "denied" | "absent" {
  if (!("Notification" in globalThis)) return "absent"
  if (Notification.permission === "denied") return "denied"
  return areWanted.of(user) && Notification.permission === "granted" ? "on" : "off"
}

/** Turn them on or off for *user*; the browser may ask first. */
export async function turnNotices(user: string, on: boolean): Promise<void> {
  areWanted.keep(user, on && (await Notification.requestPermission()) === "granted")
}

/** Tell of the jobs of whom *client* has joined as; calling what is returned stops it. */
export function tellEnds(client: Client): () => void {
  return client.on("event", ({type, owner, task, job_id, parent}) => {
    if (!isTerminal(type) || parent || !document.hidden) return
    if (owner !== client.authid || noticesOf(client.authid) !== "on") return
    const notice = new Notification(`${task}: ${words.states[type].toLowerCase()}`, {tag: job_id})
    notice.onclick = () => {
      window.focus()
      location.hash = jobLink(job_id)
      notice.close()
    }
  })
}
