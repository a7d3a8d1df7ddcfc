/** Searches that somebody has saved in this browser. */

export interface Saved {
  name: string
  /** As it was typed. */
  query: string
}

const MOST = 50

const keyOf = (authid: string) => `taskrealm.searches.${authid}`

/** The searches of *authid*, by name. */
export function savedBy(authid: string, storage: Storage = localStorage): Saved[] {
  try {
    const kept: unknown = JSON.parse(storage.getItem(keyOf(authid)) ?? "[]")
    return Array.isArray(kept) ? kept.filter(isSaved) : []
  } catch {
    return []
  }
}

/** Keep *search*, in place of one of the same name. */
export function save(authid: string, search: Saved, storage: Storage = localStorage): Saved[] {
  const others = savedBy(authid, storage).filter(({name}) => name !== search.name)
  return keep(authid, [...others, search].slice(-MOST), storage)
}

/** Keep the search called *gone* no longer. */
export function forget(authid: string, gone: string, storage: Storage = localStorage): Saved[] {
  return keep(
    authid,
    savedBy(authid, storage).filter(({name}) => name !== gone),
    storage,
  )
}

function keep(authid: string, searches: Saved[], storage: Storage): Saved[] {
  const sorted = searches.sort((a, b) => a.name.localeCompare(b.name))
  storage.setItem(keyOf(authid), JSON.stringify(sorted))
  return sorted
}

function isSaved(value: unknown): value is Saved {
  const {name, query} = (value ?? {}) as Partial<Saved>
  return typeof name === "string" && typeof query === "string"
}
