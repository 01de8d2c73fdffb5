import { describe, expect, it } from 'vitest'
import { sweepUploads } from './sweep.ts'

const NOW_MS = Date.parse('2026-01-31T00:00:00Z')

function bucket() {
  const ended: string[] = []
  const begun = [
    { key: 'old', initiatedAt: new Date(NOW_MS - 1_000) },
    { key: 'just-old', initiatedAt: new Date(NOW_MS - 500) },
    { key: 'young', initiatedAt: new Date(NOW_MS - 499) },
    { key: 'of-no-time', initiatedAt: new Date(Number.NaN) },
  ]
  return {
    ended,
    storeName: 'far',
    clock: { now: () => NOW_MS, after: () => () => {} },
    layout: { objects: 'objects/' },
    client: {
      listUploads: async () => begun.map(({ key, initiatedAt }) => ({ key, uploadId: key, initiatedAt })),
      async abortUpload({ key }: { readonly key: string }) {
        ended.push(key)
      },
    },
  }
}

const frame = { cause: 'gc', signal: new AbortController().signal, tell: () => {} } as const

describe('sweepUploads()', () => {
  it('ends uploads that are as old as asked for, and none whose age nobody knows', async () => {
    const swept = bucket()
    expect(await sweepUploads(swept, 500, frame)).toBe(2)
    expect(swept.ended).toEqual(['old', 'just-old'])
  })

  it.each([Number.NaN, -1, 0.5, Number.POSITIVE_INFINITY])(
    'refuses an age of %s and ends none',
    async (age) => {
      const swept = bucket()
      await expect(sweepUploads(swept, age, frame)).rejects.toMatchObject({
        code: 'MEDIA_BAD_INPUT',
        reason: 'bad-option',
      })
      expect(swept.ended).toEqual([])
    },
  )
})
