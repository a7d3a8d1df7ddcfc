/** Waiting that an `AbortSignal` ends. */

/** What ends waiting. */
export interface Abortable {
  /** Rejects with its reason when it is aborted. */
  signal?: AbortSignal | undefined
}

/**
 * What *promise* gives, unless *signal* is aborted before.
 *
 * @throws the reason of the signal
 */
export function unlessAborted<T>(signal: AbortSignal | undefined, promise: Promise<T>): Promise<T> {
  if (signal === undefined) return promise
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener("abort", abort, {once: true})
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort))
  })
}
