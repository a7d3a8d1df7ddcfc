/** What tells one node from another. */

import {html, type TemplateResult} from "lit"
import type {Instance} from "../instance"
import {words} from "../words"

export function brand({name}: Instance): TemplateResult {
  return html`<a class="brand" href="#/tasks">
    <img src="./icons/idle.svg" alt="" /><span>${name}</span>
  </a>`
}

/** The strip above everything, if this node is to be told from others by it. */
export function environmentStrip({environment}: Instance): TemplateResult | string {
  if (!environment) return ""
  const {name, colour} = environment
  return html`<div
    class="environment"
    role="note"
    aria-label=${words.frame.environment}
    data-colour=${colour}
  >
    ${name}
  </div>`
}
