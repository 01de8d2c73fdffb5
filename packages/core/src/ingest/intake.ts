import { type FileHandle, open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { fileSource } from '../bytes/source.ts'
import type { BodySummary } from '../cas/body-digest.ts'
import type { Body, ByteSource } from '../contracts/bytes.ts'
import type { StagedBody } from '../contracts/object-store.ts'
import { MediaError } from '../errors/media-error.ts'
import { letGo } from './chunks.ts'
import type { DirectBody } from './direct.ts'

/** A body as ingest takes it: whole in memory, a stream, or a local file that may be moved. */
export type Intake =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | {
      readonly kind: 'stream'
      readonly stream: Readable | AsyncIterable<Uint8Array>
      readonly sizeBytes: number | undefined
    }
  | { readonly kind: 'file'; readonly path: string; readonly source: ByteSource }
  | {
      /** An object that lies on its volume already, under a key that nobody else can write to; it is read to be looked at. */
      readonly kind: 'placed'
      readonly stream: AsyncIterable<Uint8Array>
      readonly sizeBytes: number
      readonly object: DirectBody['direct']
    }
  | {
      /** Of an upload: whole, on its volume, and to be taken over there. */
      readonly kind: 'staged'
      readonly body: StagedBody
      /** What is known of it without reading it again. */
      readonly summary: BodySummary | undefined
    }

/** @throws MediaError MEDIA_BAD_INPUT for what is no body, or a path that is no file. */
export async function toIntake(body: Body): Promise<Intake> {
  if (body instanceof Uint8Array) return { kind: 'bytes', bytes: body }
  if (body instanceof Readable) return { kind: 'stream', stream: body, sizeBytes: undefined }
  if (typeof body !== 'object' || body === null) throw notABody(body)
  if (body instanceof Blob)
    return {
      kind: 'stream',
      stream: body.stream() as unknown as AsyncIterable<Uint8Array>,
      sizeBytes: body.size,
    }
  if (Symbol.asyncIterator in body) return { kind: 'stream', stream: body, sizeBytes: undefined }
  if ('path' in body && typeof body.path === 'string') return fileIntake(body.path, body.move === true)
  throw notABody(body)
}

/** Lets go of a body that nobody will read. */
export function discardIntake(intake: Intake): void {
  if (intake.kind !== 'stream') return
  const { stream } = intake
  if ('destroy' in stream) stream.on('error', () => {}).destroy()
  else if (!('locked' in stream && stream.locked === true)) letGo(stream[Symbol.asyncIterator]())
}

async function fileIntake(path: string, move: boolean): Promise<Intake> {
  let file: FileHandle
  try {
    file = await open(path)
  } catch (cause) {
    throw new MediaError('MEDIA_BAD_INPUT', 'the file cannot be opened for reading', {
      reason: 'bad-path',
      cause,
    })
  }
  try {
    const about = await file.stat()
    if (!about.isFile())
      throw new MediaError('MEDIA_BAD_INPUT', 'the path is not a regular file', { reason: 'bad-path' })
    const source = fileSource(path, about.size)
    return move
      ? { kind: 'file', path, source }
      : { kind: 'stream', stream: source.open(), sizeBytes: about.size }
  } finally {
    await file.close()
  }
}

function notABody(body: unknown): MediaError {
  return new MediaError(
    'MEDIA_BAD_INPUT',
    `a body is a stream, an iterable of bytes, a Blob, a Uint8Array or { path }, not ${body === null ? 'null' : typeof body}`,
    {
      reason: 'not-bytes',
    },
  )
}
