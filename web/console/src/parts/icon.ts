/** Small drawings that stand beside words. */

import {html, svg, type TemplateResult} from "lit"
import type {ScreenName} from "../route"

type IconName = ScreenName | "search" | "more" | "star" | "close" | "keyboard" | "leave" | "empty"

const SHAPES: Record<IconName, TemplateResult> = {
  tasks: svg`<rect x="3" y="3" width="6" height="6" rx="1.5" /><rect x="11" y="3" width="6" height="6" rx="1.5" /><rect x="3" y="11" width="6" height="6" rx="1.5" /><rect x="11" y="11" width="6" height="6" rx="1.5" />`,
  jobs: svg`<path d="M8 5h9M8 10h9M8 15h9M3 5l.8.8L5.3 4M3 10l.8.8L5.3 9M4 15h.01" />`,
  queue: svg`<path d="M3 5h14M3 10h14M3 15h7" /><path d="m13 13 3 2-3 2z" fill="currentColor" />`,
  schedules: svg`<rect x="3" y="4" width="14" height="13" rx="2" /><path d="M3 8.5h14M7 2.5v3M13 2.5v3M10 11v2l1.5 1" />`,
  health: svg`<path d="M2 10.5h3.5l2-5 4 10 2.2-5H18" />`,
  access: svg`<circle cx="7.5" cy="7" r="3" /><path d="M2.5 16.5c.4-3.2 2.3-5 5-5s4.6 1.8 5 5M13 4.3a3 3 0 0 1 0 5.4M15 12.2c1.4.8 2.3 2.2 2.5 4.3" />`,
  audit: svg`<path d="M5 2.5h7l3.5 3.5v11.5H5zM12 2.5V6h3.5M8 10h5M8 13.5h5" />`,
  account: svg`<circle cx="10" cy="7" r="3.25" /><path d="M3.5 17c.6-3.4 3-5.25 6.5-5.25s5.9 1.85 6.5 5.25" />`,
  search: svg`<circle cx="9" cy="9" r="5.5" /><path d="m13.2 13.2 3.8 3.8" />`,
  more: svg`<path d="M3 5.5h14M3 10h14M3 14.5h14" />`,
  star: svg`<path d="m10 2.8 2.2 4.6 5 .7-3.6 3.5.9 5-4.5-2.4-4.5 2.4.9-5-3.6-3.5 5-.7z" />`,
  close: svg`<path d="m5 5 10 10M15 5 5 15" />`,
  keyboard: svg`<rect x="2" y="5" width="16" height="10.5" rx="2" /><path d="M5.5 8.5h.01M8.5 8.5h.01M11.5 8.5h.01M14.5 8.5h.01M6.5 12h7" />`,
  leave: svg`<path d="M12 4V3H4v14h8v-1M8.5 10H17m-2.5-3 3 3-3 3" />`,
  empty: svg`<path d="M3 11.5 5.5 4h9l2.5 7.5V16H3zM3 11.5h4l1 2h4l1-2h4" />`,
}

/** It says nothing to a screen reader: the word beside it does. */
export function icon(name: IconName): TemplateResult {
  return html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true">${SHAPES[name]}</svg>`
}
