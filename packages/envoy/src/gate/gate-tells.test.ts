import { headerIn as header } from '@mediakeep/core'
import { describe, expect, it } from 'vitest'
import type { GateAnswer } from '../contracts.ts'
import { asked, direct, scripted } from './gate.fixture.ts'

describe('what it is told', () => {
  it('says loading with a wait that caches may keep for 5 s at most, and missing otherwise', async () => {
    const { check } = await scripted(() => ({ state: 'loading', retryAfterMs: 12_000 }))
    const answer = direct(await check('/media/k/a'))
    expect(answer.status).toBe(503)
    expect(Number(header(answer.headers, 'retry-after'))).toBeGreaterThanOrEqual(11)
    expect(Number(header(answer.headers, 'retry-after'))).toBeLessThanOrEqual(14)
    expect(header(answer.headers, 'cache-control')).toBe('public, max-age=5')
    expect(JSON.parse(answer.body)).toMatchObject({ status: 503, code: 'MEDIA_NOT_READY' })
    expect(direct(await check('/media/k/b')).status).toBe(404)
  })

  it('gives a page to browsers, the placeholder to images, and problem+json to programs', async () => {
    const placeholder = { contentType: 'image/svg+xml', body: '<svg xmlns="http://www.w3.org/2000/svg"/>' }
    const { check } = await scripted(() => ({ state: 'loading', retryAfterMs: 1_000 }), { placeholder })
    const typed = async (accept?: string): Promise<string | undefined> =>
      header(
        direct(await check('/media/k/a', accept === undefined ? {} : { headers: { accept } })).headers,
        'content-type',
      )
    expect(await typed()).toBe('application/problem+json')
    expect(await typed('text/html,application/xhtml+xml')).toBe('text/html; charset=utf-8')
    expect(await typed('image/avif,image/webp,*/*')).toBe('image/svg+xml')
    expect(await typed('*/*')).toBe('application/problem+json')
    expect(header(direct(await check('/media/k/a')).headers, 'vary')).toBe('accept')
  })

  it.each([
    [{ state: 'failed', retryAfterMs: 3_000, reason: 'x' }, 503, 'failed'],
    [{ state: 'held', reason: 'pending' }, 503, 'loading'],
    [{ state: 'held', reason: 'quarantined' }, 403, 'denied'],
    [{ state: 'missing' }, 404, 'missing'],
  ] as const)('answers %j with %i', async (availability, status, state) => {
    const { check } = await scripted(() => availability)
    expect(direct(await check('/media/k/a'))).toMatchObject({ status, facts: { state } })
  })

  it('asks for the bytes once for any number of checks of what is cold, and says loading', async () => {
    const { gate, warm, looks } = await scripted(() => ({ state: 'cold', tier: 's3', estimateMs: 2_500 }))
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, async () => gate.check(asked('/media/k/a'))),
    )
    expect(warm).toHaveBeenCalledTimes(1)
    expect(looks()).toBe(1)
    expect(answers.every((answer) => answer.kind === 'answer' && answer.status === 503)).toBe(true)
    expect(header(direct(answers[0] as GateAnswer).headers, 'retry-after')).toBe('3')
    expect(gate.counts.fetchesStarted).toBe(1)
  })

  it('starts no more fetches than its budget, and none where it may not', async () => {
    const few = await scripted(() => ({ state: 'cold', tier: 's3', estimateMs: 1 }), {
      decisionCache: false,
      fetches: { perSecond: 1, perPrincipal: 1 },
    })
    for (let n = 0; n < 20; n++) await few.check('/media/k/a')
    expect(few.warm).toHaveBeenCalledTimes(5)
    expect((await few.check('/media/k/a')).facts).toMatchObject({ state: 'failed', reason: 'fetch-budget' })
    // One address has its own budget, and so has each user.
    const many = await scripted(() => ({ state: 'cold', tier: 's3', estimateMs: 1 }), {
      decisionCache: false,
      fetches: { perSecond: 100, perPrincipal: 1 },
    })
    for (let n = 0; n < 10; n++)
      for (const sourceAddress of ['192.0.2.1', '192.0.2.2'])
        await many.check('/media/k/a', { sourceAddress })
    expect(many.warm).toHaveBeenCalledTimes(10)
    const none = await scripted(() => ({ state: 'cold', tier: 's3', estimateMs: 1 }), { fetches: false })
    expect((await none.check('/media/k/a')).facts.state).toBe('failed')
    expect(none.warm).not.toHaveBeenCalled()
  })
})
