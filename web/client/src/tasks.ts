/** What TypeScript knows of the tasks of a site, once `taskrealm types` has told it. */

import type {Arguments, ExecOptions} from "./submission"

/**
 * The arguments of each task by its name.
 *
 * Empty, and nothing is checked then, until a file that `taskrealm types` has written adds to it.
 */
// biome-ignore lint/suspicious/noEmptyInterface: others add to it, which a type does not allow.
export interface Tasks {}

/** A task that may be named: one that is known, or any where none is, or a name read at run time. */
export type TaskName<Name extends string> = [keyof Tasks] extends [never]
  ? Name
  : string extends Name
    ? Name
    : Name extends keyof Tasks
      ? Name
      : keyof Tasks

/** What a task takes; arguments in order are left to the node to check. */
export type TaskArguments<Name extends string> = Name extends keyof Tasks
  ? Tasks[Name] | readonly unknown[]
  : Arguments

/** What follows the name of a task: its arguments may be left out if it needs none. */
export type Submission<Name extends string> =
  Record<never, never> extends TaskArguments<Name>
    ? [args?: TaskArguments<Name>, options?: ExecOptions]
    : [args: TaskArguments<Name>, options?: ExecOptions]
