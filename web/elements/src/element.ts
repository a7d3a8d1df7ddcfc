/** What all screens have in common. */

import {LitElement} from "lit"

/** An element in the page's own tree, styled by the one stylesheet. */
export class PageElement extends LitElement {
  protected override createRenderRoot(): this {
    return this
  }
}
