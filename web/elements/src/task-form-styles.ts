/** How the form of a task looks. */

import {css} from "lit"

export const formStyles = css`
  form {
    display: grid;
    gap: 1.25rem;
    grid-template-columns: minmax(0, 1fr);
  }

  fieldset.heading {
    border: 1px solid var(--line);
    border-radius: var(--radius);
    display: grid;
    gap: 1.25rem;
    grid-template-columns: minmax(0, 1fr);
    padding: 1rem;
  }

  fieldset.heading > legend {
    float: left;
    font-size: 1.05rem;
    font-weight: 700;
    padding: 0;
    width: 100%;
  }

  summary {
    cursor: pointer;
    font-weight: 600;
    min-height: 2rem;
    padding: 0.25rem 0;
    width: max-content;
  }

  details > .fields {
    border-left: 3px solid var(--line);
    grid-template-columns: repeat(auto-fit, minmax(min(15rem, 100%), 1fr));
    margin-top: 0.75rem;
    padding-left: 1rem;
  }

  .notice ul {
    margin: 0.25rem 0 0;
    padding-left: 1.25rem;
  }

  .notice.bad a {
    color: inherit;
    display: inline-block;
    min-height: 1.5rem;
  }

  .actions {
    align-items: center;
    border-top: 1px solid var(--line);
    display: flex;
    flex-wrap: wrap;
    gap: 0.6rem 0.75rem;
    padding-top: 1rem;
  }

  .actions .primary {
    min-width: 7rem;
  }

  /* A disabled button would lose the focus. */
  .actions [aria-disabled="true"] {
    cursor: default;
    opacity: 0.55;
  }

  .preview h2 {
    margin-top: 0;
  }

  .preview pre {
    background: var(--card);
    border: 1px solid var(--line);
  }

  .preview p {
    margin: 0.5rem 0 0;
  }

  @media (max-width: 30rem) {
    .actions {
      background: var(--card);
      bottom: var(--taskrealm-form-bottom, 0px);
      margin-inline: -0.25rem;
      padding: 0.75rem 0.25rem;
      position: sticky;
      z-index: 4;
    }

    .actions .primary {
      flex: 1 1 auto;
    }
  }
`
