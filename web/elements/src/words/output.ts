/** What is said about the output of a job. */

import {bytes, grouped} from "../format"

export const output = {
  name: "Output",
  toolbar: "How the output is shown",
  nothing: "Nothing was printed.",
  nothingYet: "Nothing printed yet.",
  printed: (size: number) => `${bytes(size)} printed`,
  notKept: (size: number) => `${grouped(size)} bytes in the middle were not kept`,
  gap: (size: number) => `… ${grouped(size)} bytes not kept …`,
  stderrNote: "Standard error, printed meanwhile",
  liveNote: "From here in the order in which it was printed",
  stream: "Stream",
  streams: {all: "All output", stdout: "Standard output", stderr: "Standard error"},
  wrap: "Wrap",
  follow: "Follow",
  download: "Download",
  downloading: (share: string) => `Downloading … ${share}`,
  jump: "Jump to latest",
  jumpNew: (lines: number) => `Jump to latest (${grouped(lines)} new)`,
  search: "Search the output",
  matchCase: "Match case",
  matchCaseSign: "Aa",
  next: "Next match",
  previous: "Previous match",
  searching: (share: string) => `searching … ${share}`,
  none: "not found",
  place: (number: number, count: number, isAll: boolean) =>
    `${grouped(number)} of ${grouped(count)}${isAll ? "" : "+"}`,
}
