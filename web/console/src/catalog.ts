/** The tasks as far as they are known. */

import type {Task} from "@taskrealm/client"

export interface Catalog {
  /** Undefined until the first answer. */
  tasks: readonly Task[] | undefined
  /** Why there is no newer answer. */
  error: Error | null
}

export function taskNamed(catalog: Catalog, name: string): Task | undefined {
  return catalog.tasks?.find(task => task.name === name)
}

/** What people call the task; its name when it has no title, or is gone. */
export function titleOf(catalog: Catalog, name: string): string {
  return taskNamed(catalog, name)?.title || name
}
