import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { expectNoTimers } from '../server.fixture.ts'
import { BASE, type Fault, problem, testService, testStorage } from './service.fixture.ts'
import { UploadRefusedError } from './upload-error.ts'
import { cancelUpload, type UploadMediaOptions, type UploadProgress, uploadMedia } from './upload-media.ts'

const TEXT = '0123456789abcdefg' // 5 chunks, the last one of 1 byte
const file = (text = TEXT, name = 'a.png'): File =>
  new File([text], name, { type: 'image/png', lastModified: 1 })
const url = `${BASE}/media/uploads`

beforeEach(() => {
  vi.useFakeTimers()
  vi.spyOn(Math, 'random').mockReturnValue(0)
})
afterEach(expectNoTimers)

/** Uploads, and runs all the timers that it sets. */
async function outcome(promise: Promise<unknown>): Promise<unknown> {
  const all = Promise.allSettled([promise])
  await vi.runAllTimersAsync()
  const [result] = await all
  return result?.status === 'fulfilled' ? result.value : result?.reason
}
const upload = (options: Partial<UploadMediaOptions>, of: Blob = file()): Promise<unknown> =>
  outcome(uploadMedia(of, { url, ...options }))

/** These requests get these answers, once each. */
function faults(list: readonly (readonly [request: string, answer: () => Response | Error])[]): Fault {
  const left = [...list]
  return (request) => {
    const at = left.findIndex(([name]) => name === request)
    return at === -1 ? undefined : left.splice(at, 1)[0]?.[1]()
  }
}
const offline = (): Error => new TypeError('fetch failed')

describe('uploadMedia() in chunks', () => {
  it('sends every chunk, tells how far it is, and gives the media', async () => {
    const service = testService()
    const told: UploadProgress[] = []
    const media = await upload({ fetch: service.fetch, onProgress: (progress) => told.push(progress) })
    expect(media).toEqual({ id: 'm', state: 'active' })
    expect(service.whole()).toBe(TEXT)
    expect(service.wanted).toEqual({
      filename: 'a.png',
      contentType: 'image/png',
      sizeBytes: TEXT.length,
      mode: 'chunked',
    })
    expect(told[0]).toEqual({ sentBytes: 0, totalBytes: 17 })
    expect(told.at(-1)).toEqual({ sentBytes: 17, totalBytes: 17 })
    expect(told.map(({ sentBytes }) => sentBytes)).toEqual(
      told.map(({ sentBytes }) => sentBytes).sort((a, b) => a - b),
    )
  })

  it('has three chunks under way at once, or as many as it is told', async () => {
    const [three, one] = [testService(), testService()]
    await upload({ fetch: three.fetch })
    expect(three.load.most).toBe(3)
    await upload({ fetch: one.fetch, parallelChunks: 1 })
    expect(one.load.most).toBe(1)
    expect(one.whole()).toBe(TEXT)
  })

  it('says of the media what it is told, and who asks', async () => {
    const service = testService()
    await upload(
      {
        fetch: service.fetch,
        media: { filename: 'b.png', key: 'k', tags: ['a'] },
        chunkBytes: 4,
        headers: { Authorization: 'Bearer t' },
      },
      new Blob([TEXT]),
    )
    expect(service.wanted).toEqual({
      filename: 'b.png',
      contentType: 'application/octet-stream',
      sizeBytes: TEXT.length,
      mode: 'chunked',
      chunkBytes: 4,
      key: 'k',
      tags: ['a'],
    })
    for (const headers of service.headers) expect(headers.get('authorization')).toBe('Bearer t')
  })

  it('sends again what failed for a while, no sooner than the server says', async () => {
    const startMs = Date.now()
    const service = testService(
      faults([
        ['POST /media/uploads', () => problem(429, 'too-many-uploads', { 'retry-after': '7' })],
        ['PUT /media/uploads/u/chunks/1', offline],
        ['PUT /media/uploads/u/chunks/1', () => problem(503)],
        ['POST /media/uploads/u/complete', offline],
      ]),
    )
    expect(await upload({ fetch: service.fetch })).toMatchObject({ id: 'm' })
    expect(service.whole()).toBe(TEXT)
    expect(Date.now() - startMs).toBeGreaterThanOrEqual(7_000)
  })

  it('sends what the server lacks when it comes to complete', async () => {
    const service = testService(
      faults([
        [
          'POST /media/uploads/u/complete',
          () => {
            service.chunks.delete(2)
            return problem(409, 'upload-incomplete')
          },
        ],
      ]),
    )
    expect(await upload({ fetch: service.fetch })).toMatchObject({ id: 'm' })
    expect(service.whole()).toBe(TEXT)
  })

  it('ends with what the server said when it would say it again, and sends nothing more', async () => {
    const service = testService((request) =>
      request === 'PUT /media/uploads/u/chunks/1' ? problem(413, 'entity-too-large') : undefined,
    )
    const error = await upload({ fetch: service.fetch, parallelChunks: 1 })
    expect(error).toBeInstanceOf(UploadRefusedError)
    expect(error).toMatchObject({ status: 413, code: 'MEDIA_X', reason: 'entity-too-large' })
    expect(service.asked.at(-1)).toBe('PUT /media/uploads/u/chunks/1')
  })

  it('ends with the network error when that never ends', async () => {
    const service = testService((request) => (request.startsWith('PUT') ? offline() : undefined))
    const error = await upload({ fetch: service.fetch, maxAttempts: 3, parallelChunks: 1 })
    expect(error).toBeInstanceOf(TypeError)
    expect(service.asked.filter((request) => request.startsWith('PUT')).length).toBe(3)
  })
})

