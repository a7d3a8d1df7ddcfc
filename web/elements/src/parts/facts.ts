/** What is written down of a job: its arguments, attempts, notes. */

import type {JobDetails} from "@taskrealm/client"
import {css, html, type TemplateResult} from "lit"
import {duration, moment, pretty} from "../format"
import type {Answered} from "../job-watch"
import {words} from "../words"
import {inWords} from "./question"

/** What the program has noted about its job. */
export function notes({data}: JobDetails): TemplateResult | string {
  const rows = Object.entries(data)
  if (rows.length === 0) return ""
  return html`
    <section part="notes">
      <h2>${words.job.noted}</h2>
      <dl class="facts" data-testid="job-data">
        ${rows.map(([name, value]) => html`<dt>${name}</dt><dd>${pretty(value)}</dd>`)}
      </dl>
    </section>
  `
}

/** Who has answered what. */
export function answerList(answers: readonly Answered[]): TemplateResult | string {
  if (answers.length === 0) return ""
  return html`
    <section part="answers">
      <h2>${words.job.answered}</h2>
      <dl class="facts" data-testid="job-answers">
        ${answers.map(({text, answer, by}) => html`<dt>${text}</dt><dd>${given(answer, by)}</dd>`)}
      </dl>
    </section>
  `
}

function given(answer: unknown, by: string | null): TemplateResult {
  const value = by === null && answer === null ? "" : `${inWords(answer)} `
  const who = by === null ? words.job.answeredByNobody : words.job.answeredBy(by)
  return html`${value}<span class="quiet">${who}</span>`
}

export function argumentList(record: JobDetails): TemplateResult {
  const {job} = words
  const rows = Object.entries(record.arguments)
  const {priority, granted, timeout, tags, key, after, retries} = record
  const others: [string, string][] = [
    [job.priority, job.granted(priority, granted)],
    [job.limit, timeout === null ? "" : duration(timeout)],
    [job.tags, tags.join(", ")],
    [job.key, key ?? ""],
    [job.retries, retries ? String(retries) : ""],
    [job.after, after.join(", ")],
    [job.id, record.job_id],
  ]
  return html`
    ${
      rows.length === 0
        ? html`<p class="quiet">${job.none}</p>`
        : html`<dl class="facts" data-testid="job-arguments">
            ${rows.map(([name, value]) => html`<dt>${name}</dt><dd>${pretty(value)}</dd>`)}
          </dl>`
    }
    <h3>${job.about}</h3>
    <dl class="facts">
      ${others
        .filter(([, value]) => value !== "")
        .map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}
    </dl>
  `
}

export function attemptTable(attempts: JobDetails["attempts"]): TemplateResult {
  const {job} = words
  if (attempts.length === 0) return html`<p class="quiet">${job.noAttempt}</p>`
  return html`
    <div class="scroll">
      <table data-testid="job-attempts">
        <thead>
          <tr>
            <th scope="col">${job.number}</th>
            <th scope="col">${job.start}</th>
            <th scope="col">${job.duration}</th>
            <th scope="col">${job.end}</th>
          </tr>
        </thead>
        <tbody>
          ${attempts.map(
            ({attempt, started_at, ended_at, end, reason}) => html`
              <tr>
                <td>${attempt}</td>
                <td><time datetime=${started_at}>${moment(started_at)}</time></td>
                <td>${ended_at === null ? "" : duration(between(started_at, ended_at))}</td>
                <td>
                  ${ended_at === null ? job.endless : endOf(end)}${reason ? `: ${reason}` : ""}
                </td>
              </tr>
            `,
          )}
        </tbody>
      </table>
    </div>
  `
}

function endOf(end: string | number | null): string {
  if (typeof end === "number") return words.job.exitCode(end)
  return (words.states as Record<string, string>)[end ?? ""] ?? end ?? ""
}

function between(from: string, to: string): number {
  return Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000)
}

export const factStyles = css`
  .facts {
    align-items: baseline;
    display: grid;
    gap: 0.25rem 1.25rem;
    grid-template-columns: fit-content(40%) minmax(0, 1fr);
    margin: 0 0 0.75rem;
  }

  .facts dt {
    color: var(--quiet);
    overflow-wrap: anywhere;
  }

  .facts dd {
    font-family: var(--mono);
    font-size: 0.875rem;
    margin: 0;
    overflow-wrap: anywhere;
    white-space: pre-wrap;
  }

  .scroll {
    overflow-x: auto;
  }

  table {
    background: var(--card);
    border: 1px solid var(--line);
    border-collapse: collapse;
    border-radius: var(--radius);
    width: 100%;
  }

  th,
  td {
    border-bottom: 1px solid var(--line);
    padding: 0.4rem 0.9rem;
    text-align: start;
    vertical-align: top;
  }

  thead th {
    background: var(--wait-soft);
    font-size: 0.9rem;
  }

  @container (max-width: 34rem) {
    .facts {
      gap: 0;
      grid-template-columns: minmax(0, 1fr);
    }

    .facts dd {
      margin-bottom: 0.5rem;
    }
  }
`
