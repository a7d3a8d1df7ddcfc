/** What is said of one job: how it goes, what it asks, what it has left, how it ended. */

export const job = {
  // Its head
  job: "Job",
  by: (submitter: string, owner: string) =>
    submitter === owner ? `by ${owner}` : `by ${submitter} for ${owner}`,
  submitted: "submitted",
  started: "started",
  partOf: "part of",
  aBatch: "a batch",
  schedule: (name: string) => `by the schedule ${name}`,
  running: (time: string) => `running for ${time}`,
  took: (time: string) => `took ${time}`,
  attempt: (number: number) => `attempt ${number}`,
  exitCode: (code: number) => `exit code ${code}`,
  signal: (signal: string | number) => `signal ${signal}`,
  announced: (state: string, quarter: number) =>
    `Job ${state.toLowerCase()}${quarter > 0 ? `, ${quarter} %` : ""}`,
  asks: (text: string) => `The job asks: ${text}`,

  // Where it is on its way
  progress: "Progress",
  goesOn: "in progress",
  left: (time: string) => `about ${time} left`,
  elapsed: (time: string) => `${time} so far`,
  elapsedOf: (time: string, usual: string) => `${time} so far, usually ${usual}`,
  overdue: (time: string, usual: string) => `${time} so far; it usually takes ${usual}`,
  usually: (usual: string) => `usually ${usual}`,
  place: (number: number) => `${ordinal(number)} in line.`,
  waits: "Waiting to start.",
  why: (text: string) => `${text}.`,
  startsIn: (time: string) => `Starts in ${time}`,
  againIn: (time: string) => `Runs again in ${time}`,
  startsNow: "Starts any moment now.",
  startsWhen: (time: string) => `At ${time}.`,
  waitsForBatch: "Waits for its turn in its batch.",
  waitsForJobs: "Waits for other jobs to succeed.",
  waitsToStart: "May start later.",
  askedToStop: (by: string, reason: string | null) =>
    `Asked to stop by ${by}${reason ? `: ${reason}` : ""}.`,
  killedIn: (time: string) => `It is killed in ${time} if it has not stopped by then.`,
  killedNow: "Its time to stop is over; it is being killed.",

  // What can be done with it
  actions: "Actions",
  cancel: "Cancel",
  cancelling: "Cancelling …",
  killNow: "Kill now",
  withReason: "Cancel with a reason …",
  reason: "Reason",
  reasonHelp: "Everybody who sees the job can read it.",
  cancelWithReason: "Cancel with this reason",
  more: "More",
  onlyLooking: "This link is for looking only.",
  mayNotCancel: "You may not cancel jobs of this task.",
  runAgain: "Run again",
  runChanged: "With changes …",
  runChangedName: "Run again with changes",
  needsSecrets: "It had secret arguments, which are not kept: run it again with changes.",
  copyLink: "Copy link",
  copyAs: "Copy as",
  copied: "Copied",
  notCopied: "The browser did not let this page copy. Select the text and copy it yourself.",
  notify: "Notify me at the end",
  willNotify: "You will be notified",
  mayNotNotify: "The browser does not allow this page to notify you.",

  // Questions
  yourAnswer: "Your answer",
  answer: "Answer",
  yes: "Yes",
  no: "No",
  untilDefault: (until: string, value: string) =>
    `Without an answer until ${until}, it goes on with: ${value}.`,
  untilNobody: (until: string) =>
    `Without an answer until ${until}, it is told that nobody has answered.`,
  answered: "Answered questions",
  answeredBy: (by: string) => `answered by ${by}`,
  answeredByNobody: "nobody answered in time",

  // What came of it
  result: "Result",
  noResult: "It has left no result.",
  bigResult: "The result is large.",
  showResult: "Show it",
  asText: "As text",
  asTable: "As table",
  asPage: "As page",
  moreRows: (count: number) => `Show ${count} more`,
  moreEntries: (count: number) => `… and ${count} more`,
  entries: (count: number) => `${count} ${count === 1 ? "entry" : "entries"}`,
  lastWords: "The last it printed as errors",
  whatRan: "What ran",
  most: (name: string, amount: string) => `${name.replaceAll("_", " ")} up to ${amount}`,
  cancelledBy: (by: string, reason: string | null | undefined) =>
    `Cancelled by ${by}${reason ? `: ${reason}` : ""}.`,
  timedOut: (limit: string | null) =>
    limit === null
      ? "Stopped: it ran longer than its time limit."
      : `Stopped: it ran longer than its limit of ${limit}.`,
  expired: "It waited in the queue for too long.",
  lost: "The executor went away while it ran.",

  // Files
  files: "Files",
  until: (time: string) => `until ${time}`,
  show: "Show",
  hide: "Hide",
  save: "Save",
  checksum: "SHA-256",

  // What it tells
  messages: "Messages",
  levels: {debug: "Detail", info: "Note", warning: "Warning", error: "Error"} as Record<
    string,
    string
  >,
  details: "Details",
  noted: "Noted",
  children: "Children",
  ended: (ended: number, all: number) => `${ended} of ${all} ended`,

  // Its tabs
  about: "About this job",
  output: "Output",
  arguments: "Arguments",
  attempts: "Attempts",
  events: "Events",
  none: "None.",
  priority: "Priority",
  granted: (own: number, granted: number) => (granted ? `${own} + ${granted}` : String(own)),
  limit: "Time limit",
  tags: "Tags",
  key: "Key",
  id: "Id",
  after: "After",
  retries: "Retries",
  noAttempt: "It has not been started yet.",
  number: "Number",
  start: "Started",
  duration: "Took",
  end: "Ended",
  endless: "runs",

  // Its journal
  filter: "Filter the events",
  allTypes: "All types",
  type: "Type",
  copyJson: "Copy as JSON",
  journal: "Everything that happened to this job",
  seqOfJob: "No.",
  seqOfUser: "In all jobs",
  at: "Time",
  data: "Data",
  dropped: (count: number) => `The first ${count} are not shown.`,
  shown: (shown: number, all: number) => `${shown} of ${all} events`,
}

/** `1st`, `2nd`, `3rd`, `11th`. */
function ordinal(number: number): string {
  const teens = number % 100 > 10 && number % 100 < 14
  const end = teens ? "th" : (["th", "st", "nd", "rd"][number % 10] ?? "th")
  return `${number}${end}`
}
