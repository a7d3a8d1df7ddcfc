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

import {Client, type ConnectOptions} from "./client"

/**
 * Connect to a TaskRealm node; resolves when joined, however long that takes.
 *
 * @throws {TaskRealmError} `invalid_token`
 */
export async function connect(options: ConnectOptions): Promise<Client> {
  const client = new Client(options)
  await client.joined()
  return client
}

export {
  type Arguments,
  type CatalogNews,
  type Check,
  Client,
  type ConnectOptions,
  type ExecOptions,
  type JobsFilter,
  type JobsPage,
  type Snapshot,
  type Status,
} from "./client"
export type {Token} from "./connection"
export {
  JobCancelled,
  JobError,
  JobExpired,
  JobFailed,
  JobLost,
  JobTimedOut,
  TaskRealmError,
} from "./errors"
export type {Artifact, UploadOptions} from "./files"
export type {Job} from "./job"
export type {OutputOptions} from "./output"
export {
  advance,
  type CancelAnswer,
  type Delivery,
  type EventType,
  type Intake,
  isTerminal,
  type JobDetails,
  type JobEvent,
  type JobRecord,
  type JobState,
  type MessageLevel,
  type OutputChunk,
  type OutputStream,
  type Progress,
  type Question,
  recordOf,
  type Task,
  type Waiting,
} from "./protocol"
