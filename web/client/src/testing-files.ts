/** The files of a node in memory. */

import {fromCode} from "./errors"
import {type Artifact, decode, encode} from "./files"
import {uris} from "./protocol"

/** Bytes of a piece: few, so that tests see several. */
const PIECE = 4

/** A file that a job has left. */
export interface FakeFile {
  artifact: Artifact
  bytes: Uint8Array
}

interface FakeUpload {
  owner: string
  name: string
  size: number
  bytes: Uint8Array
}

/** Takes uploads as a node does, and keeps what has come. */
export class FakeFiles {
  readonly uploads = new Map<string, FakeUpload>()
  /** Told before a piece is taken; what it throws is the answer. */
  onPiece: (offset: number) => void = () => {}
  /** Told after a piece was taken; what it throws is the answer. */
  onTaken: (offset: number) => void = () => {}

  /** @internal */
  answer(
    owner: string,
    uri: string,
    args: readonly unknown[],
    kwargs: Record<string, unknown>,
  ): unknown {
    switch (uri) {
      case uris.uploadBegin:
        return this.#begin(owner, String(kwargs.name), Number(kwargs.size))
      case uris.uploadAppend:
        return this.#append(owner, String(args[0]), Number(args[1]), decode(args[2]))
      case uris.uploadStatus:
        return this.#state(owner, String(args[0]))
      case uris.uploadFinish:
        return this.#finish(owner, String(args[0]))
      case uris.uploadRemove:
        return void this.uploads.delete(String(args[0]))
      default:
        throw fromCode("not_authorized", `You may not call ${uri}`)
    }
  }

  #begin(owner: string, name: string, size: number): object {
    const upload = `file_${(this.uploads.size + 1).toString(16).padStart(32, "0")}`
    this.uploads.set(upload, {owner, name, size, bytes: new Uint8Array()})
    return this.#state(owner, upload)
  }

  #append(owner: string, upload: string, offset: number, piece: Uint8Array): object {
    this.onPiece(offset)
    const found = this.#upload(owner, upload)
    if (offset !== found.bytes.length) {
      const fields = {offset: `must be ${found.bytes.length}`}
      throw fromCode("invalid_arguments", "offset", {fields})
    }
    found.bytes = new Uint8Array([...found.bytes, ...piece])
    this.onTaken(offset)
    return this.#state(owner, upload)
  }

  #finish(owner: string, upload: string): object {
    const {bytes, size, name} = this.#upload(owner, upload)
    if (bytes.length < size) throw fromCode("invalid_arguments", "Bytes are missing")
    return {file: upload, name, size}
  }

  #state(owner: string, upload: string): object {
    const {bytes, size} = this.#upload(owner, upload)
    return {upload, offset: bytes.length, size, chunk: PIECE}
  }

  #upload(owner: string, upload: string): FakeUpload {
    const found = this.uploads.get(upload)
    if (found?.owner === owner) return found
    throw fromCode("unknown_upload", `There is no upload ${upload} of yours`)
  }
}

/** @internal */
export async function fileOf(name: string, content: string, media_type: string): Promise<FakeFile> {
  const bytes = new TextEncoder().encode(content)
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))
  const sha256 = Array.from(digest, byte => byte.toString(16).padStart(2, "0")).join("")
  const created_at = new Date().toISOString()
  const kept = {title: null, size: bytes.length, sha256, created_at, expires_at: null}
  return {artifact: {name, media_type, ...kept}, bytes}
}

/** @internal */
export function pieceOf({artifact, bytes}: FakeFile, offset: number): object {
  const next = Math.min(bytes.length, offset + PIECE)
  const {name, size} = artifact
  return {name, offset, next, size, data: encode(bytes.subarray(offset, next)), end: next === size}
}
