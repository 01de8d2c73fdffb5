import {
  type CallScope,
  MediaError,
  type ObjectHead,
  type ObjectWriter,
  type PutObjectOptions,
} from '@mediakeep/core'
import { type Bucket, writtenHead } from './bucket.ts'
import type { Frame } from './bucket-client.ts'
import { createPartBuffer } from './part-buffer.ts'
import { headersOf, MAX_PARTS } from './put.ts'
import { checkDigest } from './read-source.ts'
import { type MultipartUpload, startUpload } from './upload.ts'
import { writeObject } from './write.ts'

export interface WriterRules {
  readonly scope: CallScope
  frameOf(scope: CallScope, options?: PutObjectOptions): Frame
  /** The scope of `commit`, from its own signal and deadline. */
  scopeOf(options: PutObjectOptions): CallScope
  failed(error: unknown): unknown
  track<T>(work: Promise<T>): Promise<T>
  /** Called once, when nothing is held any more. */
  onFreed(): void
}

/**
 * Writes an object of unknown length. What fits one part is one request, made at the commit; a longer body is a multipart upload, of
 * which one part is being filled and `partsAtOnce` travel.
 */
export function createObjectWriter(bucket: Bucket, key: string, rules: WriterRules): ObjectWriter {
  const { storeName, partBytes } = bucket
  const name = bucket.layout.nameOf(key)
  const { scope } = rules
  let upload: MultipartUpload | undefined
  let sizeBytes = 0
  let state: 'open' | 'committing' | 'committed' | 'aborted' = 'open'
  let dropping: Promise<void> | undefined

  const parts = createPartBuffer(partBytes, async (part) => {
    upload ??= await startUpload(bucket, name, { metadata: {} }, rules.frameOf(scope))
    await upload.addPart(part)
  })

  const free = (): void => {
    scope.signal.removeEventListener('abort', onAbort)
    scope.release()
    rules.onFreed()
  }
  const drop = (): Promise<void> => {
    if (state === 'committed') return Promise.resolve()
    state = 'aborted'
    dropping ??= Promise.resolve(upload?.abort()).finally(free)
    return dropping
  }
  const abort = async (): Promise<void> => {
    if (state === 'open' || state === 'aborted') await drop()
  }
  const onAbort = (): void => void rules.track(abort())
  scope.signal.addEventListener('abort', onAbort, { once: true })
  const checkOpen = (): void => {
    scope.check()
    if (state !== 'open')
      throw new MediaError('MEDIA_BAD_INPUT', `the writer is ${state}`, { reason: 'writer-ended' })
  }

  async function publish(options: PutObjectOptions, commitScope: CallScope): Promise<ObjectHead> {
    const headers = headersOf(storeName, options)
    const { rest, sha256 } = parts.end()
    checkDigest(sha256, options.checksum)
    const frame = rules.frameOf(commitScope, options)
    if (upload === undefined) {
      const written = await writeObject(bucket, name, rest, headers, options.when, frame)
      return writtenHead(bucket, key, sizeBytes, written, headers)
    }
    if (headers.contentType !== undefined || Object.keys(headers.metadata).length > 0) {
      const message = `${storeName}: content type and metadata come too late for an object of several parts`
      throw new MediaError('MEDIA_UNSUPPORTED', message, { reason: 'late-metadata' })
    }
    await upload.addPart(rest)
    const written = await upload.complete(options.when, frame)
    return writtenHead(bucket, key, sizeBytes, written, headers)
  }

  return {
    async write(chunk) {
      checkOpen()
      if (sizeBytes + chunk.byteLength > MAX_PARTS * partBytes) {
        const message = `${storeName}: more than ${MAX_PARTS} parts of ${partBytes} bytes; raise partBytes`
        throw new MediaError('MEDIA_TOO_LARGE', message, { reason: 'too-many-parts' })
      }
      sizeBytes += chunk.byteLength
      try {
        const room = parts.write(chunk)
        if (room !== undefined) await room
      } catch (error) {
        scope.check()
        throw rules.failed(error)
      }
    },
    async commit(options = {}) {
      checkOpen()
      const commitScope = rules.scopeOf(options)
      state = 'committing'
      try {
        const head = await publish(options, commitScope)
        state = 'committed'
        free()
        return head
      } catch (error) {
        await drop()
        commitScope.check()
        scope.check()
        throw rules.failed(error)
      } finally {
        commitScope.release()
      }
    },
    abort,
  }
}
