/**
 * Defines `<taskrealm-output>`.
 *
 * @module
 */

export {TaskrealmOutput} from "../output"
