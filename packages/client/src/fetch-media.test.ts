import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { MediaWait } from './ask.ts'
import { fetchMedia, whenReady } from './fetch-media.ts'
import { MediaNotReadyError } from './not-ready.ts'
import { answer, expectNoTimers, never, type TestAnswer, testServer } from './server.fixture.ts'

const URL_ = 'https://media.test/media/1/content'
const offline = (): Error => new TypeError('fetch failed')

/** Without randomness: a named time is kept exactly, a back-off is half of its time. */
beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse('2026-11-22T10:00:00Z') })
  vi.spyOn(Math, 'random').mockReturnValue(0)
})
afterEach(expectNoTimers)

/** Answers with these in order, the last one for ever. */
function answers(...list: readonly (() => TestAnswer | Error)[]) {
  const given: TestAnswer[] = []
  const server = testServer((_request, index) => {
    const next = list[Math.min(index, list.length - 1)]?.()
    if (next === undefined || next instanceof Error) return next ?? new Error('no answer was told')
    given.push(next)
    return next.response
  })
  return { ...server, given }
}

/** Runs all timers and gives how it ended. */
async function settled<T>(promise: Promise<T>): Promise<PromiseSettledResult<T>> {
  const all = Promise.allSettled([promise])
  await vi.runAllTimersAsync()
  return (await all)[0]
}
async function failure(promise: Promise<unknown>): Promise<unknown> {
  const result = await settled(promise)
  return result.status === 'rejected' ? result.reason : undefined
}
async function value<T>(promise: Promise<T>): Promise<T> {
  const result = await settled(promise)
  if (result.status === 'rejected') throw result.reason
  return result.value
}
const times = (requests: readonly { readonly atMs: number }[]): number[] =>
  requests.map(({ atMs }) => atMs - (requests[0]?.atMs ?? 0))

