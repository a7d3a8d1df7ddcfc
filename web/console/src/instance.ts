/** What this node is called, and what it is for: told by the page, as its settings say. */

/** The strip at the top, so that nobody takes one environment for another. */
export interface Environment {
  name: string
  colour: string
}

export interface Instance {
  name: string
  environment: Environment | null
  /** Whether people sign in with passwords here. */
  hasPasswords: boolean
}

/** The instance that *page* belongs to. */
export function instanceOf(page: ParentNode): Instance {
  const environment = said(page, "environment")
  return {
    name: said(page, "name") ?? "TaskRealm",
    environment: environment
      ? {name: environment, colour: said(page, "environment-colour") ?? "amber"}
      : null,
    hasPasswords: said(page, "passwords") === "yes",
  }
}

function said(page: ParentNode, what: string): string | undefined {
  const selector = `meta[name="taskrealm-console-${what}"]`
  return page.querySelector<HTMLMetaElement>(selector)?.content || undefined
}
