/** What can be run. */

import type {Task} from "@taskrealm/client"
import {html, type TemplateResult} from "lit"
import {customElement, property, state} from "lit/decorators.js"
import type {Catalog} from "../catalog"
import {PageElement} from "../element"
import {loading, problem} from "../parts/notice"
import {taskLink} from "../route"

@customElement("tr-tasks")
export class TasksScreen extends PageElement {
  @property({attribute: false}) catalog!: Catalog
  @state() private search = ""

  protected override render(): TemplateResult {
    return html`
      <h1>Tasks</h1>
      ${this.#content()}
    `
  }

  #content(): TemplateResult {
    const {tasks, error} = this.catalog
    if (tasks === undefined) return error ? problem(error) : loading("tasks")
    if (tasks.length === 0) {
      return html`
        <div class="notice">
          <p>There are no tasks yet.</p>
          <p class="quiet">Put a Python file with a task into the node's <code>tasks</code> folder.</p>
        </div>
      `
    }
    const found = tasks.filter(task => matches(task, this.search))
    return html`
      <label class="search">
        <span class="hidden">Search tasks</span>
        <input type="search" placeholder="Search tasks" @input=${this.#find} />
      </label>
      <ul class="cards" data-testid="task-list">
        ${found.map(
          ({name, title, help}) => html`
            <li>
              <a href=${taskLink(name)}>${title || name}</a>
              <code>${name}</code>
              <p>${firstLine(help)}</p>
            </li>
          `,
        )}
      </ul>
      ${found.length === 0 ? html`<p role="status">No task matches “${this.search}”.</p>` : ""}
    `
  }

  #find(event: InputEvent): void {
    this.search = (event.target as HTMLInputElement).value
  }
}

/** Whether every word of *search* is somewhere in the task. */
function matches({name, title, help}: Task, search: string): boolean {
  const text = `${name} ${title} ${help}`.toLowerCase()
  return search
    .toLowerCase()
    .split(/\s+/)
    .every(word => text.includes(word))
}

function firstLine(help: string): string {
  return help.split("\n", 1)[0] ?? ""
}
