/** Gives text to the clipboard, where the browser lets us. */

/** Whether *text* was copied; browsers let only pages do that which came by TLS, or from here. */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return false
  }
}
