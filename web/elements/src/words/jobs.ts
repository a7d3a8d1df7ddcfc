/** Lists of jobs. */

export const jobs = {
  list: "Jobs",
  what: "jobs",
  empty: "No jobs yet.",
  noneFit: "No job fits.",
  more: "Load more",
  loadingMore: "Loading …",
  fresh: (count: number) => (count === 1 ? "1 new job" : `${count} new jobs`),
  progressOf: (title: string) => `Progress of ${title}`,
  select: (title: string, time: string) => `Select ${title} of ${time}`,
  ofUser: (user: string) => `for ${user}`,
  took: (time: string) => `took ${time}`,
  sinceStart: (time: string) => `for ${time}`,
  stoppedBy: (who: string, reason: string | null | undefined) =>
    reason ? `by ${who}: ${reason}` : `by ${who}`,
  somebody: "somebody",
  place: (place: number) => `place ${place}`,
  asks: "asks a question",
  searching: "Searching …",
  searchedTo: (time: string) => `Searched back to ${time}`,
  stopSearch: "Stop searching",
  searchOn: "Search on",
}
