/** Tabs that are reached and turned by keyboard, as the ARIA pattern has it. */

import {css, html, type TemplateResult} from "lit"

export interface Tab<Name extends string> {
  name: Name
  title: string
  /** How many things there are, if that is worth telling. */
  count?: number
}

/** The row of tabs; *choose* is told which one is wanted. */
export function tabList<Name extends string>(
  label: string,
  tabs: readonly Tab<Name>[],
  chosen: Name,
  choose: (name: Name) => void,
): TemplateResult {
  const onKey = (event: KeyboardEvent) => {
    const last = tabs.length - 1
    const at = tabs.findIndex(({name}) => name === chosen)
    const steps: Record<string, number> = {
      ArrowRight: at === last ? 0 : at + 1,
      ArrowLeft: at === 0 ? last : at - 1,
      Home: 0,
      End: last,
    }
    const next = tabs[steps[event.key] ?? -1]
    if (!next) return
    event.preventDefault()
    choose(next.name)
    const list = event.currentTarget as HTMLElement
    list.querySelector<HTMLElement>(`#tab-${next.name}`)?.focus()
  }
  return html`
    <div class="tabs" part="tabs" role="tablist" aria-label=${label} @keydown=${onKey}>
      ${tabs.map(
        ({name, title, count}) => html`<button
          id=${`tab-${name}`}
          role="tab"
          aria-selected=${String(name === chosen)}
          aria-controls=${`panel-${name}`}
          tabindex=${name === chosen ? 0 : -1}
          @click=${() => choose(name)}
        >
          ${title}${count === undefined ? "" : html` <span class="count">${count}</span>`}
        </button>`,
      )}
    </div>
  `
}

/** What the tab *name* shows; it stays in the page when another one is chosen. */
export function tabPanel(name: string, chosen: string, content: unknown): TemplateResult {
  return html`<div
    class="panel"
    role="tabpanel"
    id=${`panel-${name}`}
    aria-labelledby=${`tab-${name}`}
    ?hidden=${name !== chosen}
  >
    ${content}
  </div>`
}

export const tabStyles = css`
  .tabs {
    border-bottom: 1px solid var(--line);
    display: flex;
    gap: 0.25rem;
    margin-top: 1.75rem;
    overflow-x: auto;
    padding-top: 4px;
    scrollbar-width: thin;
  }

  .tabs button {
    background: none;
    border: 0;
    border-bottom: 3px solid transparent;
    border-radius: 0;
    color: var(--quiet);
    flex: none;
    padding-inline: 0.75rem;
  }

  .tabs button:hover:not([aria-selected="true"]) {
    border-color: transparent;
    border-bottom-color: var(--edge);
  }

  .tabs button:focus-visible {
    outline-offset: -3px;
  }

  .tabs button[aria-selected="true"],
  .tabs button[aria-selected="true"]:hover {
    border-color: transparent;
    border-bottom-color: var(--accent);
    color: var(--ink);
  }

  .count {
    background: var(--wait-soft);
    border-radius: 1rem;
    color: var(--wait);
    font-size: 0.8rem;
    font-variant-numeric: tabular-nums;
    padding: 0.05rem 0.45rem;
  }

  .panel {
    padding-top: 1rem;
  }

  .panel[hidden] {
    display: none;
  }
`
