// Joins by nothing but autobahn.js: node plain_joiner.cjs URL METHOD AUTHID SECRET

const autobahn = require("../../web/node_modules/autobahn-browser/autobahn.min.js")

const [url, method, authid, secret] = process.argv.slice(2)

function answer(session, asked, extra) {
  if (asked !== "wampcra") return secret
  const {salt, iterations, keylen, challenge} = extra
  return autobahn.auth_cra.sign(
    autobahn.auth_cra.derive_key(secret, salt, iterations, keylen),
    challenge,
  )
}

const connection = new autobahn.Connection({
  url,
  realm: "taskrealm",
  authmethods: [method],
  authid: authid || undefined,
  onchallenge: answer,
})

connection.onopen = async (session, details) => {
  const tasks = await session.call("taskrealm.tasks")
  console.log(JSON.stringify({authid: details.authid, tasks: tasks.length}))
  process.exit(0)
}
connection.onclose = (reason, details) => {
  console.error(reason, JSON.stringify(details))
  process.exit(1)
}
connection.open()
