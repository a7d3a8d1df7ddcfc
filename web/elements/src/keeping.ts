/** What was typed into a form survives a reload, for as long as the tab is open. */

import type {Draft, SentFile} from "./drafts/draft"
import type {Form} from "./form"

/** What is kept of the form of one task. */
interface Kept {
  /** What the form was filled with before anybody typed. */
  source: string
  /** The schema of the task: what was typed into another form is of no use. */
  schema: string
  forms: Record<string, Draft>[]
}

/** Keeps what was typed; neither secrets nor files that are not on the node yet. */
export class Keeper {
  readonly #key: string

  constructor(
    user: string,
    task: string,
    private readonly source: string,
    private readonly schema: string,
    private readonly storage: Pick<Storage, "getItem" | "setItem" | "removeItem"> = sessionStorage,
  ) {
    this.#key = `taskrealm.form.${user}.${task}`
  }

  keep(forms: readonly Form[], sent: (file: File) => SentFile | null): void {
    const kept: Kept = {
      source: this.source,
      schema: this.schema,
      forms: forms.map(form => form.typed(sent)),
    }
    try {
      this.storage.setItem(this.#key, JSON.stringify(kept))
    } catch {
      // The storage is full, or closed: the form works all the same.
    }
  }

  /** Put what was kept into *forms*; false if there was nothing for them. */
  restore(forms: readonly Form[]): boolean {
    try {
      const kept = JSON.parse(this.storage.getItem(this.#key) ?? "null") as Kept | null
      if (kept?.source !== this.source || kept.schema !== this.schema) return false
      forms.forEach((form, index) => {
        form.restore(kept.forms[index] ?? {})
      })
      return true
    } catch {
      return false
    }
  }

  drop(): void {
    try {
      this.storage.removeItem(this.#key)
    } catch {
      // As above.
    }
  }
}
