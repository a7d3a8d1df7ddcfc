/** Where we are: the part of the address behind `#`. */

export type Route =
  | {screen: "tasks"}
  | {screen: "task"; name: string; from: string | null}
  | {screen: "jobs"}
  | {screen: "job"; id: string}

/** The route that *hash* names; an unknown one leads to the tasks. */
export function routeOf(hash: string): Route {
  const [path = "", query] = hash.replace(/^#\/?/, "").split("?", 2)
  const [screen, rest] = path.split("/", 2)
  const argument = rest && decode(rest)
  if (screen === "jobs") return argument ? {screen: "job", id: argument} : {screen: "jobs"}
  if (screen !== "tasks" || !argument) return {screen: "tasks"}
  return {screen: "task", name: argument, from: new URLSearchParams(query).get("from")}
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

export function taskLink(name: string, from?: string): string {
  const query = from === undefined ? "" : `?from=${encodeURIComponent(from)}`
  return `#/tasks/${encodeURIComponent(name)}${query}`
}

export function jobLink(id: string): string {
  return `#/jobs/${encodeURIComponent(id)}`
}

/** The one-time code of a sign-in link, `#signin=<code>`; null when *hash* is another one. */
export function signInCode(hash: string): string | null {
  return new URLSearchParams(hash.replace(/^#/, "")).get("signin")
}
