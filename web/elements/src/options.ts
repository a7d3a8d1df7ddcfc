/** What every task can be run with, as fields of a form; their names are those of `exec`. */

import type {Task} from "@taskrealm/client"
import {type Field, fieldsOf} from "./schema"
import {words} from "./words"

/** The fields for the options of *task*. */
export function optionFields({retries}: Pick<Task, "retries">): Field[] {
  const {form} = words
  const length = {
    anyOf: [{type: ["number", "string"], format: "duration"}, {type: "null"}],
    default: null,
  }
  return fieldsOf({
    properties: {
      priority: {
        type: "integer",
        title: form.priority,
        description: form.priorityHelp,
        minimum: -1000,
        maximum: 1000,
        default: 0,
      },
      timeout: {...length, title: form.timeLimit, description: form.timeLimitHelp},
      delay: {...length, title: form.delay, description: form.delayHelp},
      not_before: {type: "string", format: "date-time", title: form.notBefore},
      expires: {...length, title: form.expires, description: form.expiresHelp},
      ...(retries > 0
        ? {
            retries: {
              type: "integer",
              title: form.retries,
              description: form.retriesHelp(retries),
              minimum: 0,
              maximum: retries,
              default: retries,
            },
          }
        : {}),
      key: {type: "string", title: form.key, description: form.keyHelp, maxLength: 200},
      tags: {
        type: "array",
        items: {type: "string"},
        title: form.tags,
        description: form.tagsHelp,
        default: [],
      },
    },
  })
}