describe('an upload with a resumeKey', () => {
  it('goes on where it was, after a reload too, and is forgotten when it is done', async () => {
    const storage = testStorage()
    const pausing = new AbortController()
    const service = testService((request) => {
      if (request.endsWith('chunks/3')) pausing.abort(new Error('paused'))
      return undefined
    })
    const options = { fetch: service.fetch, resumeKey: 'k', storage, parallelChunks: 1 }
    expect(await upload({ ...options, signal: pausing.signal })).toEqual(new Error('paused'))
    expect(service.state).toBe('receiving')
    expect([...service.chunks.keys()]).toEqual([0, 1, 2, 3])
    service.asked.length = 0
    const told: number[] = []
    const media = await upload({ ...options, onProgress: ({ sentBytes }) => told.push(sentBytes) })
    expect(media).toMatchObject({ id: 'm' })
    expect(service.asked).toEqual([
      'GET /media/uploads/u',
      'PUT /media/uploads/u/chunks/4',
      'POST /media/uploads/u/complete',
    ])
    expect(told).toEqual([16, 17])
    expect(storage.entries.size).toBe(0)
  })

  it.each([
    ['another file', { of: file('other') }],
    ['an upload that is over', { state: 'aborted' as const }],
    ['an upload that was swept', { state: 'none' as const }],
  ])('begins anew for %s', async (_, { of, state }: { of?: File; state?: 'aborted' | 'none' }) => {
    const storage = testStorage()
    const pausing = new AbortController()
    const service = testService((request) => {
      if (request.endsWith('chunks/1')) pausing.abort()
      return undefined
    })
    const options = { fetch: service.fetch, resumeKey: 'k', storage, parallelChunks: 1 }
    await upload({ ...options, signal: pausing.signal })
    if (state !== undefined) service.state = state
    expect(await upload(options, of)).toMatchObject({ id: 'm' })
    expect(service.asked.filter((request) => request === 'POST /media/uploads').length).toBe(2)
    expect(service.whole()).toBe(of === undefined ? TEXT : 'other')
  })

  it('works where there is no storage, or one that fails', async () => {
    const broken = {
      getItem: () => 'not json',
      setItem() {
        throw new Error('full')
      },
      removeItem() {
        throw new Error('forbidden')
      },
    }
    const [one, other] = [testService(), testService()]
    expect(await upload({ fetch: one.fetch, resumeKey: 'k', storage: broken })).toMatchObject({ id: 'm' })
    expect(await upload({ fetch: other.fetch, resumeKey: 'k' })).toMatchObject({ id: 'm' })
  })

  it('is cancelled by its name: at the server, and in the storage', async () => {
    const storage = testStorage()
    const pausing = new AbortController()
    const service = testService((request) => {
      if (request.endsWith('chunks/1')) pausing.abort()
      return undefined
    })
    const options = { fetch: service.fetch, resumeKey: 'k', storage }
    expect(await outcome(cancelUpload(options))).toBe(false)
    await upload({ ...options, signal: pausing.signal })
    expect(await outcome(cancelUpload(options))).toBe(true)
    expect(service.state).toBe('aborted')
    expect(storage.entries.size).toBe(0)
  })
})

