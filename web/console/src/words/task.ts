/** The screen of one task. */

export const task = {
  history: "How its jobs went",
  tasks: "Tasks",
  what: "the task",
  earlier: "the arguments of that job",
  unknown: (name: string) => `There is no task ${name}, or you may not run it.`,
  badLink: "The link does not say what to fill the form with: it was probably cut off.",
  limit: (time: string) => `limit ${time}`,
  atOnce: (count: number) => `${count} at a time`,
  atOncePerUser: (count: number) => `${count} at a time for each user`,
  rate: (count: number, time: string) => `${count} within ${time}`,
  usually: (time: string) => `usually ${time}`,

  copyAs: "Copy as",
  curl: "curl",
  command: "Command line",
  python: "Python",
  javaScript: "JavaScript",
  link: "Link to this form",
  copied: (what: string) => `Copied: ${what}`,
  notCopied: "The browser does not let this page copy; here is the text.",

  saved: "Saved and recent",
  favourites: "Saved",
  noFavourites:
    "Nothing saved yet. Fill in the form, give it a name, and it stays in this browser.",
  saveName: "Name to save as",
  save: "Save",
  remove: (name: string) => `Remove ${name} from what is saved`,
  recent: "Recent",
  noRecent: "You have not run this task yet.",
  noArguments: "no arguments",
  again: (time: string, args: string) => `Fill the form as of ${time}: ${args}`,
}
