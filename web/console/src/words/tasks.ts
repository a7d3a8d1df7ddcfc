/** What can be run. */

export const tasks = {
  what: "tasks",
  search: "Search tasks",
  view: "View",
  views: {cards: "Cards", rows: "Rows"},
  favourites: "Favourites",
  others: "Other",
  star: (title: string) => `Favourite: ${title}`,
  run: "Run",
  runNow: (title: string) => `Run ${title} now`,
  mayNotRun: "You may look at this task, but not run it.",
  running: (count: number) => `${count} running`,
  waiting: (count: number) => `${count} queued`,
  usually: (range: string) => `usually ${range}`,
  lastTime: (state: string, when: string) => `${state} ${when}`,
  noMatch: (search: string) => `No task matches “${search}”.`,
  matches: (count: number) => (count === 1 ? "1 task" : `${count} tasks`),
  showAll: "Show all tasks",
  noneTitle: "There are no tasks yet",
  none: "Create this file in the folder of the node; it appears here by itself, and you can run it at once.",
  noneForYou: "There is none that you may see. Ask whoever runs this node.",
  file: "tasks/hello.py",
  example: `from taskrealm.tasks import task

@task
def hello(name: str = "world") -> str:
    """Say hello."""
    return f"Hello, {name}!"
`,
  firstTitle: "See what makes this different, in half a minute",
  firstRun: "Run one",
  firstRunWhy: "and watch it count.",
  firstSecond: "Open the same page in a second window: both show the same, live.",
  firstCut: "Unplug the network, then come back: nothing is missing.",
  firstDismiss: "Do not show this again",
}
