/** The words on the wire. */

export * from "./access"
export * from "./events"
export * from "./jobs"
export * from "./output"
export * from "./tasks"
export * from "./uris"
