import {execFileSync} from "node:child_process"
import fc from "fast-check"
import {expect, test} from "vitest"
import {
  asCommand,
  asCurl,
  asJavaScript,
  asPython,
  asQuery,
  pythonValue,
  type Request,
  shellWord,
} from "../src/copy-as"

const BASE = "https://node.example/under/"
const HARD = 'it\'s "5" $HOME `id` \\n\nnew é \u{1f600} !x'

function request(change: Partial<Request> = {}): Request {
  return {task: "report", args: {words: HARD}, options: {}, secrets: [], ...change}
}

/** The words that a shell makes of *text*. */
function words(text: string): string[] {
  const script = `show() { printf '%s\\0' "$@"; }\n${text}`
  const env = {...process.env, TASKREALM_TOKEN: "tr_1"}
  return execFileSync("bash", ["-c", script], {env, encoding: "utf8"}).split("\0").slice(0, -1)
}

test("curl sends the arguments as they are, with the token of the environment", () => {
  const text = asCurl(request({options: {priority: 3, tags: ["a b"]}}), BASE)
  const [url, , header, , body = ""] = words(text.replace(/^curl/, "show"))

  expect(url).toBe("https://node.example/under/api/jobs")
  expect(header).toBe("Authorization: Bearer tr_1")
  expect(JSON.parse(body)).toEqual({
    task: "report",
    kwargs: {words: HARD},
    priority: 3,
    tags: ["a b"],
  })
})

test("the command line has options before the task, and reads secrets from files", () => {
  const options = {priority: -3, not_before: "2030-01-31T10:00:00Z", tags: ["a", "-b"]}
  const text = asCommand(request({options, secrets: ["api_key"]}), BASE)

  expect(words(text.replace(/^taskrealm/, "show"))).toEqual([
    ...["run", "--url", "wss://node.example/under/ws", "--priority=-3"],
    ...["--not-before=2030-01-31T10:00:00Z", "--tag=a", "--tag=-b"],
    ...["--arguments", JSON.stringify({words: HARD}), "report", "--api-key", "@api_key.txt"],
  ])
})

test("Python has values of its own", () => {
  const args = {a: null, b: true, c: [1.5, {d: false}], words: HARD}
  const text = asPython(request({args, options: {not_before: "2030-01-31T10:00:00Z"}}), BASE)

  expect(text).toContain('Client("wss://node.example/under/ws"')
  expect(text).toContain('not_before=datetime.fromisoformat("2030-01-31T10:00:00Z")')
  expect(text).toContain('"a": None')
  expect(text).toContain('{"d": False}')
})

test("JavaScript is given what the form has", () => {
  const text = asJavaScript(request({options: {priority: 3}}), BASE)

  expect(text).toContain('connect({url: "wss://node.example/under/ws", token})')
  expect(text).toContain(JSON.stringify(HARD))
  expect(text).toContain('"priority": 3')
})

test.each([asCurl, asCommand, asPython, asJavaScript])(
  "secrets have a place in what is copied, never a value",
  as => {
    const text = as(request({secrets: ["password"]}), BASE)

    expect(text).toMatch(/<password>|@password\.txt/)
  },
)

test("a link carries any arguments", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), args => {
      const query = new URLSearchParams(asQuery(args))

      expect(query.get("args")).toBe(JSON.stringify(args))
    }),
  )
})

test("any text is one word of a shell", () => {
  const texts = fc.sample(
    fc.string({
      unit: fc.constantFrom("a", "'", '"', "\\", "$", "`", "\n", " ", "!", "*", "é", "-"),
    }),
    200,
  )

  expect(words(`show ${texts.map(shellWord).join(" ")}`)).toEqual(texts)
})

test("any value of JSON is the same value in Python", () => {
  const values = fc.sample(fc.jsonValue({maxDepth: 3}), 30)
  const program = `import json, sys\nprint(json.dumps(${pythonValue(values, 0)}))`
  const printed = execFileSync("python3", ["-c", program], {encoding: "utf8"})

  expect(JSON.parse(printed)).toEqual(JSON.parse(JSON.stringify(values)))
})
