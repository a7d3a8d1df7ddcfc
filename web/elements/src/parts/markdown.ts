/** Markdown as templates: nothing in it is ever read as HTML. */

import {css, html, type TemplateResult} from "lit"
import type {Block, Inline} from "../markdown"

export function markdown(blocks: readonly Block[]): TemplateResult[] {
  return blocks.map(block)
}

function block(each: Block): TemplateResult {
  switch (each.kind) {
    case "heading":
      return heading(each.level, inline(each.content))
    case "paragraph":
      return html`<p>${inline(each.content)}</p>`
    case "code":
      return html`<pre class="block" tabindex="0">${each.text}</pre>`
    case "quote":
      return html`<blockquote>${markdown(each.blocks)}</blockquote>`
    case "rule":
      return html`<hr />`
    case "table":
      return html`<div class="scroll" tabindex="0">
        <table>
          <thead>
            <tr>
              ${each.head.map(cell => html`<th scope="col">${inline(cell)}</th>`)}
            </tr>
          </thead>
          <tbody>
            ${each.rows.map(row => html`<tr>${row.map(cell => html`<td>${inline(cell)}</td>`)}</tr>`)}
          </tbody>
        </table>
      </div>`
    case "list": {
      const items = each.items.map(item => html`<li>${itemOf(item)}</li>`)
      return each.isOrdered ? html`<ol>${items}</ol>` : html`<ul>${items}</ul>`
    }
  }
}

/** An item of one paragraph stands without the room around a paragraph. */
function itemOf(blocks: readonly Block[]): unknown {
  const [first, ...others] = blocks
  return first?.kind === "paragraph"
    ? [inline(first.content), ...markdown(others)]
    : markdown(blocks)
}

/** Below the heading of the result itself. */
function heading(level: number, content: unknown): TemplateResult {
  if (level <= 1) return html`<h3>${content}</h3>`
  if (level === 2) return html`<h4>${content}</h4>`
  return html`<h5>${content}</h5>`
}

function inline(content: readonly Inline[]): unknown[] {
  return content.map(each => {
    switch (each.kind) {
      case "text":
        return each.text
      case "code":
        return html`<code>${each.text}</code>`
      case "strong":
        return html`<strong>${inline(each.content)}</strong>`
      case "em":
        return html`<em>${inline(each.content)}</em>`
      case "link":
        return html`<a href=${each.href} target="_blank" rel="noopener noreferrer nofollow"
          >${inline(each.content)}</a
        >`
    }
    return ""
  })
}

export const markdownStyles = css`
  .page {
    max-width: 70ch;
    overflow-wrap: anywhere;
  }

  .page > :first-child {
    margin-top: 0;
  }

  .page > :last-child {
    margin-bottom: 0;
  }

  .page :is(h3, h4, h5) {
    line-height: 1.25;
    margin: 1.25rem 0 0.5rem;
  }

  .page h3 {
    font-size: 1.25rem;
  }

  .page h4 {
    font-size: 1.1rem;
  }

  .page h5 {
    font-size: 1rem;
  }

  .page :is(ul, ol) {
    margin: 0 0 0.75rem;
    padding-inline-start: 1.5rem;
  }

  .page :not(pre) > code {
    background: var(--wait-soft);
    border-radius: 4px;
    padding: 0.1em 0.3em;
  }

  .page pre {
    margin-bottom: 0.75rem;
  }

  .page blockquote {
    border-left: 3px solid var(--line);
    color: var(--quiet);
    margin: 0 0 0.75rem;
    padding-left: 1rem;
  }

  .page hr {
    border: 0;
    border-top: 1px solid var(--line);
    margin: 1rem 0;
  }
`
