/**
 * Defines `<taskrealm-job>`, with `<taskrealm-output>` and `<taskrealm-progress>` that it shows.
 *
 * @module
 */

export {JOB_TABS, JobElement, type JobEventMap, type JobNews, type JobTab, newsText} from "../job"
