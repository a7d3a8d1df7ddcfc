/** Puts things into the clipboard: texts, and the lines that watch a job from elsewhere. */

/** Whether the browser has let us. */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return copyBySelection(text)
  }
}

/** Pages without TLS have no clipboard, but may copy what is selected. */
function copyBySelection(text: string): boolean {
  const field = document.createElement("textarea")
  field.value = text
  field.style.position = "fixed"
  field.style.opacity = "0"
  document.body.append(field)
  const before = document.activeElement
  field.select()
  try {
    return document.execCommand("copy")
  } finally {
    field.remove()
    if (before instanceof HTMLElement) before.focus()
  }
}

/** How the same job is watched from elsewhere; the token is read from the environment. */
export function watching(id: string, origin: string): Record<string, string> {
  const socket = `${origin.replace(/^http/, "ws")}/ws`
  return {
    curl: `curl -N -H "Authorization: Bearer $TASKREALM_TOKEN" \\
  -H "Accept: text/event-stream" \\
  ${origin}/api/jobs/${id}/events`,
    Python: `import os

from taskrealm.client import BlockingClient

with BlockingClient("${socket}", token=os.environ["TASKREALM_TOKEN"]) as client:
    job = client.job("${id}")
    for event in job:
        print(event.type, event.data)
    print(job.result())`,
    JavaScript: `import {connect} from "@taskrealm/client"

const client = await connect({url: "${socket}", token})
const job = client.job("${id}")
for await (const event of job) console.log(event)
console.log(await job.result())`,
    CLI: `taskrealm watch ${id} --url ${socket} --token "$TASKREALM_TOKEN"`,
    HTML: `<taskrealm-job job="${id}"></taskrealm-job>`,
  }
}
