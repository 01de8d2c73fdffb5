import type { Upload, UploadState } from '@mediakeep/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type IndexRange, uploadJson, uploadStatusJson } from './upload-json.ts'

const upload = (more: Partial<Upload>): Upload => ({
  id: 'u',
  mediaId: 'm',
  namespace: 'default',
  door: 'chunked',
  owner: 'ann',
  state: 'receiving',
  offsetBytes: 0,
  partial: false,
  filename: 'a',
  createdAt: new Date(0),
  expiresAt: new Date(1000),
  extra: { secret: 'of the door' },
  ...more,
})
const indexesOf = (ranges: unknown): number[] =>
  ((ranges ?? []) as IndexRange[]).flatMap(([first, last]) =>
    Array.from({ length: last - first + 1 }, (_, at) => first + at),
  )

describe('uploadJson()', () => {
  it('says of every chunk that it is there, or that it is missing, and counts the bytes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 10 }),
        (there, last) => {
          const chunks = there.flatMap((isThere, index) => (isThere ? [index] : []))
          const sizeBytes = (there.length - 1) * 10 + last
          const json = uploadJson(upload({ chunks, chunkBytes: 10, sizeBytes }))
          expect(indexesOf(json['receivedChunks'])).toEqual(chunks)
          expect(indexesOf(json['missing'])).toEqual(
            there.flatMap((isThere, index) => (isThere ? [] : [index])),
          )
          const bytes = chunks.reduce((sum, index) => sum + (index === there.length - 1 ? last : 10), 0)
          expect([json['receivedBytes'], json['progress']]).toEqual([bytes, bytes / sizeBytes])
        },
      ),
    )
  })

  it('says that an upload receives as soon as a bucket has a part of it', () => {
    const direct = upload({ door: 'direct', state: 'created', sizeBytes: 10, parts: { partBytes: 5 } })
    expect(uploadJson(direct)).toMatchObject({ state: 'created', progress: 0 })
    expect(uploadJson(direct, [{ number: 1, sizeBytes: 5, etag: 'a' }])).toMatchObject({
      state: 'receiving',
      progress: 0.5,
    })
  })

  it('tells nothing of what a door keeps for itself, nor whose it is', () => {
    expect(JSON.stringify(uploadJson(upload({})))).not.toMatch(/secret|ann/)
  })
})

describe('uploadStatusJson()', () => {
  const states: readonly (readonly [UploadState, string, number])[] = [
    ['created', 'receiving', 0],
    ['receiving', 'receiving', 0.5],
    ['received', 'receiving', 1],
    ['verifying', 'verifying', 1],
    ['scanning', 'scanning', 1],
    ['active', 'active', 1],
    ['quarantined', 'quarantined', 1],
    ['rejected', 'rejected', 0],
    ['expired', 'expired', 0],
  ]
  it.each(states)('says of %s that it is %s', (state, told, progress) => {
    const json = uploadStatusJson(
      upload({ state, door: 'presigned', sizeBytes: 10, offsetBytes: progress * 10 }),
    )
    expect(json).toEqual({ state: told, progress })
  })

  it('says why an upload was refused', () => {
    const error = { code: 'MEDIA_INVALID', reason: 'broken', message: 'it is broken' }
    expect(uploadStatusJson(upload({ state: 'rejected', error }))).toMatchObject({ error })
  })
})
