/** The states of a job. */

import type {JobState} from "@taskrealm/client"

export const states: Record<JobState, string> = {
  delayed: "Delayed",
  queued: "Queued",
  running: "Running",
  stopping: "Stopping",
  succeeded: "Succeeded",
  failed: "Failed",
  cancelled: "Cancelled",
  timed_out: "Timed out",
  expired: "Expired",
  lost: "Lost",
}
