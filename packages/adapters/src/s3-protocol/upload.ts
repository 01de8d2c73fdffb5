import { setMaxListeners } from 'node:events'
import type { WriteCondition } from '@mediakeep/core'
import type { Bucket } from './bucket.ts'
import type { Body, Frame, ObjectHeaders, PartTag, Upload, Written } from './bucket-client.ts'
import { conditionOf, marked, publishing } from './write.ts'

/** How long the end of an upload that failed may take. What is left then is swept, or ended by the bucket's lifecycle. */
const ABORT_MS = 10_000

/**
 * A multipart upload. Parts are in memory while they travel, so that the client can send one again; a part is numbered when it is
 * given, and at most `partsAtOnce` are on their way.
 */
export interface MultipartUpload {
  /** Resolves when the next part may be given: the bytes must not change until `complete` or `abort`. */
  addPart(part: Body): Promise<void>
  complete(when: WriteCondition | undefined, frame: Frame): Promise<Written>
  /** Ends parts on their way, then the upload; idempotent, never throws, does nothing once completed. */
  abort(): Promise<void>
}

/** @throws S3Failure when the upload cannot be created */
export async function startUpload(
  bucket: Bucket,
  name: string,
  headers: ObjectHeaders,
  frame: Frame,
): Promise<MultipartUpload> {
  const { client, partsAtOnce } = bucket
  const sent = marked(headers)
  const upload: Upload = await client.createUpload(name, sent, frame)
  const ending = new AbortController()
  const { signal } = ending
  setMaxListeners(0, signal) // each part listens to it
  const end = (): void => ending.abort(frame.signal.reason)
  if (frame.signal.aborted) end()
  frame.signal.addEventListener('abort', end, { once: true })
  const release = (): void => frame.signal.removeEventListener('abort', end)
  const flying = new Set<Promise<void>>()
  const tags: PartTag[] = []
  let partCount = 0
  let failure: { readonly error: unknown } | undefined
  let completed = false
  let aborting: Promise<void> | undefined

  const check = (): void => {
    if (failure !== undefined) throw failure.error
  }

  async function send(number: number, part: Body): Promise<void> {
    try {
      tags.push(await client.uploadPart(upload, number, part, { ...frame, signal }))
    } catch (error) {
      failure ??= { error }
      ending.abort(error) // the others are for nothing
    }
  }

  async function abortNow(): Promise<void> {
    release()
    ending.abort(new Error('the upload was given up'))
    await Promise.allSettled(flying) // a part that lands after the end would stay
    try {
      await client.abortUpload(upload, { ...frame, signal: AbortSignal.timeout(ABORT_MS) })
    } catch {
      // The endpoint cannot be reached, or the upload is gone already.
    }
  }

  return {
    async addPart(part) {
      check()
      const landing = send(++partCount, part).finally(() => flying.delete(landing))
      flying.add(landing)
      while (flying.size >= partsAtOnce) await Promise.race(flying)
      check()
    },
    async complete(when, commitFrame) {
      await Promise.all(flying)
      check()
      const condition = conditionOf(bucket, when)
      tags.sort((a, b) => a.number - b.number)
      const written = await publishing(bucket, name, sent, condition, commitFrame, () =>
        client.completeUpload(upload, tags, condition, commitFrame),
      )
      completed = true
      release()
      return written
    },
    abort() {
      if (completed) return Promise.resolve()
      aborting ??= abortNow()
      return aborting
    },
  }
}
