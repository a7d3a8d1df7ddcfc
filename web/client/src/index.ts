/**
 * Runs tasks from a browser and follows them live.
 *
 * @example
 * const client = await connect({token: () => fetch("/task-token").then(answer => answer.text())})
 * const job = await client.exec("video.transcode", {source: "a.mp4"}, {priority: 5})
 * job.on("progress", ({fraction}) => { bar.value = fraction ?? 0 })
 * for await (const {text} of job.output()) log.append(text)
 * const result = await job.result()
 *
 * @module
 */

import type {Abortable} from "./abort"
import {Client} from "./client"
import type {ConnectOptions} from "./options"

/**
 * Connect to a TaskRealm node; resolves when joined, however long that takes.
 *
 * @throws {TaskRealmError} `invalid_token`; the reason of the signal
 */
export async function connect({signal, ...options}: ConnectOptions & Abortable): Promise<Client> {
  const client = new Client(options)
  try {
    await client.joined({signal})
  } catch (error) {
    client.close()
    throw error
  }
  return client
}

export type {Abortable} from "./abort"
export {Client} from "./client"
export {
  Disconnected,
  DuplicateJob,
  InvalidArguments,
  InvalidToken,
  JobCancelled,
  JobError,
  JobExpired,
  JobFailed,
  JobLost,
  JobTimedOut,
  NotAuthorized,
  QueueFull,
  RateLimited,
  TaskRealmError,
  TooLarge,
  Unavailable,
  UnknownJob,
} from "./errors"
export type {Artifact, UploadOptions} from "./files"
export type {Job} from "./job"
export type {Token} from "./joiner"
export type {CatalogNews, Snapshot, Status} from "./news"
export type {ConnectOptions} from "./options"
export type {OutputOptions, PageOptions, SearchOptions} from "./output"
export {
  advance,
  type CancelAnswer,
  type CancelAnswers,
  type Check,
  type Choice,
  type Choices,
  type Delivery,
  type Durations,
  type EventType,
  type Intake,
  isTerminal,
  type JobDetails,
  type JobEvent,
  type JobRecord,
  type JobState,
  type JobsFilter,
  type JobsPage,
  type ListedJob,
  type MessageLevel,
  type MintedToken,
  type MintOptions,
  type Outcome,
  type OutputChunk,
  type OutputMatch,
  type OutputPage,
  type OutputStream,
  type OwnSession,
  type OwnToken,
  type Progress,
  type Question,
  type Right,
  recordOf,
  type Scope,
  type SearchPage,
  type Task,
  type TaskOutcomes,
  type TerminalState,
  type Waiting,
} from "./protocol"
export type {Arguments, ExecOptions, ExecRequest} from "./submission"
// A site adds to `Tasks` by the name of this module, which only this way of exporting allows.
export * from "./tasks"
export type {Transport} from "./wamp"
