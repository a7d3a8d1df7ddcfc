/** The search that leads anywhere, and the shortcuts. */

export const jump = {
  open: "Search or jump to …",
  label: "Find anything",
  placeholder: "A task, a place, a job or its id",
  results: "Results",
  found: (count: number) => (count === 1 ? "1 result" : `${count} results`),
  nothing: (search: string) => `Nothing is called “${search}”.`,
  close: "Close",
  kinds: {task: "Task", screen: "Place", job: "Job"},
  jobOfId: (id: string) => `Open job ${id}`,
  shortcutsTitle: "Keyboard shortcuts",
  find: "Search or jump anywhere",
  list: "Show these shortcuts",
  go: (place: string) => `Go to ${place}`,
  leave: "Close what is open",
  afterwards: "then",
  singleKeys: "Shortcuts of single keys are on",
}
