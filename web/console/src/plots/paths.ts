/** The shapes of plots, as paths of SVG. */

export interface Point {
  x: number
  y: number
}

/** A line through *points*; where one is missing it is broken. */
export function linePath(points: readonly (Point | null)[]): string {
  return runs(points).map(outline).join("")
}

/** What lies between *points* and the *base* below them; where one is missing there is nothing. */
export function areaPath(points: readonly (Point | null)[], base: number): string {
  return runs(points)
    .map(run => {
      const first = run[0] as Point
      const last = run.at(-1) as Point
      return `${outline(run)}L${number(last.x)} ${number(base)}L${number(first.x)} ${number(base)}Z`
    })
    .join("")
}

/** *points* in pieces without a gap. */
function runs(points: readonly (Point | null)[]): Point[][] {
  const found: Point[][] = []
  let run: Point[] = []
  for (const point of points) {
    if (point) {
      if (run.length === 0) found.push(run)
      run.push(point)
    } else run = []
  }
  return found
}

function outline(run: readonly Point[]): string {
  const parts = run.map(({x, y}, at) => `${at === 0 ? "M" : "L"}${number(x)} ${number(y)}`)
  // A single point is a line too, if only a short one.
  return run.length === 1 ? `${parts[0]}h1` : parts.join("")
}

/** With as many digits as anybody sees. */
function number(value: number): string {
  return String(Math.round(value * 10) / 10)
}
