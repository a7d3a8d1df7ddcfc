/**
 * Defines `<taskrealm-form>`.
 *
 * @module
 */

export * from "../copy-as"
export {Form} from "../form"
export {fieldTemplate} from "../parts/field"
export {fieldStyles} from "../parts/field-styles"
export {fieldsOf} from "../schema"
export {type AcceptedDetail, type RefusedDetail, TaskForm} from "../task-form"
