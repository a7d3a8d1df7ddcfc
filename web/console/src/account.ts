/** Who is signed in: the token, and the client that has joined with it. */

import {Client, type ConnectOptions, TaskRealmError} from "@taskrealm/client"
import {signInCode} from "./route"

/**
 * Where the token is kept. In the browser's local storage, so that a job's address opens in
 * any tab; it is short-lived, and signing out removes it.
 */
const STORED = "taskrealm.token"

/** Seconds between tries to exchange a code while the executor is away. */
const RETRY = 1

export class Account {
  /** The client of who is signed in; null when nobody is. */
  client: Client | null = null
  /** Whether a sign-in link is being exchanged. */
  isRedeeming = false
  /** Why signing in failed, as a sentence. */
  refusal: string | null = null

  #onChange = () => {}

  constructor(private readonly options: Omit<ConnectOptions, "token"> = {}) {}

  /** Sign in by the address or by the stored token; calls *onChange* whenever something changes. */
  start(onChange: () => void): void {
    this.#onChange = onChange
    addEventListener("hashchange", () => this.#takeCode())
    addEventListener("storage", ({key, newValue}) => {
      if (key === STORED && newValue === null) this.signOut()
    })
    if (this.#takeCode()) return
    const token = localStorage.getItem(STORED)
    if (token) this.signIn(token)
  }

  /** Join with *token*, and remember it. */
  signIn(token: string): void {
    this.client?.close()
    localStorage.setItem(STORED, token)
    const client = new Client({...this.options, token})
    client.on("status", status => {
      if (status !== "denied" || client !== this.client) return
      this.signOut()
      this.#refuse(`Your token was not accepted: ${client.denial?.message}`)
    })
    this.client = client
    this.refusal = null
    this.#onChange()
  }

  signOut(): void {
    localStorage.removeItem(STORED)
    this.client?.close()
    this.client = null
    this.refusal = null
    this.#onChange()
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
      this.#refuse(`This sign-in link cannot be used: ${reason}. A link works once.`)
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
