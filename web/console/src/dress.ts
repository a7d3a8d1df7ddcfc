/** The page looks as the elements in it do. */

import {basics, palette, progressStyles, stateStyles} from "@taskrealm/elements/base"

/** Let *page* adopt the colours, controls, notices, states and bars of the elements. */
export function dress(page: Document): void {
  const sheets = [palette, basics, stateStyles, progressStyles].map(({styleSheet}) => styleSheet)
  page.adoptedStyleSheets.push(...sheets.filter(sheet => sheet !== undefined))
}
