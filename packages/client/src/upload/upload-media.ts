import { PARALLEL_CHUNKS } from '../defaults.ts'
import { partSender, type SendPart, sendToBucket } from './bucket-parts.ts'
import { type UploadMemory, type UploadStorage, uploadMemory } from './memory.ts'
import { platform } from './platform.ts'
import { askService, type Json, type RequestOptions } from './requests.ts'
import { UploadRefusedError } from './upload-error.ts'

export interface UploadProgress {
  readonly sentBytes: number
  readonly totalBytes: number
}

/** What is said of a media when it is uploaded, as `POST /media/uploads` takes it. */
export interface UploadedAs {
  /** Default: the file's name, else `file`. */
  readonly filename?: string
  /** Default: the file's type, else `application/octet-stream`. */
  readonly contentType?: string
  readonly key?: string
  /** 64 lower-case hexadecimal digits. */
  readonly sha256?: string
  readonly visibility?: 'public' | 'private'
  readonly tags?: readonly string[]
  readonly metadata?: Readonly<Record<string, unknown>>
  readonly links?: readonly { readonly kind: string; readonly target: string }[]
}

export interface UploadMediaOptions extends RequestOptions {
  /** Where uploads begin: `https://host/media/uploads`, or `/media/uploads` in a page. */
  readonly url: string | URL
  /**
   * `chunked` goes on where it was after a break; `presigned` is one request; `direct` goes past the service to its bucket, where it has
   * one: large files in parts, which go on after a break too. Default `chunked`.
   */
  readonly mode?: 'chunked' | 'presigned' | 'direct'
  readonly media?: UploadedAs
  readonly onProgress?: (progress: UploadProgress) => void
  /**
   * Name under which `storage` keeps where a chunked upload is: the same file under the same name goes on there, after a reload too,
   * and an abort only pauses. Without it an abort cancels. Forgotten when the upload is over.
   */
  readonly resumeKey?: string
  /** Default `localStorage`, where there is one. */
  readonly storage?: UploadStorage
  /** Chunks or parts under way at once. Default 3. */
  readonly parallelChunks?: number
  /** 256 KiB to 64 MiB. Default: the server's, 8 MiB. */
  readonly chunkBytes?: number
  /** Of `direct`: bytes of each part. Default: the server's, 16 MiB for files of 100 MiB and more. */
  readonly partBytes?: number
}

/** The record, as the service tells it. */
export interface UploadedMedia extends Json {
  readonly id: string
}

/**
 * Uploads a file, and gives its media. What fails for a while is sent again, at the times the server names.
 * @throws UploadRefusedError; the signal's reason; the network's own error when it failed every time
 * @example
 * const media = await uploadMedia(input.files[0], { url: '/media/uploads', resumeKey: 'avatar', onProgress, signal })
 */
export async function uploadMedia(file: Blob, options: UploadMediaOptions): Promise<UploadedMedia> {
  options.signal?.throwIfAborted()
  return options.mode === 'presigned' ? uploadPresigned(file, options) : uploadPieces(file, options)
}

export interface CancelUploadOptions extends RequestOptions {
  readonly resumeKey: string
  /** Default `localStorage`, where there is one. */
  readonly storage?: UploadStorage
}

/** Gives up an upload that was paused: its bytes go from the server, its name from the storage. Whether there was one. */
export async function cancelUpload({
  resumeKey,
  storage,
  ...options
}: CancelUploadOptions): Promise<boolean> {
  const memory = uploadMemory(resumeKey, storage)
  const url = memory?.recall()?.url
  if (url === undefined) return false
  const isCancelled = await askService({ method: 'DELETE', url }, options).then(() => true, isOverOrThrow)
  memory?.forget()
  return isCancelled
}

async function uploadPresigned(file: Blob, options: UploadMediaOptions): Promise<UploadedMedia> {
  return putPresigned(file, options, await begin(file, options, { mode: 'presigned' }))
}

