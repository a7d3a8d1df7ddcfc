/** What is wrong in a form, in one place. */

import {html, type TemplateResult} from "lit"
import {type Form, isIn} from "../form"
import {words} from "../words"

/** What needs a change: the id of its control, how that is called, and what is wrong. */
export interface Wrong {
  id: string
  title: string
  sentence: string
}

/** What is wrong in *form*, in the order of its fields. */
export function wrongIn(form: Form, prefix: string): Wrong[] {
  return form.fields.flatMap(field =>
    Object.entries(form.errors)
      .filter(([place]) => isIn(place, field.name))
      .map(([place, sentence]) => {
        const steps = place.split(".").slice(1)
        const named = steps.map(step => (/^\d+$/.test(step) ? String(Number(step) + 1) : step))
        return {id: `${prefix}-${place}`, title: [field.title, ...named].join(" · "), sentence}
      }),
  )
}

/** What needs a change, each as a link that calls *go*; *others* have no control. */
export function summary(
  wrong: readonly Wrong[],
  others: readonly [name: string, sentence: string][],
  go: (id: string) => void,
): TemplateResult | string {
  if (wrong.length + others.length === 0) return ""
  return html`
      <div class="notice bad" part="summary" role="alert">
        <p>${words.form.wrong(wrong.length + others.length)}</p>
        <ul>
          ${wrong.map(
            ({id, title, sentence}) => html`<li>
              <a
                href=${`#${id}`}
                @click=${(event: Event) => {
                  event.preventDefault()
                  go(id)
                }}
              >${title}</a>: ${sentence}
            </li>`,
          )}
          ${others.map(([name, sentence]) => html`<li><strong>${name}</strong>: ${sentence}</li>`)}
        </ul>
      </div>
    `
}
