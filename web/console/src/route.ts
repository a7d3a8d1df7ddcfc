/** Where we are: the part of the address behind `#`. */

/** The screens that an address leads to by their name alone. */
export const SCREENS = [
  "tasks",
  "jobs",
  "queue",
  "schedules",
  "health",
  "access",
  "audit",
  "account",
] as const

export type ScreenName = (typeof SCREENS)[number]

/** A screen, or one thing of it: a task by its name, a job by its id. */
export interface Route {
  screen: ScreenName
  /** What is shown of it, if it is one thing. */
  item: string | null
  /** What stands behind the `?`, such as the filters of a list. */
  query: URLSearchParams
}

/** The route that *hash* names; an unknown one leads to the tasks. */
export function routeOf(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2)
  const [name, rest] = path.split("/", 2)
  const screen = SCREENS.find(each => each === name) ?? "tasks"
  const item = rest && screen === name ? decode(rest) : null
  return {screen, item, query: new URLSearchParams(query)}
}

/** Where *route* is, without its query: `/jobs/<id>`. */
export function placeOf({screen, item}: Route): string {
  return item === null ? `/${screen}` : `/${screen}/${encodeURIComponent(item)}`
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

/** The address of a job's page, for elements that put its id in. */
export const JOB_ADDRESS = "#/jobs/{job}"

/** The address of a form that is filled in as for a job. */
export const FORM_ADDRESS = "#/tasks/{task}?from={job}"

/** The token of a shared page, `#share=<token>`; null when *hash* is another one. */
export function sharedToken(hash: string): string | null {
  return new URLSearchParams(hash.replace(/^#/, "")).get("share")
}

/** The link by which others get to what *token* shares; behind the `#`, no server ever sees it. */
export function shareLink(token: string): string {
  return `${location.origin}${location.pathname}#share=${encodeURIComponent(token)}`
}
