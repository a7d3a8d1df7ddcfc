/** The files of a form, sent before the task is run. */

import type {Client} from "@taskrealm/client"

/** A file on its way. */
export interface Sending {
  name: string
  /** From 0 to 1. */
  fraction: number
}

/** *args* with the id of each file in its place, once all are sent. */
export async function sent(
  client: Client,
  args: Record<string, unknown>,
  onProgress: (sending: Sending) => void,
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  const send = async (value: unknown): Promise<unknown> => {
    if (Array.isArray(value)) {
      const all: unknown[] = []
      for (const each of value) all.push(await send(each))
      return all
    }
    if (!(value instanceof File)) return value
    const {name} = value
    const tell = (fraction: number) => onProgress({name, fraction})
    return await client.upload(value, {onProgress: tell, signal})
  }
  const ready: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(args)) ready[name] = await send(value)
  return ready
}
