/**
 * Every text that the elements show, in one catalogue: an area for each element.
 *
 * A text that says something of its own is a function of it.
 */

import {connection} from "./connection"
import {form} from "./form"
import {job} from "./job"
import {jobs} from "./jobs"
import {output} from "./output"
import {states} from "./states"

export const words = {connection, form, job, jobs, output, states}

export type Words = typeof words

/** Part of the catalogue in other words. */
export type Translation = {readonly [Area in keyof Words]?: Partial<Words[Area]>}

/** Say what *translation* has in its words; to be called before the first element is shown. */
export function translate(translation: Translation): void {
  for (const [area, texts] of Object.entries(translation)) {
    Object.assign(words[area as keyof Words], texts)
  }
}
