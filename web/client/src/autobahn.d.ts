/** The part of autobahn.js that we use; the package ships no types. */

declare module "autobahn/lib/session.js" {
  interface Deferred {
    promise: Promise<unknown>
    resolve(value: unknown): void
    reject(reason: unknown): void
  }

  /** What carries the messages of a session. */
  export interface Transport {
    /** Throws or rejects if it cannot. */
    send(message: unknown): void
    close(code?: number, reason?: string): void
    /** Set by the session. */
    onmessage(message: unknown): void
  }

  interface Subscription {
    unsubscribe(): Promise<unknown>
  }

  export interface WelcomeDetails {
    authid: string
    authrole: string
    /** What the node says about the session. */
    authextra: {
      scope?: {tasks?: string[]; jobs?: string[]; read_only?: boolean}
      expires_at?: string | null
    } | null
  }

  export class Session {
    constructor(
      transport: Transport,
      defer: () => Deferred,
      onchallenge: () => string,
      onUserError: (error: unknown) => void,
      onInternalError: (error: unknown) => void,
    )
    onjoin: (details: WelcomeDetails) => void
    onleave: (reason: string, details: {message?: string}) => void
    join(
      realm: string,
      authmethods: string[],
      authid: string,
      authextra: Record<string, unknown>,
    ): void
    call(uri: string, args: readonly unknown[], kwargs: Record<string, unknown>): Promise<unknown>
    subscribe(
      topic: string,
      handler: (args: unknown[], kwargs: Record<string, unknown>) => void,
    ): Promise<Subscription>
  }

  export class Result {
    args: unknown[]
    kwargs: Record<string, unknown>
  }

  class WampError {
    error: string
    args: unknown[]
    kwargs: Record<string, unknown>
  }

  export {WampError as Error}
}
