/**
 * What the elements are made of, and what pages want beside them; defines no element.
 *
 * @module
 */

export {Clock, Resource} from "../controllers"
export {PageElement} from "../element"
export * from "../format"
export {setClient} from "../node"
export {copy} from "../parts/copying"
export {loading, problem} from "../parts/notice"
export {progressBar, progressStyles} from "../parts/progress"
export {stateBadge, stateIcon, stateStyles} from "../parts/state"
export {RealmElement} from "../realm-element"
export {basics, palette, theme} from "../styles"
export {type Translation, translate, type Words, words} from "../words"
