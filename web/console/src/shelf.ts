/** How the tasks are put in order for people. */

import type {Durations, Task} from "@taskrealm/client"

/** Some tasks under one heading. */
export interface Shelf {
  /** As the names begin; empty for those that belong nowhere. */
  name: string
  tasks: Task[]
}

/** *tasks* by the group that they declare, or else by how their names begin. */
export function shelves(tasks: readonly Task[]): Shelf[] {
  const byName = new Map<string, Task[]>()
  for (const task of tasks) {
    const name = shelfOf(task)
    byName.set(name, [...(byName.get(name) ?? []), task])
  }
  const sorted = [...byName].map(([name, some]) => ({name, tasks: some}))
  // What belongs nowhere comes last.
  return sorted.sort((a, b) => (a.name === "" ? 1 : b.name === "" ? -1 : byText(a.name, b.name)))
}

function byText(a: string, b: string): number {
  return a.localeCompare(b)
}

/** The shelf on which *task* stands. */
export function shelfOf({name, group}: Task): string {
  if (group) return group
  return name.includes(".") ? (name.split(".", 1)[0] ?? "") : ""
}

/** *name* as a heading: `"video_tools"` is `"Video tools"`. */
export function heading(name: string): string {
  const text = name.replace(/[_-]+/g, " ")
  return text.charAt(0).toLocaleUpperCase() + text.slice(1)
}

/** Whether every word of *search* is somewhere in the task. */
export function matches({name, title, help}: Task, search: string): boolean {
  const text = `${name} ${title} ${help}`.toLowerCase()
  return search
    .toLowerCase()
    .split(/\s+/)
    .every(word => text.includes(word))
}

/** Two letters that stand for a task: those with which the first words of its title begin. */
export function initials({title, name}: Task): string {
  const [first = "", second = ""] = (title || name).split(/[^\p{L}\p{N}]+/u).filter(Boolean)
  const [a = ""] = first
  const [b = [...first][1] ?? ""] = second
  return `${a}${b}`.toLocaleUpperCase()
}

/** How many colours there are to tell shelves apart by. */
const HUES = 8

/** The number of a colour, the same for all tasks of a shelf. */
export function hue(shelf: string): number {
  let sum = 0
  for (const letter of shelf) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 0xffff
  return sum % HUES
}

const UNITS = [
  {size: 1, name: "s"},
  {size: 60, name: "min"},
  {size: 3600, name: "h"},
  {size: 86_400, name: "d"},
] as const

/** How long jobs usually run, `"3–5 min"`; null if too few have to say so. */
export function usually(usual: Durations | null | undefined): string | null {
  if (!usual || usual.n < 3) return null
  const {p10, p90} = usual
  if (p90 < 1) return "< 1 s"
  const unit = UNITS.findLast(({size}) => p90 >= size * 1.5) ?? UNITS[0]
  const [low, high] = [p10, p90].map(each => Math.max(1, Math.round(each / unit.size)))
  return low === high ? `${high} ${unit.name}` : `${low}–${high} ${unit.name}`
}
