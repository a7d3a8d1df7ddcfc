/** What `<taskrealm-jobs>` looks like. */

import {css} from "lit"

export const jobsStyles = css`
  :host {
    container-type: inline-size;
  }

  ul {
    background: var(--card);
    border: 1px solid var(--line);
    border-radius: var(--radius);
    list-style: none;
    margin: 0;
    padding: 0;
  }

  li {
    align-items: center;
    column-gap: 1rem;
    display: grid;
    grid-template-areas: "tick state name what when";
    grid-template-columns: max-content 8.5rem minmax(8rem, 2fr) minmax(0, 3fr) minmax(max-content, 10.5rem);
    padding: 0.625rem 1rem;
    position: relative;
    row-gap: 0.25rem;
  }

  li + li {
    border-top: 1px solid var(--line);
  }

  li:first-child {
    border-radius: var(--radius) var(--radius) 0 0;
  }

  li:hover {
    background: color-mix(in srgb, var(--accent) 5%, var(--card));
  }

  li[aria-selected="true"],
  li.selected {
    background: color-mix(in srgb, var(--accent) 11%, var(--card));
  }

  .tick {
    align-items: center;
    display: inline-flex;
    grid-area: tick;
    justify-content: center;
    margin: -0.5rem 0 -0.5rem -0.5rem;
    min-height: 2.25rem;
    min-width: 2.25rem;
  }

  .tick input {
    accent-color: var(--accent);
    height: 1.15rem;
    margin: 0;
    width: 1.15rem;
  }

  .state {
    grid-area: state;
  }

  .name {
    grid-area: name;
    min-width: 0;
    overflow-wrap: anywhere;
  }

  .name a {
    color: var(--ink);
    display: inline-block;
    font-weight: 600;
    min-height: 1.5rem;
    text-decoration: none;
  }

  .name a:hover {
    color: var(--accent);
    text-decoration: underline;
  }

  .tags {
    display: inline-flex;
    flex-wrap: wrap;
    gap: 0.25rem;
    vertical-align: middle;
  }

  .tags:empty {
    display: none;
  }

  .tag {
    border: 1px solid var(--line);
    border-radius: 1rem;
    color: var(--quiet);
    font-size: 0.8rem;
    padding: 0 0.5rem;
  }

  .small,
  .what,
  .when {
    font-size: 0.9rem;
  }

  .what {
    color: var(--quiet);
    display: -webkit-box;
    grid-area: what;
    min-width: 0;
    overflow: hidden;
    overflow-wrap: anywhere;
    -webkit-box-orient: vertical;
    -webkit-line-clamp: 2;
  }

  .asks {
    color: var(--stop);
  }

  progress {
    appearance: none;
    background: var(--wait-soft);
    border: 0;
    border-radius: 0.25rem;
    color: var(--go);
    display: block;
    height: 0.5rem;
    margin-bottom: 0.125rem;
    overflow: hidden;
    width: 100%;
  }

  progress::-webkit-progress-bar {
    background: var(--wait-soft);
  }

  progress::-webkit-progress-value {
    background: var(--go);
    transition: inline-size 0.25s;
  }

  progress::-moz-progress-bar {
    background: var(--go);
  }

  .when {
    color: var(--quiet);
    grid-area: when;
    text-align: end;
  }

  .fresh {
    display: flex;
    justify-content: center;
    margin: 0 0 0.5rem;
    position: sticky;
    top: 0.5rem;
    z-index: 1;
  }

  .fresh button {
    border-radius: 2rem;
    box-shadow: 0 2px 8px rgb(0 0 0 / 20%);
  }

  .foot {
    margin-top: 0.75rem;
  }

  @container (max-width: 46rem) {
    li {
      align-items: start;
      grid-template-areas:
        "tick name state"
        "tick what what"
        "tick when when";
      grid-template-columns: max-content minmax(0, 1fr) max-content;
    }

    li > :empty {
      display: none;
    }

    .when {
      text-align: start;
    }
  }

  @container (max-width: 19rem) {
    li {
      grid-template-areas:
        "tick name"
        "tick state"
        "tick what"
        "tick when";
      grid-template-columns: max-content minmax(0, 1fr);
    }
  }
`