describe('fetchMedia()', () => {
  it('gives what is ready at once, with its body unread', async () => {
    const server = answers(() => answer(200))
    const response = await value(fetchMedia(URL_, server))
    expect(response.status).toBe(200)
    expect(server.given[0]?.isCancelled()).toBe(false)
    expect(response.bodyUsed).toBe(false)
    expect(server.requests).toMatchObject([{ method: 'GET', url: URL_ }])
  })

  it.each([404, 410, 401, 403, 500, 502, 206, 304, 202])('gives a %i at once', async (status) => {
    const server = testServer(() => new Response(null, { status }))
    const response = await value(fetchMedia(URL_, server))
    expect(response.status).toBe(status)
    expect(server.requests).toHaveLength(1)
  })

  it.each([503, 429, 425, 202, 403])(
    'asks again after a %i with Retry-After, when it says',
    async (status) => {
      const server = answers(
        () => answer(status, { 'retry-after': '3' }),
        () => answer(status, { 'retry-after': 'Sun, 22 Nov 2026 10:00:13 GMT' }),
        () => answer(200),
      )
      const response = await value(fetchMedia(URL_, server))
      expect(response.status).toBe(200)
      expect(times(server.requests)).toEqual([0, 3000, 13_000])
    },
  )

  it.each([503, 429, 425])('backs off after a %i that names no time', async (status) => {
    const server = answers(
      () => answer(status),
      () => answer(status, { 'retry-after': 'soon' }),
      () => answer(status, { 'retry-after': '0' }),
      () => answer(status, { 'retry-after': '-1' }),
      () => answer(200),
    )
    await value(fetchMedia(URL_, server))
    expect(times(server.requests)).toEqual([0, 250, 750, 1750, 3750])
  })

  it('cancels the body of every answer it does not give', async () => {
    const server = answers(
      () => answer(503, { 'retry-after': '1' }),
      () => answer(429),
      () => answer(200),
    )
    await value(fetchMedia(URL_, server))
    expect(server.given.map((one) => one.isCancelled())).toEqual([true, true, false])
  })

  it('tells of each wait before it', async () => {
    const waits: MediaWait[] = []
    const server = answers(
      () => answer(503, { 'retry-after': '2' }),
      offline,
      () => answer(200),
    )
    await value(fetchMedia(URL_, { ...server, onWait: (wait) => waits.push(wait) }))
    expect(waits).toEqual([
      { attempt: 1, waitMs: 2000, status: 503 },
      { attempt: 2, waitMs: 500, status: undefined },
    ])
  })

  it('sends headers and credentials with every request', async () => {
    const server = answers(
      () => answer(503, { 'retry-after': '1' }),
      () => answer(206),
    )
    await value(fetchMedia(URL_, { ...server, headers: { range: 'bytes=0-9' }, credentials: 'include' }))
    expect(server.requests.map(({ headers }) => headers.get('range'))).toEqual(['bytes=0-9', 'bytes=0-9'])
    expect(server.requests.map(({ credentials }) => credentials)).toEqual(['include', 'include'])
  })

  describe('gives up', () => {
    it('when the time is over, with what it knows', async () => {
      const server = answers(() => answer(503, { 'retry-after': '4' }))
      const error = await failure(fetchMedia(URL_, { ...server, maxWaitMs: 10_000 }))
      expect(error).toBeInstanceOf(MediaNotReadyError)
      expect(error).toMatchObject({
        name: 'MediaNotReadyError',
        code: 'MEDIA_NOT_READY',
        message: 'media not ready after 3 requests in 8000 ms (last answer 503)',
        status: 503,
        attempts: 3,
        waitedMs: 8000,
        retryAfterMs: 4000,
      })
      expect(server.given.every((one) => one.isCancelled())).toBe(true)
    })

    it('at once when the server names a time beyond the end', async () => {
      const server = answers(() => answer(503, { 'retry-after': '99999999999' }))
      const error = await failure(fetchMedia(URL_, server))
      expect(error).toMatchObject({ status: 503, attempts: 1, waitedMs: 0, retryAfterMs: 99_999_999_999_000 })
    })

    it('after two minutes when nothing else is said', async () => {
      const server = answers(() => answer(503, { 'retry-after': '50' }))
      const error = await failure(fetchMedia(URL_, server))
      expect(error).toMatchObject({ attempts: 3, waitedMs: 100_000 })
    })

    it('after so many requests', async () => {
      const server = answers(() => answer(429, { 'retry-after': '1' }))
      const error = await failure(fetchMedia(URL_, { ...server, maxAttempts: 3 }))
      expect(error).toMatchObject({ status: 429, attempts: 3, waitedMs: 2000 })
      expect(server.requests).toHaveLength(3)
    })

    it('on an answer that does not come, and interrupts it', async () => {
      const server = testServer(never)
      const error = await failure(fetchMedia(URL_, { ...server, maxWaitMs: 5000 }))
      expect(error).toMatchObject({ status: undefined, attempts: 1, waitedMs: 5000 })
      expect(error).not.toHaveProperty('cause')
      expect(server.underWay()).toBe(0)
    })

    it('after five failures of the network in a row, with its error', async () => {
      const server = answers(offline)
      const error = await failure(fetchMedia(URL_, server))
      expect(error).toMatchObject({ status: undefined, attempts: 5, cause: offline() })
      expect(times(server.requests)).toEqual([0, 250, 750, 1750, 3750])
    })

    it('not on failures of the network with answers between them', async () => {
      const flaky = [offline, offline, offline, offline, () => answer(503, { 'retry-after': '1' })]
      const server = answers(...flaky, ...flaky, () => answer(200))
      expect((await value(fetchMedia(URL_, server))).status).toBe(200)
      expect(server.requests).toHaveLength(11)
    })
  })

  it('says nothing of the address in its error: it may be signed', async () => {
    const server = answers(() => answer(503, { 'retry-after': '999' }))
    const error = await failure(fetchMedia(`${URL_}?sig=secret`, server))
    expect(JSON.stringify([String(error), error])).not.toContain('secret')
  })

  it('bounds headers only: a body may take longer than the time', async () => {
    const server = answers(() => answer(200))
    const response = await value(fetchMedia(URL_, { ...server, maxWaitMs: 1000 }))
    await vi.advanceTimersByTimeAsync(3600_000)
    expect((await response.body?.getReader().read())?.value).toHaveLength(10)
  })

  it.each([
    [
      'a relative address where there is no page',
      () => fetchMedia('/media/1', { fetch: testServer(never).fetch }),
    ],
    [
      'a header that cannot be',
      () => fetchMedia(URL_, { fetch: testServer(never).fetch, headers: { a: 'b\nc' } }),
    ],
  ])('throws a TypeError at once for %s', async (_what, ask) => {
    expect(await failure(ask())).toBeInstanceOf(TypeError)
  })

  describe('ends with the reason of its signal, and leaves nothing,', () => {
    const reason = new Error('enough')
    const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length

    it('when that is aborted before: nothing is asked', async () => {
      const server = answers(() => answer(200))
      expect(await failure(fetchMedia(URL_, { ...server, signal: AbortSignal.abort(reason) }))).toBe(reason)
      expect(server.requests).toHaveLength(0)
    })

    it('while an answer is awaited', async () => {
      const server = testServer(never)
      const controller = new AbortController()
      const asked = fetchMedia(URL_, { ...server, signal: controller.signal })
      await vi.advanceTimersByTimeAsync(10)
      expect(server.underWay()).toBe(1)
      controller.abort(reason)
      expect(await failure(asked)).toBe(reason)
      expect(server.underWay()).toBe(0)
    })

    it.each([1, 2, 3])('in wait %i', async (wait) => {
      const server = answers(() => answer(503, { 'retry-after': '10' }))
      const controller = new AbortController()
      const before = listeners(controller.signal)
      const asked = fetchMedia(URL_, { ...server, signal: controller.signal })
      const ended = Promise.allSettled([asked])
      await vi.advanceTimersByTimeAsync(wait * 10_000 - 5000)
      controller.abort(reason)
      expect(await ended).toEqual([{ status: 'rejected', reason }])
      expect(vi.getTimerCount()).toBe(0)
      expect(listeners(controller.signal)).toBe(before)
      expect(server.requests).toHaveLength(wait)
      expect(server.given.every((one) => one.isCancelled())).toBe(true)
    })

    it('from within onWait', async () => {
      const server = answers(() => answer(503, { 'retry-after': '10' }))
      const controller = new AbortController()
      const onWait = (): void => controller.abort(reason)
      expect(await failure(fetchMedia(URL_, { ...server, signal: controller.signal, onWait }))).toBe(reason)
      expect(server.requests).toHaveLength(1)
    })

    it('and has no listener on it after it was waited for', async () => {
      const server = answers(
        () => answer(503, { 'retry-after': '1' }),
        () => answer(404),
      )
      const { signal } = new AbortController()
      const before = listeners(signal)
      await value(fetchMedia(URL_, { ...server, signal }))
      expect(listeners(signal)).toBe(before)
    })
  })
})

describe('whenReady()', () => {
  it('asks by HEAD until the media is ready', async () => {
    const server = answers(
      () => answer(503, { 'retry-after': '1' }),
      () => answer(200),
    )
    expect((await value(whenReady(URL_, server))).ok).toBe(true)
    expect(server.requests.map(({ method }) => method)).toEqual(['HEAD', 'HEAD'])
  })

  it('gives a 404 at once', async () => {
    const server = answers(() => answer(404))
    expect((await value(whenReady(URL_, server))).status).toBe(404)
    expect(server.requests).toHaveLength(1)
  })
})
