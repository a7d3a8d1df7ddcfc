/** Files in a field. */

import type {Field} from "../schema"
import {words} from "../words"
import type {FileDraft, Reading} from "./draft"
import {counted, wrong} from "./typed"

/** The value is the file itself, to be sent before the task is run, or its id. */
export function readFiles(field: Field, {files}: FileDraft): Reading {
  for (const file of files) {
    const sentence = file instanceof File ? refusalOf(field, file) : null
    if (sentence) return wrong(sentence)
  }
  const values = files.map(file => (file instanceof File ? file : file.id))
  if (field.kind === "files") {
    if (values.length === 0 && !field.required && field.preset === undefined) return "omitted"
    return counted(field, values)
  }
  if (values.length > 0) return {value: values[0]}
  if (field.required) return field.nullable ? {value: null} : wrong(words.form.chooseFile)
  return "omitted"
}

/** Why *field* does not take *file*; null if it does, as far as a browser can tell. */
export function refusalOf({maxSize, accept}: Field, file: File): string | null {
  const {name, size, type} = file
  if (maxSize !== undefined && size > maxSize) return words.form.tooLarge(name, size, maxSize)
  const isAccepted = accept.some(each => {
    if (each.startsWith(".")) return name.toLowerCase().endsWith(each.toLowerCase())
    // A kind that the browser does not know is for the node to judge.
    if (type === "") return true
    return each.endsWith("/*") ? type.startsWith(each.slice(0, -1)) : type === each
  })
  return accept.length > 0 && !isAccepted ? words.form.notAccepted(name, accept.join(", ")) : null
}
