/** The part of autobahn.js that we use; the package ships no types. */

declare module "autobahn-browser" {
  interface Deferred {
    promise: Promise<unknown>
    resolve(value: unknown): void
    reject(reason: unknown): void
  }

  interface Transport {
    onopen: () => void
    onclose: (details: {code: number; wasClean: boolean}) => void
    close(code?: number, reason?: string): void
  }

  interface TransportFactory {
    create(): Transport
  }

  interface Subscription {
    unsubscribe(): Promise<unknown>
  }

  export interface WelcomeDetails {
    authid: string
    authrole: string
  }

  interface Session {
    onjoin: (details: WelcomeDetails) => void
    onleave: (reason: string, details: {message?: string}) => void
    join(
      realm: string,
      authmethods: string[],
      authid: string,
      authextra: Record<string, unknown>,
    ): void
    leave(reason?: string): void
    call(uri: string, args: readonly unknown[], kwargs: Record<string, unknown>): Promise<unknown>
    subscribe(
      topic: string,
      handler: (args: unknown[], kwargs: Record<string, unknown>) => void,
    ): Promise<Subscription>
  }

  interface Autobahn {
    Session: new (
      transport: Transport,
      defer: () => Deferred,
      onchallenge: () => string,
      onUserError: (error: unknown) => void,
      onInternalError: (error: unknown) => void,
    ) => Session
    Result: new () => {args: unknown[]; kwargs: Record<string, unknown>}
    Error: new () => {error: string; args: unknown[]; kwargs: Record<string, unknown>}
    serializer: {JSONSerializer: new () => object}
    transports: {
      get(
        type: "websocket",
      ): new (options: {
        url: string
        serializers: object[]
      }) => TransportFactory
    }
  }

  const autobahn: Autobahn
  export default autobahn
}
