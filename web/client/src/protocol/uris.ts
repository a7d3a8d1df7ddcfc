/** The URIs of procedures and topics. */

export const uris = {
  tasks: "taskrealm.tasks",
  choices: "taskrealm.choices",
  check: "taskrealm.check",
  exec: "taskrealm.exec",
  execMany: "taskrealm.exec_many",
  cancel: "taskrealm.cancel",
  cancelMany: "taskrealm.cancel_many",
  answer: "taskrealm.answer",
  job: "taskrealm.job",
  jobs: "taskrealm.jobs",
  events: "taskrealm.events",
  output: "taskrealm.output",
  search: "taskrealm.search",
  token: "taskrealm.token",
  mint: "taskrealm.mint",
  outcomes: "taskrealm.outcomes",
  sessions: "taskrealm.sessions",
  endSession: "taskrealm.end_session",
  tokens: "taskrealm.tokens",
  revoke: "taskrealm.revoke",
  uploadBegin: "taskrealm.upload.begin",
  uploadAppend: "taskrealm.upload.append",
  uploadStatus: "taskrealm.upload.status",
  uploadFinish: "taskrealm.upload.finish",
  uploadRemove: "taskrealm.upload.remove",
  artifacts: "taskrealm.artifacts",
  artifact: "taskrealm.artifact",
  catalog: "taskrealm.catalog",
} as const

/** The topic that carries the events of every job of the user *uid*. */
export function jobsTopic(uid: string): string {
  return `taskrealm.user.${uid}.jobs`
}

/** The topic that carries the events of one job while somebody watches who sees only some. */
export function jobTopic(uid: string, jobId: string): string {
  return `taskrealm.job.${uid}.${jobId}`
}

/** The topic that carries the output of one job while somebody watches. */
export function outputTopic(uid: string, jobId: string): string {
  return `taskrealm.user.${uid}.output.${jobId}`
}

/** The topic that carries the places in the queue of the jobs of the user *uid*. */
export function queueTopic(uid: string): string {
  return `taskrealm.user.${uid}.queue`
}

/** The part of a URI that stands for *authid*: `"u"` and the unpadded base32 of its UTF-8 bytes. */
export function uidOf(authid: string): string {
  const digits = "abcdefghijklmnopqrstuvwxyz234567"
  let uid = "u"
  let bits = 0
  let value = 0
  for (const byte of new TextEncoder().encode(authid)) {
    value = ((value << 8) | byte) & 0xfff
    bits += 8
    while (bits >= 5) {
      bits -= 5
      uid += digits[(value >> bits) & 31]
    }
  }
  return bits === 0 ? uid : uid + digits[(value << (5 - bits)) & 31]
}
