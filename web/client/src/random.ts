/** What is drawn by lot. */

/** Seconds to wait after the first try, and at most. */
const BACKOFF = {first: 1, most: 30}

/** Seconds to wait after *tries* unsuccessful tries: full jitter, doubling up to a limit. */
export function backoff(tries: number): number {
  return Math.random() * Math.min(BACKOFF.most, BACKOFF.first * 2 ** tries)
}

/** 128 random bits in hexadecimal digits; pages without TLS have no `crypto.randomUUID`. */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, byte => byte.toString(16).padStart(2, "0")).join("")
}
