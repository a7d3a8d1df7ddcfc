/**
 * Defines `<taskrealm-progress>`.
 *
 * @module
 */

export {ProgressElement} from "../progress"
