/** Lines as elements. */

import {type Rgb, readable, rgbOf, SCREEN} from "./colours"
import type {PlacedLine} from "./pages"
import {lookOf} from "./style"

/** What is said of lines that the program did not print. */
export interface Sayings {
  gap: (bytes: number) => string
  note: (line: PlacedLine) => string
}

/** How one line is to be shown. */
export interface Painting {
  line: PlacedLine
  /** The whole style that a run of the line has. */
  styleOf: (style: string) => string
  /** What is to be marked, if anything. */
  needle: RegExp | null
  isCurrent: boolean
  say: Sayings
}

/** Let *row* show a line. */
export function paint(row: HTMLElement, {line, styleOf, needle, isCurrent, say}: Painting): void {
  const {kind, stream} = line
  row.className = "line"
  row.dataset.stream = stream
  if (isCurrent) row.dataset.current = ""
  else delete row.dataset.current
  if (kind === "gap") {
    row.dataset.gap = ""
    row.textContent = say.gap(line.to - line.from)
    return
  }
  if (kind === "note") {
    row.dataset.note = ""
    row.textContent = say.note(line)
    return
  }
  // A line without text is one all the same, also when it is copied.
  if (line.text === "") row.textContent = "\n"
  else row.replaceChildren(...spans(line, styleOf, needle))
}

function* spans(
  {text, runs}: PlacedLine,
  styleOf: (style: string) => string,
  needle: RegExp | null,
): Generator<Node> {
  const marks = needle ? [...text.matchAll(needle)] : []
  let begin = 0
  for (const {end, style} of runs) {
    const pieces: Node[] = []
    for (let position = begin; position < end; ) {
      while (marks[0] && marks[0].index + marks[0][0].length <= position) marks.shift()
      const [mark] = marks
      const isMarked = mark !== undefined && mark.index <= position
      const stop = !mark ? end : isMarked ? mark.index + mark[0].length : mark.index
      const piece = document.createTextNode(text.slice(position, Math.min(stop, end)))
      pieces.push(isMarked ? marked(piece) : piece)
      position = Math.min(stop, end)
    }
    yield* dressed(pieces, styleOf(style))
    begin = end
  }
}

function marked(piece: Node): Node {
  const mark = document.createElement("mark")
  mark.append(piece)
  return mark
}

function dressed(pieces: Node[], style: string): Node[] {
  const {color, background, inverse, ...switches} = lookOf(style)
  const classes = Object.entries(switches).flatMap(([name, isOn]) => (isOn ? [name] : []))
  if (!color && !background && !inverse && classes.length === 0) return pieces
  const span = document.createElement("span")
  span.className = classes.join(" ")
  span.append(...pieces)
  const [text, ground] = inverse
    ? [rgbOf(background) ?? SCREEN, rgbOf(color) ?? INK]
    : [rgbOf(color), rgbOf(background)]
  if (ground) span.style.backgroundColor = css(ground)
  if (text || ground) span.style.color = css(readable(text ?? INK, ground ?? SCREEN))
  return [span]
}

/** What text is unless a style says otherwise. */
const INK: Rgb = [216, 222, 230]

function css(rgb: Rgb): string {
  return `rgb(${rgb.join(" ")})`
}
