/**
 * Defines `<taskrealm-jobs>`.
 *
 * @module
 */

export {JobsElement} from "../jobs/element"
export {fits, isLike} from "../jobs/matching"
