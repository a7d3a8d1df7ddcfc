/** What was typed, chosen or left out, as a value. */

import {isIsoLength, secondsOf} from "../lengths"
import {type Field, isSame, titleOf} from "../schema"
import {words} from "../words"
import type {Errors, Reading} from "./draft"
import {isDate, isTime, momentOf} from "./moments"

/** What *draft*, which is not empty, means as a value of *field*. */
export function readTyped(field: Field, draft: string): Reading {
  switch (field.kind) {
    case "number":
      return readNumber(field, draft)
    case "choice":
      return readChoice(field, draft)
    case "lines":
      return counted(
        field,
        draft.split(/\r?\n/).filter(line => line !== ""),
      )
    case "json":
      return readJson(draft)
    case "duration":
      return readLength(draft)
    case "datetime":
      return readMoment(draft)
    case "date":
      return isDate(draft) ? {value: draft} : wrong(words.form.notDate)
    case "time":
      return isTime(draft) ? {value: draft} : wrong(words.form.notTime)
    default:
      return readText(field, draft)
  }
}

/** What an empty field means. */
export function readEmpty(field: Field): Reading {
  const {kind, required, nullable, preset, minItems} = field
  const isText = ["text", "multiline", "path", "secret"].includes(kind)
  if (required) {
    if (kind === "lines" && minItems === 0) return {value: []}
    return nullable ? {value: null} : wrong(words.form.fillIn)
  }
  if (preset === null || preset === undefined) return "omitted"
  if (nullable) return {value: null}
  if (isText) return {value: ""}
  return kind === "lines" ? counted(field, []) : wrong(words.form.fillIn)
}

function readNumber(field: Field, draft: string): Reading {
  const {whole, minimum, maximum, above, below, multipleOf} = field
  const text = words.form
  const value = Number(draft)
  if (draft.trim() === "" || !Number.isFinite(value)) return wrong(text.notNumber)
  if (whole && !Number.isInteger(value)) return wrong(text.notWhole)
  if (whole && !Number.isSafeInteger(value)) return wrong(text.notExact)
  if (minimum !== undefined && value < minimum) return wrong(text.atLeast(minimum))
  if (maximum !== undefined && value > maximum) return wrong(text.atMost(maximum))
  if (above !== undefined && value <= above) return wrong(text.above(above))
  if (below !== undefined && value >= below) return wrong(text.below(below))
  if (whole && multipleOf && value % multipleOf !== 0) return wrong(text.multipleOf(multipleOf))
  return {value}
}

function readText(
  {minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern}: Field,
  draft: string,
): Reading {
  const {length} = [...draft]
  if (length < minLength) return wrong(words.form.tooShort(minLength))
  if (length > maxLength) return wrong(words.form.tooLong(maxLength))
  if (pattern !== undefined && !fits(pattern, draft)) return wrong(words.form.pattern(pattern))
  return {value: draft}
}

/** Whether *draft* fits *pattern*, as far as a browser can tell; the node knows better. */
function fits(pattern: string, draft: string): boolean {
  try {
    return new RegExp(pattern, "u").test(draft)
  } catch {
    return true
  }
}

/** What *draft* means as JSON. */
export function readJson(draft: string): Reading {
  try {
    return {value: JSON.parse(draft)}
  } catch (error) {
    return wrong(words.form.notJson((error as Error).message))
  }
}

function readChoice(field: Field, draft: string): Reading {
  const value = JSON.parse(draft)
  return isOffered(field, value) ? {value} : wrong(words.form.notOffered(titleOf(value)))
}

/** Computed choices that have not come yet are for the node to judge. */
function isOffered({choices, computed}: Field, value: unknown): boolean {
  if (computed && choices.length === 0) return true
  return choices.some(choice => isSame(choice.value, value))
}

/** The chosen ones of many. */
export function readChoices(field: Field, draft: string[]): Reading {
  const values: unknown[] = draft.map(each => JSON.parse(each))
  const gone = values.find(value => !isOffered(field, value))
  if (gone !== undefined) return wrong(words.form.notOffered(titleOf(gone)))
  if (values.length === 0 && !field.required && field.preset === undefined) return "omitted"
  return counted(field, values)
}

/** *values*, if there are as many as there may be. */
export function counted({minItems, maxItems}: Field, values: unknown[]): Reading {
  if (values.length < minItems) return wrong(words.form.tooFew(minItems))
  return values.length > maxItems ? wrong(words.form.tooMany(maxItems)) : {value: values}
}

function readLength(draft: string): Reading {
  if (isIsoLength(draft)) return {value: draft.trim()}
  const seconds = secondsOf(draft)
  return seconds === null ? wrong(words.form.notDuration) : {value: seconds}
}

function readMoment(draft: string): Reading {
  const value = momentOf(draft)
  return value === null ? wrong(words.form.notMoment) : {value}
}

/** A field in which something is wrong, as *sentence* says. */
export function wrong(sentence: string): {errors: Errors} {
  return {errors: {"": sentence}}
}
