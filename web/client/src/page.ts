/** What the browser tells of the page; where there is no page, as in Node, it is always seen. */

/** Whether nobody sees it. */
export function isHidden(): boolean {
  return globalThis.document?.visibilityState === "hidden"
}

/** Whether the device has no network at all, as far as the browser knows. */
export function isOffline(): boolean {
  return globalThis.navigator?.onLine === false
}

/**
 * Call *listener* whenever the page is hidden or shown.
 *
 * @returns call it to stop listening
 */
export function onVisibility(listener: () => void): () => void {
  const page = globalThis.document
  page?.addEventListener("visibilitychange", listener)
  return () => page?.removeEventListener("visibilitychange", listener)
}

/**
 * Call *onOnline* and *onOffline* whenever the device gets a network, or loses it.
 *
 * @returns call it to stop listening
 */
export function onNetwork(onOnline: () => void, onOffline: () => void): () => void {
  globalThis.addEventListener?.("online", onOnline)
  globalThis.addEventListener?.("offline", onOffline)
  return () => {
    globalThis.removeEventListener?.("online", onOnline)
    globalThis.removeEventListener?.("offline", onOffline)
  }
}
