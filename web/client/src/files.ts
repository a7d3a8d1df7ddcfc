/** Files: sent to the node in pieces, and fetched from jobs that have left some. */

import type {Connection} from "./connection"
import {fromCode, isTransient, TaskRealmError} from "./errors"
import {uris} from "./protocol"
import {backoff} from "./random"

/** Bytes up to which the checksum of a file is known before it is sent; it has to fit into memory. */
const HASHED = 67_108_864

/** Tries to send the same piece, one after the other, before its failure is told. */
const FAILURES = 5

/** Bytes turned into text at once. */
const STEP = 0x8000

/** How a file is sent. */
export interface UploadOptions {
  /** The name of the file; that of a `File`, or `"file"`, unless given. */
  name?: string
  /** Its media type, such as `"text/plain"`; not told unless given. */
  mediaType?: string
  /** Told which fraction has been sent, from 0 to 1. */
  onProgress?: ((fraction: number) => void) | undefined
  /** Stops the sending; what has been sent is dropped. */
  signal?: AbortSignal | undefined
}

/** A file that a job has left. */
export interface Artifact {
  name: string
  title: string | null
  media_type: string
  size: number
  sha256: string
  created_at: string
  /** When it goes, if that is before its job does. */
  expires_at: string | null
}

interface UploadState {
  upload: string
  offset: number
  /** Bytes of a piece at most. */
  chunk: number
}

/** Send *source*, again from where it was cut off; gives the id of the file. */
export async function sendFile(
  connection: Connection,
  source: Blob,
  {name, mediaType, onProgress, signal}: UploadOptions,
): Promise<string> {
  const {size} = source
  const begun = (await connection.repeat(uris.uploadBegin, [], {
    name: name ?? (source instanceof File ? source.name : "file"),
    size,
    sha256: await checksumOf(source),
    media_type: mediaType ?? null,
  })) as UploadState
  const {upload, chunk} = begun
  try {
    let failures = 0
    for (let offset = begun.offset; offset < size; ) {
      signal?.throwIfAborted()
      onProgress?.(offset / size)
      const data = new Uint8Array(await source.slice(offset, offset + chunk).arrayBuffer())
      const next = await append(connection, upload, offset, data, failures === FAILURES)
      failures = next > offset ? 0 : failures + 1
      if (failures > 0) await pause(backoff(failures))
      offset = next
    }
    signal?.throwIfAborted()
  } catch (error) {
    if (signal?.aborted) void connection.call(uris.uploadRemove, [upload]).catch(() => {})
    throw error
  }
  const {file} = (await connection.repeat(uris.uploadFinish, [upload], {})) as {file: string}
  onProgress?.(1)
  return file
}

/** Fetch an artifact; it is checked where the browser can do that. */
export async function fetchArtifact(
  connection: Connection,
  jobId: string,
  {name, size, sha256, media_type}: Artifact,
  {onProgress, signal}: Pick<UploadOptions, "onProgress" | "signal">,
): Promise<Blob> {
  const pieces: Uint8Array<ArrayBuffer>[] = []
  for (let offset = 0; offset < size; ) {
    signal?.throwIfAborted()
    onProgress?.(offset / size)
    const {data} = (await connection.ask(uris.artifact, {job_id: jobId, name, offset})) as {
      data: unknown
    }
    const piece = decode(data)
    if (piece.length === 0) throw damaged(name)
    pieces.push(piece)
    offset += piece.length
  }
  const blob = new Blob(pieces, {type: media_type})
  const found = await checksumOf(blob)
  if (found !== null && found !== sha256) throw damaged(name)
  onProgress?.(1)
  return blob
}

/** Send a piece; gives where the next one begins, unless this was the *last* try. */
async function append(
  connection: Connection,
  upload: string,
  offset: number,
  data: Uint8Array,
  isLast: boolean,
): Promise<number> {
  try {
    const answer = await connection.call(uris.uploadAppend, [upload, offset, encode(data)])
    return (answer as UploadState).offset
  } catch (error) {
    // Nobody knows whether it has arrived but the node.
    const isOutOfStep = error instanceof TaskRealmError && "offset" in error.fields
    if (isLast || (!isTransient(error) && !isOutOfStep)) throw error
    return ((await connection.repeat(uris.uploadStatus, [upload], {})) as UploadState).offset
  }
}

/** Bytes as WAMP writes them in JSON: a NUL character, and then base64. */
export function encode(bytes: Uint8Array): string {
  let text = ""
  for (let start = 0; start < bytes.length; start += STEP) {
    text += String.fromCharCode(...bytes.subarray(start, start + STEP))
  }
  return `\0${btoa(text)}`
}

/** What {@link encode} made of some bytes; they themselves are taken too. */
export function decode(data: unknown): Uint8Array<ArrayBuffer> {
  if (data instanceof Uint8Array) return new Uint8Array(data)
  if (typeof data !== "string" || !data.startsWith("\0")) {
    throw fromCode("internal", "The node has sent something other than bytes")
  }
  return Uint8Array.from(atob(data.slice(1)), character => character.charCodeAt(0))
}

/** The SHA-256 of a small file, where the page may compute it; null elsewhere. */
async function checksumOf(blob: Blob): Promise<string | null> {
  const {subtle} = globalThis.crypto
  // Pages without TLS have none, but for those of this machine.
  if (subtle === undefined || blob.size > HASHED) return null
  const digest = new Uint8Array(await subtle.digest("SHA-256", await blob.arrayBuffer()))
  return Array.from(digest, byte => byte.toString(16).padStart(2, "0")).join("")
}

function pause(seconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, seconds * 1000))
}

function damaged(name: string): TaskRealmError {
  return fromCode("incomplete", `${name} has not arrived as the job had left it`)
}