/** The whole to an address of the service. */
async function putPresigned(file: Blob, options: UploadMediaOptions, begun: Json): Promise<UploadedMedia> {
  const headers = Object.fromEntries(
    Object.entries(objectOf(begun['headers'])).map(([name, value]) => [name, String(value)]),
  )
  const url = addressOf(begun['url'], options)
  const media = await askService({ method: 'PUT', url, body: file, headers, isSigned: true }, options).catch(
    async (error: unknown) => {
      if (options.signal?.aborted === true) await endUnfinished(url.replace(/\?.*$/, ''), options)
      // The answer to an earlier try was lost on its way.
      if (!(error instanceof UploadRefusedError) || error.reason !== 'upload-completed') throw error
      return askService(
        {
          method: 'GET',
          url: `${String(options.url).replace(/\/uploads\/*$/, '')}/${String(begun['mediaId'])}`,
        },
        options,
      )
    },
  )
  options.onProgress?.({ sentBytes: file.size, totalBytes: file.size })
  return mediaOf(media)
}

async function uploadPieces(file: Blob, options: UploadMediaOptions): Promise<UploadedMedia> {
  const memory = uploadMemory(options.resumeKey, options.storage)
  const { url, ...found } = await findOrBegin(file, options, memory)
  let { state } = found
  // There is no bucket: the service takes the body itself.
  if (state['mode'] === 'presigned') return putPresigned(file, options, state)
  try {
    for (;;) {
      if (state['chunkBytes'] === undefined && state['partBytes'] === undefined)
        await sendWhole(file, state, options)
      else await sendMissing(file, url, state, options)
      try {
        const media = mediaOf(await askService({ method: 'POST', url: `${url}/complete` }, options))
        memory?.forget()
        return media
      } catch (error) {
        if (!(error instanceof UploadRefusedError) || error.reason !== 'upload-incomplete') throw error
        state = await askService({ method: 'GET', url }, options)
        if (state['missing'] === undefined) throw error
      }
    }
  } catch (error) {
    if (error instanceof UploadRefusedError) memory?.forget()
    if (memory === undefined && options.signal?.aborted === true) await endUnfinished(url, options)
    throw error
  }
}

/** Nobody will go on with it: its room is free for others at once. The signal has aborted, so this goes without it. */
async function endUnfinished(url: string, options: UploadMediaOptions): Promise<void> {
  await askService({ method: 'DELETE', url }, { ...options, signal: undefined, maxAttempts: 1 }).catch(
    () => {},
  )
}

/** What makes two files the same, as far as can be told without reading them. */
function nameOf(file: Blob): string {
  const lastModified = 'lastModified' in file ? file.lastModified : 0
  return JSON.stringify([fileNameOf(file), lastModified, file.size, file.type])
}

/** Of a `File`; a blob has none. */
function fileNameOf(file: Blob): string {
  return 'name' in file && typeof file.name === 'string' && file.name !== '' ? file.name : 'file'
}

async function findOrBegin(
  file: Blob,
  options: UploadMediaOptions,
  memory: UploadMemory | undefined,
): Promise<{ url: string; state: Json }> {
  const known = memory?.recall()
  if (known !== undefined && known.file === nameOf(file)) {
    const state = await askService({ method: 'GET', url: known.url }, options).catch(isOverOrThrow)
    if (state !== false && !ENDED.has(String(state['state']))) return { url: known.url, state }
  }
  const { chunkBytes, partBytes } = options
  if (options.mode === 'direct') {
    const parts = partBytes !== undefined && { multipart: true, partBytes }
    const state = await begin(file, options, { mode: 'direct', ...parts })
    const isWhole = state['partBytes'] === undefined
    const url = isWhole
      ? `${String(options.url).replace(/\/+$/, '')}/${String(state['uploadId'])}`
      : addressOf(state['url'], options)
    if (!isWhole) memory?.remember({ url, file: nameOf(file) })
    return { url, state }
  }
  const state = await begin(file, options, {
    mode: 'chunked',
    ...(chunkBytes !== undefined && { chunkBytes }),
  })
  const url = addressOf(state['url'], options)
  memory?.remember({ url, file: nameOf(file) })
  return { url, state }
}

