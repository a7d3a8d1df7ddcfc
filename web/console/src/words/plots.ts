/** What stands in and beside plots. */

import {duration} from "@taskrealm/elements/base"

export const plots = {
  table: "As a table",
  time: "Time",
  now: "now",
  from: "from",
  nothing: "Nothing is known of this time yet.",
  notThere: "not running",
  readout: "Move over the plot, or use the arrow keys, to read single values.",
  peakOf: (what: string, most: number | string, now: number | string) =>
    `${what}: now ${now}, at most ${most}`,
  jobs: "Jobs",
  total: "All",
  duration: "Duration",
  ends: "How they ended",
  endsOf: (task: string) => `How the latest jobs of ${task} ended`,
  durations: "How long they ran",
  durationsOf: (task: string) => `How long jobs of ${task} ran`,
  countOf: (count: number) => (count === 1 ? "1 job" : `${count} jobs`),
  usually: (range: string) => `usually ${range}`,
  median: (seconds: number) => `half of them within ${duration(seconds)}`,
  ninety: (seconds: number) => `nine in ten within ${duration(seconds)}`,
  succeeded: (share: number, of: number) =>
    `${Math.floor(share * 100)} % of the latest ${of} succeeded`,
  noJobs: "No job of this task has ended yet.",
  noSuccess: "None of them succeeded, so nothing is usual yet.",
  between: (from: string, to: string) => `${from} to ${to}`,
}
