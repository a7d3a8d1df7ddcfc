/** Which node the elements of a page speak to, and as whom. */

import {Client, type Token} from "@taskrealm/client"

/** Where the node's own copy of this script lies, seen from there the WebSocket is at `../ws`. */
const WEBSOCKET = "../ws"

let given: Client | null = null
const shared = new Map<string, Client>()

/** Let all elements that are not told otherwise use *client*. */
export function setClient(client: Client): void {
  given = client
}

/**
 * The client for elements that are given these attributes: one for all that are given the same.
 *
 * Without attributes it is that of {@link setClient}, or what the page's `<meta>` tags
 * `taskrealm-url` and `taskrealm-token-url` name.
 *
 * @throws {Error} nobody says where a token is to be had
 */
export function clientFor(url: string | null, tokenUrl: string | null): Client {
  if (given && url === null && tokenUrl === null) return given
  const node = url ?? named("taskrealm-url") ?? new URL(WEBSOCKET, import.meta.url).href
  const tokens = tokenUrl ?? named("taskrealm-token-url")
  if (tokens === null) {
    throw new Error(
      'Where is a token to be had? Give the element a `token-url`, or the page <meta name="taskrealm-token-url" content="…">',
    )
  }
  const key = JSON.stringify([node, tokens])
  const client = shared.get(key) ?? opened(node, tokens)
  shared.set(key, client)
  return client
}

/** A client that tells who makes the page, in the browser's console, why nothing comes. */
function opened(url: string, tokens: string): Client {
  const client = new Client({url, token: tokenFrom(tokens)})
  client.on("status", status => {
    if (status === "offline" && client.authid === "") {
      const {origin} = location
      console.warn(`taskrealm: no connection to ${url}. Do its allowed_origins list ${origin}?`)
    }
    if (status === "denied") {
      console.warn(`taskrealm: ${url} refuses the token of ${tokens}: ${client.denial?.message}`)
    }
  })
  return client
}

/** Asks the page's own server for a token: as text, or as JSON `{token}`. */
function tokenFrom(url: string): Token {
  return async () => {
    const answer = await fetch(url, {credentials: "same-origin", cache: "no-store"})
    if (!answer.ok) {
      const error = new Error(`${url} gives no token: it answers ${answer.status}`)
      console.warn(`taskrealm: ${error.message}`)
      throw error
    }
    const isJson = answer.headers.get("Content-Type")?.includes("json")
    return isJson ? (await answer.json()).token : (await answer.text()).trim()
  }
}

function named(name: string): string | null {
  return document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content || null
}