const ENDED = new Set(['rejected', 'aborted', 'expired', 'quarantined'])

/** Answers that say there is no such upload any more. */
function isOverOrThrow(error: unknown): false {
  if (error instanceof UploadRefusedError && (error.status === 404 || error.status === 410)) return false
  throw error
}

function begin(file: Blob, options: UploadMediaOptions, how: Json): Promise<Json> {
  const wanted = {
    filename: fileNameOf(file),
    contentType: file.type === '' ? 'application/octet-stream' : file.type,
    ...options.media,
    sizeBytes: file.size,
    ...how,
  }
  const headers = { 'Content-Type': 'application/json' }
  return askService(
    { method: 'POST', url: String(options.url), headers, body: JSON.stringify(wanted) },
    options,
  )
}

/** The whole to the bucket, by one request. */
async function sendWhole(file: Blob, state: Json, options: UploadMediaOptions): Promise<void> {
  const tell = (sentBytes: number): void => options.onProgress?.({ sentBytes, totalBytes: file.size })
  tell(0)
  await sendToBucket(state, file, options).catch((error: unknown) => {
    // The answer to an earlier try was lost: the bucket takes the body once.
    if (!(error instanceof UploadRefusedError) || error.status !== 412) throw error
  })
  tell(file.size)
}

/** Sends the chunks or parts that are not there, several at once; the first failure ends the others. */
async function sendMissing(file: Blob, url: string, state: Json, options: UploadMediaOptions): Promise<void> {
  const isInParts = state['partBytes'] !== undefined
  const pieceBytes = Number(state['partBytes'] ?? state['chunkBytes'])
  // Chunks are counted from 0, parts from 1.
  const first = isInParts ? 1 : 0
  const waiting = missingOf(state, first, Math.ceil(file.size / pieceBytes))
  const chunkOf = (number: number): Blob =>
    file.slice((number - first) * pieceBytes, (number - first + 1) * pieceBytes)
  const send: SendPart = isInParts
    ? partSender(url, waiting, options)
    : async (index, body, signal) => {
        await askService({ method: 'PUT', url: `${url}/chunks/${index}`, body }, { ...options, signal })
      }
  let sentBytes = file.size - waiting.reduce((sum, index) => sum + chunkOf(index).size, 0)
  const tell = (): void => options.onProgress?.({ sentBytes, totalBytes: file.size })
  tell()
  const failed = new AbortController()
  const signal =
    options.signal === undefined ? failed.signal : AbortSignal.any([options.signal, failed.signal])
  const lane = async (): Promise<void> => {
    for (let index = waiting.shift(); index !== undefined; index = waiting.shift()) {
      const body = chunkOf(index)
      await send(index, body, signal)
      sentBytes += body.size
      tell()
    }
  }
  const lanes = Array.from({ length: options.parallelChunks ?? PARALLEL_CHUNKS }, () =>
    lane().catch((error: unknown) => {
      failed.abort(error)
      throw error
    }),
  )
  // All have ended before any failure is told: nothing is sent any more.
  await Promise.allSettled(lanes)
  await Promise.all(lanes)
}

function missingOf(state: Json, first: number, count: number): number[] {
  const { missing } = state
  const isNew = state['receivedChunks'] === undefined && state['receivedParts'] === undefined
  const end = first + count
  const ranges = Array.isArray(missing) ? missing : isNew ? [[first, end - 1]] : []
  return ranges.flatMap((range: unknown) => {
    const [from, to] = Array.isArray(range) ? range.map(Number) : []
    if (from === undefined || to === undefined || !(from >= first && to < end)) return []
    return Array.from({ length: Math.max(0, to - from + 1) }, (_, at) => from + at)
  })
}

/** Addresses come relative to the host, unless the service knows its public one. */
function addressOf(url: unknown, { url: base }: UploadMediaOptions): string {
  const at = new URL(String(base), platform.location?.href)
  return new URL(String(url), at).href
}

function mediaOf(json: Json): UploadedMedia {
  return { ...json, id: String(json['id']) }
}

function objectOf(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {}
}