describe('an abort', () => {
  it('without a resumeKey cancels at the server, and gives its reason', async () => {
    const stopping = new AbortController()
    const service = testService((request) => {
      if (request.endsWith('chunks/1')) stopping.abort(new Error('enough'))
      return undefined
    })
    expect(await upload({ fetch: service.fetch, signal: stopping.signal })).toEqual(new Error('enough'))
    expect(service.state).toBe('aborted')
    expect(service.load.now).toBe(0)
  })

  it('before the first request sends nothing', async () => {
    const service = testService()
    const reason = new Error('never')
    expect(await upload({ fetch: service.fetch, signal: AbortSignal.abort(reason) })).toBe(reason)
    expect(service.asked).toEqual([])
  })

  it('ends a wait at once', async () => {
    const stopping = new AbortController()
    const service = testService((request) => {
      if (request === 'POST /media/uploads') setTimeout(() => stopping.abort(new Error('enough')), 10)
      return problem(503, 'busy', { 'retry-after': '1000' })
    })
    const startMs = Date.now()
    expect(await upload({ fetch: service.fetch, signal: stopping.signal })).toEqual(new Error('enough'))
    expect(Date.now() - startMs).toBe(10)
  })
})

describe('uploadMedia() presigned', () => {
  it('waits for an earlier try that is still under way, whose answer was lost', async () => {
    const put = 'PUT /media/uploads/u?sig=s'
    const locked = (): Response => problem(409, 'upload-locked')
    const service = testService(
      faults([
        [put, offline],
        [put, locked],
        [put, locked],
        [put, () => problem(409, 'upload-completed')],
      ]),
    )
    expect(await upload({ fetch: service.fetch, mode: 'presigned' })).toEqual({ id: 'm', state: 'active' })
    expect(service.asked.filter((request) => request === put)).toHaveLength(4)
  })

  it('gives up waiting after as many tries as it may make', async () => {
    const service = testService((request) =>
      request.startsWith('PUT') ? problem(409, 'upload-locked') : undefined,
    )
    const failure = await upload({ fetch: service.fetch, mode: 'presigned', maxAttempts: 3 })
    expect(failure).toMatchObject({ status: 409, reason: 'upload-locked' })
    expect(service.asked.filter((request) => request.startsWith('PUT'))).toHaveLength(3)
  })

  it('sends the whole in one request, and tells the signed address nothing else', async () => {
    const service = testService()
    const headers = { Authorization: 'Bearer t' }
    expect(await upload({ fetch: service.fetch, mode: 'presigned', headers })).toEqual({ id: 'm' })
    expect(service.asked).toEqual(['POST /media/uploads', 'PUT /media/uploads/u?sig=s'])
    expect(service.headers[1]?.get('authorization')).toBeNull()
    expect(service.headers[1]?.get('content-type')).toBe('image/png')
    expect(service.whole()).toBe(TEXT)
  })

  it('is sent again after a break, and counts what arrived though nobody heard of it', async () => {
    const service = testService(
      faults([
        ['PUT /media/uploads/u?sig=s', offline],
        [
          'PUT /media/uploads/u?sig=s',
          () => {
            service.state = 'active'
            return offline()
          },
        ],
      ]),
    )
    expect(await upload({ fetch: service.fetch, mode: 'presigned' })).toEqual({ id: 'm', state: 'active' })
  })

  it('is ended at the server by an abort: its address takes nothing any more', async () => {
    const stopping = new AbortController()
    const service = testService((request) => {
      if (request.startsWith('PUT')) stopping.abort(new Error('enough'))
      return undefined
    })
    const { signal } = stopping
    expect(await upload({ fetch: service.fetch, mode: 'presigned', signal })).toEqual(new Error('enough'))
    expect(service.asked.at(-1)).toBe('DELETE /media/uploads/u')
  })
})
