/** Who is signed in: the token, and the client that has joined with it. */

import {Client, type ConnectOptions, TaskRealmError} from "@taskrealm/client"
import {tellEnds} from "./notices"
import {sharedToken, signInCode} from "./route"
import {words} from "./words"

/**
 * Where the token is kept. In the browser's local storage, so that a job's address opens in
 * any tab; it is short-lived, and signing out removes it.
 */
const STORED = "taskrealm.token"

/** Where the token of a shared page is kept: with its tab alone, as long as that is open. */
const SHARED = "taskrealm.shared"

/** Seconds between tries to exchange a code while the executor is away. */
const RETRY = 1

export class Account {
  /** The client of who is signed in; null when nobody is. */
  client: Client | null = null
  /** Whether a sign-in link or a password is being exchanged. */
  isRedeeming = false
  /** Whether this tab shows what a link shares, and nothing else. */
  isShared = false
  /** Why signing in failed, as a sentence. */
  refusal: string | null = null

  #onChange = () => {}

  constructor(private readonly options: Omit<ConnectOptions, "token"> = {}) {}

  /** Sign in by the address or by the stored token; calls *onChange* whenever something changes. */
  start(onChange: () => void): void {
    this.#onChange = onChange
    addEventListener("hashchange", () => {
      if (!this.#takeCode()) this.#takeShared()
    })
    addEventListener("storage", ({key, newValue}) => {
      if (key === STORED && newValue === null && !this.isShared) this.signOut()
    })
    if (this.#takeCode() || this.#takeShared()) return
    const shared = sessionStorage.getItem(SHARED)
    const token = localStorage.getItem(STORED)
    if (shared) this.#show(shared)
    else if (token) this.signIn(token)
  }

  /** Join with *token*, and remember it. */
  signIn(token: string): void {
    this.#forgetShared()
    localStorage.setItem(STORED, token)
    this.#join(token, client => {
      this.signOut()
      this.#refuse(words.signIn.tokenRefused(client.denial?.message ?? ""))
    })
  }

  /** Be whoever is signed in in the other tabs again. */
  leaveShared(): void {
    this.#forgetShared()
    this.client?.close()
    this.client = null
    history.replaceState(null, "", `${location.pathname}${location.search}#/tasks`)
    const token = localStorage.getItem(STORED)
    if (token) this.signIn(token)
    else this.#onChange()
  }

  /** Sign in as *user*; the password is exchanged for a token at once, and kept nowhere. */
  async signInByPassword(user: string, password: string): Promise<void> {
    this.isRedeeming = true
    this.#onChange()
    try {
      this.signIn(await tokenFor(user, password))
    } catch (error) {
      this.#refuse(words.signIn.passwordRefused((error as Error).message))
    } finally {
      this.isRedeeming = false
      this.#onChange()
    }
  }

  signOut(): void {
    localStorage.removeItem(STORED)
    this.client?.close()
    this.client = null
    this.refusal = null
    this.#onChange()
  }

  /** Join with *token*; *onDenied* is called when it is not accepted. */
  #join(token: string, onDenied: (client: Client) => void): void {
    this.client?.close()
    const client = new Client({...this.options, token})
    client.on("status", status => {
      if (status === "denied" && client === this.client) onDenied(client)
    })
    tellEnds(client)
    this.client = client
    this.refusal = null
    this.#onChange()
  }

  /** Takes the token of a shared page out of the address, where it must not stay. */
  #takeShared(): boolean {
    const token = sharedToken(location.hash)
    if (token === null) return false
    history.replaceState(null, "", `${location.pathname}${location.search}#/`)
    sessionStorage.setItem(SHARED, token)
    this.#show(token)
    return true
  }

  /** Show what *token* shares; who is signed in elsewhere stays so there. */
  #show(token: string): void {
    this.isShared = true
    this.#join(token, () => {
      this.#forgetShared()
      this.client = null
      this.#refuse(words.share.over)
    })
  }

  #forgetShared(): void {
    sessionStorage.removeItem(SHARED)
    this.isShared = false
  }

  /** Takes a sign-in code out of the address, where it must not stay. */
  #takeCode(): boolean {
    const code = signInCode(location.hash)
    if (code === null) return false
    history.replaceState(null, "", `${location.pathname}${location.search}#/tasks`)
    void this.#redeem(code)
    return true
  }

  async #redeem(code: string): Promise<void> {
    this.#forgetShared()
    this.client?.close()
    this.client = null
    this.isRedeeming = true
    this.#onChange()
    const client = new Client({...this.options, token: code})
    try {
      await client.joined()
      this.signIn(await exchange(client, code))
    } catch (error) {
      const reason = (error as Error).message.replace(/\.$/, "")
      this.#refuse(words.signIn.linkRefused(reason))
    } finally {
      client.close()
      this.isRedeeming = false
      this.#onChange()
    }
  }

  #refuse(sentence: string): void {
    this.refusal = sentence
    this.#onChange()
  }
}

/** The token that the node gives for a password. */
async function tokenFor(user: string, password: string): Promise<string> {
  const answer = await fetch("/api/token", {
    method: "POST",
    headers: {"Content-Type": "application/json"},
    body: JSON.stringify({user, password}),
  })
  const said = await answer.json()
  if (!answer.ok) throw new Error(said.detail)
  return said.token
}

/** Waits for the executor if it must: a code is good for one session, so this one is kept. */
async function exchange(client: Client, code: string): Promise<string> {
  while (true) {
    try {
      return (await client.redeem(code)).token
    } catch (error) {
      if (!(error instanceof TaskRealmError) || error.code !== "unavailable") throw error
      await new Promise(resolve => setTimeout(resolve, RETRY * 1000))
    }
  }
}
