/** A place for files: chosen or dropped, and sent at once. */

import {html, nothing, type TemplateResult} from "lit"
import type {Draft, FileDraft, SentFile} from "../../drafts/draft"
import {refusalOf} from "../../drafts/files"
import {bytes, percent} from "../../format"
import type {Field} from "../../schema"
import type {Sendings} from "../../sending"
import {words} from "../../words"
import type {Marks} from "../field"

/** A control for a `file`, or for `files`. */
export function fileControl(
  field: Field,
  draft: Draft,
  {id, describedBy, invalid}: Marks,
  onInput: (draft: Draft) => void,
  sendings?: Sendings,
): TemplateResult {
  const {files} = draft as FileDraft
  const isMany = field.kind === "files"
  const take = (chosen: readonly File[]) => {
    if (chosen.length === 0) return
    for (const old of isMany ? [] : files) if (old instanceof File) sendings?.stop(old)
    const taken = isMany ? [...files, ...chosen] : chosen.slice(0, 1)
    onInput({files: [...taken]})
    for (const file of taken) {
      if (file instanceof File && refusalOf(field, file) === null) sendings?.start(file)
    }
  }
  const onChoose = ({target}: Event) => {
    const input = target as HTMLInputElement
    take([...(input.files ?? [])])
    input.value = ""
  }
  const remove = (file: File | SentFile) => {
    if (file instanceof File) sendings?.stop(file)
    onInput({files: files.filter(each => each !== file)})
  }
  return html`<div
      class="zone"
      part="drop-zone"
      @dragover=${hover}
      @dragleave=${leave}
      @drop=${(event: DragEvent) => {
        leave(event)
        event.preventDefault()
        take([...(event.dataTransfer?.files ?? [])])
      }}
    >
      <input
        id=${id}
        type="file"
        accept=${field.accept.length > 0 ? field.accept.join(",") : nothing}
        ?multiple=${isMany}
        aria-required=${field.required}
        aria-invalid=${invalid}
        aria-describedby=${[describedBy === nothing ? "" : describedBy, `${id}-limits`].join(" ").trim()}
        @change=${onChoose}
      />
      <span aria-hidden="true">${invitation(field, files.length)}</span>
      <span class="help" id=${`${id}-limits`}>${limits(field)}</span>
    </div>
    ${files.length > 0 ? html`<ul class="chosen">${files.map(file => row(field, file, remove, sendings))}</ul>` : ""}`
}

function invitation({kind}: Field, count: number): string {
  if (kind === "files") return words.form.dropFiles
  return count > 0 ? words.form.dropAnother : words.form.dropFile
}

function limits({accept, maxSize}: Field): string {
  if (accept.length === 0 && maxSize === undefined) return ""
  return words.form.limits(accept.join(", "), maxSize === undefined ? "" : bytes(maxSize))
}

function row(
  field: Field,
  file: File | SentFile,
  remove: (file: File | SentFile) => void,
  sendings: Sendings | undefined,
): TemplateResult {
  const name = file.name ?? words.form.earlierFile
  const sending = file instanceof File ? sendings?.get(file) : undefined
  const drop = html`<button type="button" class="small" @click=${() => remove(file)}>
    ${words.form.removeItem}<span class="hidden"> ${name}</span>
  </button>`
  if (!(file instanceof File) || !sendings || !sending) {
    const known = file.size === null ? name : words.form.sentFile(name, bytes(file.size))
    return html`<li><span>${known}</span>${drop}</li>`
  }
  switch (sending.state) {
    case "sent":
      return html`<li><span>✓ ${words.form.sentFile(name, bytes(file.size))}</span>${drop}</li>`
    case "waiting":
      return html`<li><span>${words.form.waiting(name)}</span>${drop}</li>`
    case "sending":
      return html`<li data-testid="sending">
        <progress max="1" .value=${sending.fraction} aria-label=${name}></progress>
        <span>${words.form.sending(name, percent(sending.fraction))}</span>
        <button type="button" class="small" @click=${() => sendings.stop(file)}>
          ${words.form.stop}<span class="hidden"> ${name}</span>
        </button>
      </li>`
    default:
      return html`<li>
        <span class=${sending.state === "failed" ? "error" : nothing}>
          ${sending.state === "failed" ? words.form.failed(name, sending.reason) : words.form.stopped(name)}
        </span>
        ${
          refusalOf(field, file) === null
            ? html`<button type="button" class="small" @click=${() => sendings.start(file)}>
                ${words.form.sendAgain}
              </button>`
            : ""
        }${drop}
      </li>`
  }
}

function hover(event: DragEvent): void {
  event.preventDefault()
  ;(event.currentTarget as HTMLElement).classList.add("over")
}

function leave(event: DragEvent): void {
  ;(event.currentTarget as HTMLElement).classList.remove("over")
}
