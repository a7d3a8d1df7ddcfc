/**
 * A program with the built browser library: prints what its client hears, a JSON text in a line.
 *
 *     node --experimental-websocket listener.mjs URL TOKEN [DONE]
 *
 * It ends once a job has ended with the result DONE.
 */

import {Client} from "../../web/client/dist/index.js"

const [url, token, done] = process.argv.slice(2)
// Reconnect without delay: nothing else asks for chance.
Math.random = () => 0

const say = message => process.stdout.write(`${JSON.stringify(message)}\n`)
const client = new Client({url, token})
client.on("status", status => say({status}))
client.on("snapshot", ({jobs, isFirst}) => say({snapshot: jobs.map(job => job.job_id), isFirst}))
client.on("event", event => {
  say({event})
  if (event.type === "succeeded" && event.result === done) client.close()
})
