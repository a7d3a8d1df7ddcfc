/**
 * Puts TaskRealm's forms and live jobs into any page: defines all elements.
 *
 * @module
 */

export * from "./entry/base"
export * from "./entry/form"
export * from "./entry/job"
export * from "./entry/jobs"
export * from "./entry/output"
export * from "./entry/progress"
