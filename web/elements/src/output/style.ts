/** How text looks, as escape sequences (SGR) say: colours, bold and the like. */

/** Nothing special. */
export const PLAIN = "||000000"

/** As it was before what has been read, which nobody knows yet. */
export const UNKNOWN = "?|?|??????"

/** The switches of a style, in their order. */
const SWITCHES = ["bold", "dim", "italic", "underline", "inverse", "strike"] as const

type Switch = (typeof SWITCHES)[number]

/** A style taken apart. A colour is `5;N` of the palette or `2;R;G;B`; without one it is `""`. */
export interface Look extends Record<Switch, boolean> {
  color: string
  background: string
}

const ON: Record<number, number> = {1: 0, 2: 1, 3: 2, 4: 3, 7: 4, 9: 5, 21: 3}
const OFF: Record<number, number[]> = {22: [0, 1], 23: [2], 24: [3], 27: [4], 29: [5]}

const LIMIT = 5000
const known = new Map<string, string>()

/** *style* behind the sequence `ESC [ parameters m`. */
export function styled(style: string, parameters: string): string {
  const key = `${style} ${parameters}`
  const found = known.get(key)
  if (found !== undefined) return found
  if (known.size >= LIMIT) known.clear()
  const result = applied(style, parameters)
  known.set(key, result)
  return result
}

/** *style*, where what it does not know is as in *before*. */
export function inherited(style: string, before: string): string {
  if (!style.includes("?")) return style
  const [color, background, switches] = parts(style)
  const [oldColor, oldBackground, oldSwitches] = parts(before)
  return [
    color === "?" ? oldColor : color,
    background === "?" ? oldBackground : background,
    [...switches].map((each, index) => (each === "?" ? oldSwitches[index] : each)).join(""),
  ].join("|")
}

/** What *style* says; what it does not know is plain. */
export function lookOf(style: string): Look {
  const [color, background, switches] = parts(inherited(style, PLAIN))
  const on = (name: Switch) => switches[SWITCHES.indexOf(name)] === "1"
  return {
    color,
    background,
    bold: on("bold"),
    dim: on("dim"),
    italic: on("italic"),
    underline: on("underline"),
    inverse: on("inverse"),
    strike: on("strike"),
  }
}

function applied(style: string, parameters: string): string {
  let [color, background, switches] = parts(style)
  const flip = (index: number, to: string) => {
    switches = switches.slice(0, index) + to + switches.slice(index + 1)
  }
  const codes = parameters.split(";")
  for (let index = 0; index < codes.length; index += 1) {
    const [first = "", ...more] = (codes[index] ?? "").split(":")
    const code = Number(first || 0)
    if (code === 0) [color, background, switches] = parts(PLAIN)
    else if (code === 38 || code === 48) {
      const rest = more.length > 0 ? withoutSpace(more) : codes.slice(index + 1)
      const length = rest[0] === "5" ? 2 : rest[0] === "2" ? 4 : 1
      if (more.length === 0) index += length
      const named = colour(rest.slice(0, length))
      if (named && code === 38) color = named
      if (named && code === 48) background = named
    } else if (code === 4 && more[0] === "0") flip(3, "0")
    else if (ON[code] !== undefined) flip(ON[code], "1")
    else if (OFF[code]) for (const each of OFF[code]) flip(each, "0")
    else if (code === 39) color = ""
    else if (code === 49) background = ""
    else if (code >= 30 && code <= 37) color = `5;${code - 30}`
    else if (code >= 40 && code <= 47) background = `5;${code - 40}`
    else if (code >= 90 && code <= 97) color = `5;${code - 82}`
    else if (code >= 100 && code <= 107) background = `5;${code - 92}`
  }
  return [color, background, switches].join("|")
}

/** The parameters of a colour with colons, which may name a colour space before three numbers. */
function withoutSpace(rest: string[]): string[] {
  return rest[0] === "2" && rest.length > 4 ? ["2", ...rest.slice(2, 5)] : rest
}

function colour([kind, ...numbers]: string[]): string | null {
  const isColour = numbers.every(each => /^\d{0,3}$/.test(each) && Number(each) <= 255)
  const isWhole = numbers.length === (kind === "5" ? 1 : kind === "2" ? 3 : -1)
  return isColour && isWhole ? [kind, ...numbers.map(Number)].join(";") : null
}

function parts(style: string): [color: string, background: string, switches: string] {
  return style.split("|") as [string, string, string]
}
