/** Who may do what: the sessions and tokens of a user. */

/** What a token is limited to; what is left out is not. */
export interface Scope {
  tasks?: string[]
  jobs?: string[]
  read_only?: boolean
}

/** Whether only some of the user's jobs can be seen. */
export function isNarrow({tasks, jobs}: Scope): boolean {
  return tasks !== undefined || jobs !== undefined
}

/** A session of one's own. */
export interface OwnSession {
  session: number
  authid: string
  role: string
  teams: string[]
  /** How it has proven who it is. */
  method: string | null
  /** The id of its token. */
  token: string | null
  client: string | null
  address: string | null
  since: string | null
  expires_at: string | null
  scope: Scope
  /** Whether it is the one that asks. */
  is_current: boolean
}

/** What the node keeps of a token of one's own: never itself. */
export interface OwnToken {
  id: string
  authid: string
  role: string
  teams: string[]
  scope: Scope
  /** How many sessions may still join with it; null for any number. */
  uses: number | null
  single_use: boolean
  created: string
  expires_at: string
  issued_by: string | null
  /** When somebody joined with it last. */
  used_at: string | null
  /** Whether it is the one by which the asking session has joined. */
  is_current: boolean
}

/** What a token is for; what is left out does not limit it. */
export interface MintOptions {
  /** Whose it is; ours unless given. */
  user?: string
  tasks?: string[]
  /** Ids of jobs. */
  jobs?: string[]
  read_only?: boolean
  /** How many sessions may join with it. */
  uses?: number
  /** How long it lasts: 60 unless given, and no longer than our own session may. */
  minutes?: number
  /** The teams that the user is in. */
  teams?: string[]
}

/** A new token; the node itself keeps only what it is for. */
export interface MintedToken {
  token: string
  /** By which it can be revoked. */
  id: string
  /** ISO 8601. */
  expires_at: string
  scope: Scope
}
