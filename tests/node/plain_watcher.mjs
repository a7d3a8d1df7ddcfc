// Runs, follows and cancels jobs by nothing but a WAMP library that knows nothing of TaskRealm:
// node plain_watcher.mjs autobahn|wampy URL TICKET UID_OF_ANOTHER JOB_OF_ANOTHER

import {createRequire} from "node:module"

const require = createRequire(import.meta.url)
const modules = "../../web/node_modules"

const LIBRARIES = {autobahn: joinByAutobahn, wampy: joinByWampy}

const [library, url, ticket, otherUid, otherJob] = process.argv.slice(2)
const {uid, call, subscribe} = await LIBRARIES[library]()

const events = []
let wake = () => {}
await subscribe(`taskrealm.user.${uid}.jobs`, batch => {
  events.push(...batch)
  wake()
})

/** The first event of a job with one of these types, as soon as it has come. */
async function heard(jobId, ...types) {
  for (;;) {
    const found = events.find(each => each.job_id === jobId && types.includes(each.type))
    if (found) return found
    await new Promise(resolve => {
      wake = resolve
    })
  }
}

const counting = await call("taskrealm.exec", ["demo.count", [], {to: 3, interval: 0}])
const {result} = await heard(counting.job_id, "succeeded", "failed")
const napping = await call("taskrealm.exec", ["probe.nap"])
await heard(napping.job_id, "started")
const answer = await call("taskrealm.cancel", [napping.job_id], {reason: "enough"})
const cancelled = await heard(napping.job_id, "cancelled", "failed", "succeeded")

console.log(
  JSON.stringify({
    result,
    types: events
      .filter(each => each.job_id === counting.job_id && each.type !== "progress")
      .map(each => each.type),
    steps: events.map(each => each.seq - events[0].seq),
    answer: answer.outcome ?? answer,
    end: [cancelled.type, cancelled.reason],
    refused: await refusal(subscribe(`taskrealm.user.${otherUid}.jobs`, () => {})),
    unknown: await refusal(call("taskrealm.job", [otherJob])),
    untouched: await refusal(call("taskrealm.cancel", [otherJob])),
  }),
)
process.exit(0)

/** The URI of the error with which *request* was refused. */
async function refusal(request) {
  return await request.then(
    () => null,
    error => error.error ?? error.errorUri,
  )
}

async function joinByAutobahn() {
  const autobahn = require(`${modules}/autobahn-browser/autobahn.min.js`)
  const connection = new autobahn.Connection({
    url,
    realm: "taskrealm",
    authmethods: ["ticket"],
    authid: "anybody",
    onchallenge: () => ticket,
  })
  const joined = new Promise(resolve => {
    connection.onopen = (session, details) => resolve([session, details])
  })
  connection.open()
  const [session, details] = await joined
  return {
    uid: details.authextra.uid,
    call: async (uri, args = [], kwargs = {}) => await session.call(uri, args, kwargs),
    subscribe: async (topic, listener) =>
      await session.subscribe(topic, ([batch]) => listener(batch)),
  }
}

async function joinByWampy() {
  const {Wampy} = await import(`${modules}/wampy/dist/esm/wampy.js`)
  const wampy = new Wampy(url, {
    ws: require(`${modules}/ws`),
    realm: "taskrealm",
    authmethods: ["ticket"],
    authid: "anybody",
    onChallenge: () => ticket,
  })
  const details = await wampy.connect()
  return {
    uid: details.authextra.uid,
    call: async (uri, argsList = [], argsDict = {}) =>
      (await wampy.call(uri, {argsList, argsDict})).argsList[0],
    subscribe: (topic, listener) => wampy.subscribe(topic, ({argsList}) => listener(argsList[0])),
  }
}
