/** What somebody fills in to run a task. */

import type {Client, Task} from "@taskrealm/client"
import {ComputedChoices} from "./computed"
import type {Request} from "./copy-as"
import {Form} from "./form"
import {Keeper} from "./keeping"
import {optionFields} from "./options"
import {fieldsOf} from "./schema"
import {Sendings} from "./sending"

/** What a form is filled with, and by which it is known again. */
export interface Origin {
  values: Readonly<Record<string, unknown>>
  /** Names where the values come from. */
  source: string
  /** The parameters, as JSON. */
  schema: string
}

/** The arguments and options of one task, with their files, computed choices, and what is kept. */
export class Filling {
  form = new Form([])
  options = new Form([])
  choices: ComputedChoices | null = null
  sendings: Sendings
  #keeper: Keeper | null = null

  /** @param onChange called when something is to be shown anew */
  constructor(
    private readonly client: () => Client,
    private readonly onChange: () => void,
  ) {
    this.sendings = this.#newSendings()
  }

  /** What would be run as it stands: what does not fit is left out, and so are secrets. */
  get request(): Omit<Request, "task"> {
    const secrets = this.form.fields.filter(
      field => field.kind === "secret" && (field.required || this.form.draft(field) !== ""),
    )
    return {
      args: this.form.fair(file => this.sendings.sent(file)),
      options: this.options.fair(),
      secrets: secrets.map(({name}) => name),
    }
  }

  /** Make the form of *task*, filled with what was given or typed before. */
  begin(task: Task, {values, source, schema}: Origin): void {
    this.stop()
    this.sendings = this.#newSendings()
    this.form = new Form(fieldsOf(task.parameters))
    this.options = new Form(optionFields(task))
    this.form.fill(values)
    const origin = JSON.stringify([source, this.form.typed()])
    this.#keeper = new Keeper(this.client().authid, task.name, origin, schema)
    this.#keeper.restore([this.form, this.options])
    this.choices = new ComputedChoices(this.client, task.name, this.form, this.onChange)
    this.choices.refresh()
  }

  /** Send no file and ask for no choices any more. */
  stop(): void {
    this.choices?.stop()
    this.sendings.stopAll()
  }

  /** Have *values*, and the task's defaults for what is not among them. */
  fill(values: Readonly<Record<string, unknown>>): void {
    this.form.clear()
    this.form.fill(values)
  }

  /** Something was changed. */
  touched(): void {
    this.choices?.refresh()
    this.#keep()
    this.onChange()
  }

  /** Keep nothing of it any more. */
  forget(): void {
    this.#keeper?.drop()
  }

  #keep(): void {
    this.#keeper?.keep([this.form, this.options], file => this.sendings.sent(file))
  }

  #newSendings(): Sendings {
    return new Sendings(this.client, () => {
      this.#keep()
      this.onChange()
    })
  }
}
