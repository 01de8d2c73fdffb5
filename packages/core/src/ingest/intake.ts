import { type FileHandle, open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { fileSource } from '../bytes/source.ts'
import type { Body, ByteSource } from '../contracts/bytes.ts'
import { MediaError } from '../errors/media-error.ts'

/** A body as ingest takes it: whole in memory, a stream, or a local file that may be moved. */
export type Intake =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | {
      readonly kind: 'stream'
      readonly stream: Readable | AsyncIterable<Uint8Array>
      readonly sizeBytes: number | undefined
    }
  | { readonly kind: 'file'; readonly path: string; readonly source: ByteSource }

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
