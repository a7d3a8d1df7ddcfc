// Calls tasks by nothing but autobahn.js: node plain_caller.cjs URL TICKET

const autobahn = require("../../web/node_modules/autobahn-browser/autobahn.min.js")

const [url, ticket] = process.argv.slice(2)
const connection = new autobahn.Connection({
  url,
  realm: "taskrealm",
  authmethods: ["ticket"],
  authid: "anybody",
  onchallenge: () => ticket,
})

connection.onopen = async session => {
  const types = []
  const progress = event => types.push(event.type)
  const wanted = {receive_progress: true}
  const call = (...rest) => session.call("taskrealm.run.steps.shell", ...rest)

  const result = await new Promise(resolve =>
    call(["echo hello"], {}, wanted).then(resolve, console.error, progress),
  )
  const error = await call([], {script: "exit 3"}).catch(each => [
    each.error,
    each.kwargs.state,
    each.kwargs.outcome.exit_code,
  ])
  const cancelled = await new Promise(resolve => {
    const nap = session.call("taskrealm.run.probe.nap", [], {}, wanted)
    // autobahn.js survives no other mode of cancelling.
    const cancel = event => event.type === "started" && nap.cancel({mode: "kill"})
    nap.then(resolve, each => resolve(each.error), cancel)
  })
  console.log(JSON.stringify({result, types, error, cancelled}))
  process.exit(0)
}
connection.open()
