/** How far a job has come, as a bar with words. */

import type {Progress} from "@taskrealm/client"
import {css, html, nothing, type TemplateResult} from "lit"
import {progressText} from "../format"
import {words} from "../words"

/** The bar; without a known fraction it only says that something goes on. */
export function progressBar(progress: Progress, label: string): TemplateResult {
  return bar(progress.fraction, label, progressText(progress))
}

/** A bar of any kind of way; *text* is what it says to those who do not see it. */
export function bar(
  fraction: number | null,
  label: string,
  text: string,
  tone: "late" | "time" | "" = "",
): TemplateResult {
  return html`
    <progress
      part="bar"
      role="progressbar"
      max="1"
      value=${fraction ?? nothing}
      data-tone=${tone || nothing}
      aria-label=${label}
      aria-valuetext=${text || words.job.goesOn}
    ></progress>
  `
}

/** What a bar looks like in the shadow tree of an element. */
export const progressStyles = css`
  progress {
    --bar: var(--go);
    appearance: none;
    background: var(--wait-soft);
    border: 0;
    border-radius: 0.375rem;
    color: var(--bar);
    display: block;
    height: 0.75rem;
    overflow: hidden;
    width: 100%;
  }

  progress[data-tone="late"] {
    --bar: var(--stop);
  }

  progress[data-tone="time"] {
    --bar: color-mix(in srgb, var(--go) 55%, var(--card));
  }

  progress::-webkit-progress-bar {
    background: var(--wait-soft);
  }

  progress::-webkit-progress-value {
    background: var(--bar);
    border-radius: 0.375rem;
    transition: inline-size 0.25s;
  }

  progress::-moz-progress-bar {
    background: var(--bar);
  }

  progress:indeterminate {
    animation: slide 1.6s linear infinite;
    background: linear-gradient(90deg, var(--wait-soft), var(--bar), var(--wait-soft)) 0 / 200% 100%;
  }

  progress:indeterminate::-webkit-progress-bar {
    background: none;
  }

  progress:indeterminate::-moz-progress-bar {
    background: none;
  }

  @keyframes slide {
    to {
      background-position: -200% 0;
    }
  }

  @media (prefers-reduced-motion: reduce) {
    progress::-webkit-progress-value {
      transition: none;
    }
  }

  @media (forced-colors: active) {
    progress {
      border: 1px solid;
    }
  }
`
