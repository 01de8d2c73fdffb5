import { type Availability, MediaError, type MediaLocation, memoryStore, withMeter } from '@mediakeep/core'
import { describe, expect, it, type Mock, vi } from 'vitest'
import { encodeAnswer } from '../codec/encode-answer.ts'
import { readResponse } from '../codec/proto.fixture.ts'
import type { DirectAnswer, ForwardAnswer, GateAnswer } from '../contracts.ts'
import { bucketUpstream } from '../upstream/bucket-upstream.ts'
import { asked, gateFixture } from './gate.fixture.ts'
import { createGate } from './gate.ts'
import type { GateStore } from './gate-store.ts'

const BYTES = Buffer.from('what is in it')

function direct(answer: GateAnswer): DirectAnswer {
  if (answer.kind !== 'answer') throw new Error('the gate let it through')
  return answer
}
function forward(answer: GateAnswer): ForwardAnswer {
  if (answer.kind !== 'forward')
    throw new Error(`the gate refused it: ${answer.status} ${answer.facts.reason}`)
  return answer
}
const header = (list: readonly string[], name: string): string | undefined => {
  const at = list.findIndex((text, index) => index % 2 === 0 && text === name)
  return at === -1 ? undefined : list[at + 1]
}

/** A store that says of one public media whatever it is told to. */
async function scripted(
  availability: () => Availability,
  options: Parameters<typeof gateFixture>[0] = {},
): Promise<Awaited<ReturnType<typeof gateFixture>> & { looks: () => number; warm: Mock<GateStore['warm']> }> {
  const base = await gateFixture()
  const media = await base.store.put(BYTES, { filename: 'a.txt', at: { key: 'a' }, visibility: 'public' })
  const warm = vi.fn<GateStore['warm']>(async () => availability())
  let looks = 0
  const store: GateStore = {
    availability: async () => availability(),
    stat: async () => media,
    url: (...args) => base.store.url(...args),
    warm,
    async locate(ref): Promise<MediaLocation> {
      looks += 1
      if (typeof ref !== 'string' && ref.key !== 'a')
        return { media: undefined, availability: { state: 'missing' }, names: [] }
      return { media, availability: availability(), names: ['m'] }
    },
  }
  const made = await gateFixture({ store, clock: base.clock, ...options })
  return { ...made, clock: base.clock, looks: () => looks, warm }
}

describe('what is asked', () => {
  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'CONNECT', 'TRACE', 'OPTIONS', 'get', 'GETX', ''])(
    'answers 405 with Allow to %j',
    async (method) => {
      const { check } = await gateFixture()
      const answer = direct(await check('/media/k/a', { method }))
      expect(answer.status).toBe(405)
      expect(header(answer.headers, 'allow')).toBe('GET, HEAD')
      expect(header(answer.headers, 'x-media-state')).toBe('denied')
    },
  )

  it.each([
    '/media/k/x/../a',
    '/media/k/x/%2e%2e/a',
    '/media/k/./a',
    '/media/k//a',
    '//media/k/a',
    '/media/k/x%2fa',
    '/media/k/x%2F..%2Fa',
    '/media/k/..%5ca',
    '/media/k/..\\a',
    '/media/k/a%00',
    '/media/k/%252e%252e/a',
    '/media/k/%25252e/a',
    '/media/k/%c0%ae%c0%ae/a',
    '/media/k/%u002e/a',
    '/media/k/a%',
    '/media/k/a#b',
    '/media/k/a/',
    'media/k/a',
    'http://media.example/media/k/a',
    '*',
    '',
    `/media/k/${'a'.repeat(9_000)}`,
    '/media/k/a b',
    '/media/k/\u00e9',
    '/media/k/a\r\nx: y',
  ])('answers 400 to %j, which can be read in more than one way', async (target) => {
    const { store, check } = await gateFixture()
    await store.put(BYTES, { filename: 'a.txt', at: { key: 'a' }, visibility: 'public' })
    const answer = direct(await check(target))
    expect(answer).toMatchObject({ status: 400, facts: { state: 'denied', reason: 'bad-path' } })
    expect(JSON.stringify(answer)).not.toContain('media.example')
  })

  it.each([
    '/MEDIA/k/a',
    '/media',
    '/media/k',
    '/other/a',
    '/media/k/a;v=1',
    '/media/k/A',
    '/media/x/content',
    '/',
  ])('answers 404 to %j, which names nothing', async (target) => {
    const { store, check } = await gateFixture()
    await store.put(BYTES, { filename: 'a.txt', at: { key: 'a' }, visibility: 'public' })
    expect((await check(target)).kind === 'answer' && direct(await check(target)).status).toBeOneOf([
      404, 400,
    ])
  })

  it('reads one encoding of a letter as the letter, and the query as no part of the name', async () => {
    const { store, check } = await gateFixture()
    const media = await store.put(BYTES, { filename: 'a.txt', at: { key: 'a b' }, visibility: 'public' })
    for (const target of ['/media/k/%61%20b', '/media/k/a%20b?x=/../missing/', '/media/k/a%20b?sigh=1'])
      expect((await check(target)).facts).toMatchObject({ state: 'ready', mediaId: media.id })
    expect((await check('/media/k/a%20b%3fx=1')).facts.state).toBe('missing')
  })
})

describe('who asks', () => {
  it('lets owners read what is private, and answers others exactly as if there were nothing', async () => {
    const { store, check } = await gateFixture()
    const { id } = await store.put(BYTES, { filename: 'a.txt', owner: 'ann' })
    const nothing = '01980000-0000-7000-8000-000000000000'

    expect(forward(await check(`/media/${id}/content`, { headers: { 'x-user': 'ann' } })).facts.mediaId).toBe(
      id,
    )
    expect(direct(await check(`/media/${id}/content`, { headers: { 'x-user': 'bob' } }))).toEqual(
      direct(await check(`/media/${nothing}/content`, { headers: { 'x-user': 'bob' } })),
    )
    expect(direct(await check(`/media/${id}/content`))).toEqual(
      direct(await check(`/media/${nothing}/content`)),
    )
    // What one was told is told to nobody else.
    expect((await check(`/media/${id}/content`, { headers: { 'x-user': 'ann' } })).kind).toBe('forward')
    expect((await check(`/media/${id}/content`, { headers: { 'x-user': 'bob' } })).kind).toBe('answer')
  })

  it('is public to caches about missing names only for those without credentials, and for keys only for seconds', async () => {
    const { check } = await gateFixture()
    const cached = async (
      target: string,
      headers: Record<string, string> = {},
    ): Promise<string | undefined> =>
      header(direct(await check(target, { headers })).headers, 'cache-control')
    expect(await cached('/media/k/a')).toBe('public, max-age=5')
    expect(await cached('/media/01980000-0000-7000-8000-000000000000/content')).toBe('public, max-age=60')
    expect(await cached('/media/k/a', { cookie: 'a=b' })).toBe('private, no-store')
    expect(await cached('/media/k/a', { authorization: 'Bearer x' })).toBe('private, no-store')
  })

  it('lets a signed address in, until it ends, and no other', async () => {
    const { store, check, clock } = await gateFixture()
    const { id } = await store.put(BYTES, { filename: 'a.txt' })
    const url = await store.url(id, { expiresAt: new Date(clock.now() + 2_000) })
    const target = url.pathname + url.search

    expect((await check(target)).kind).toBe('forward')
    expect(direct(await check(target.replace('sig=', 'sig=A'))).status).toBe(403)
    expect(direct(await check(`${target}&sig=x`)).status).toBe(403)
    clock.advance(2_001)
    expect(direct(await check(target))).toMatchObject({ status: 403, facts: { reason: 'expired' } })
  })

  it('answers 401 to credentials that are not good, and 503 when those who know cannot be asked', async () => {
    const bad = await gateFixture({
      authenticate: () => {
        throw new MediaError('MEDIA_UNAUTHENTICATED', 'expired')
      },
    })
    expect(direct(await bad.check('/media/k/a')).status).toBe(401)
    const down = await gateFixture({ authenticate: () => Promise.reject(new Error('no answer')) })
    expect(direct(await down.check('/media/k/a'))).toMatchObject({ status: 503, facts: { state: 'failed' } })
    const rule = await gateFixture({ authorize: () => Promise.reject(new Error('no answer')) })
    await rule.store.put(BYTES, { filename: 'a.txt', at: { key: 'a' } })
    expect(direct(await rule.check('/media/k/a')).status).toBe(503)
  })

  it('sends browsers to sign in and back, programs get 401, and nobody learns what exists', async () => {
    const { store, check } = await gateFixture({
      signIn: { url: 'https://auth.example/oauth2/start', returnHosts: ['media.example'] },
    })
    await store.put(BYTES, { filename: 'a.txt', at: { key: 'a' } })
    const page = { accept: 'text/html,*/*' }
    const there = direct(await check('/media/k/a?x=1', { headers: page }))
    expect(there.status).toBe(302)
    expect(header(there.headers, 'location')).toBe(
      'https://auth.example/oauth2/start?rd=https%3A%2F%2Fmedia.example%2Fmedia%2Fk%2Fa%3Fx%3D1',
    )
    const absent = direct(await check('/media/k/b?x=1', { headers: page }))
    expect(header(absent.headers, 'location')).toBe(
      header(there.headers, 'location')?.replace('Fa%3F', 'Fb%3F'),
    )
    expect(direct(await check('/media/k/a')).status).toBe(401)
    expect(direct(await check('/media/k/b'))).toEqual(direct(await check('/media/k/a')))
    for (const host of ['evil.example', 'media.example@evil.example', '', 'media.example:8443']) {
      const other = direct(await check('/media/k/a', { host, headers: page }))
      expect(header(other.headers, 'location'), host).toBe(
        'https://auth.example/oauth2/start?rd=%2Fmedia%2Fk%2Fa',
      )
    }
  })
})

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

describe('what it remembers', () => {
  it('answers at once, with the same object, without a look, until a change is told', async () => {
    const { store, gate, check } = await gateFixture()
    await store.put(BYTES, { filename: 'a.txt', at: { key: 'a' }, visibility: 'public' })
    const first = await check('/media/k/a')
    const second = gate.check(asked('/media/k/a'))
    expect(second).toBe(first)
    expect(gate.counts).toMatchObject({ looks: 1, hits: 1 })
    await store.update({ key: 'a' }, { visibility: 'private' })
    expect((await check('/media/k/a')).facts.state).toBe('missing')
    await store.update({ key: 'a' }, { visibility: 'public' })
    expect((await check('/media/k/a')).facts.state).toBe('ready')
    await store.delete({ key: 'a' })
    expect((await check('/media/k/a')).facts.state).toBe('missing')
    await store.put(BYTES, { filename: 'a.txt', at: { key: 'a' }, visibility: 'public' })
    expect((await check('/media/k/a')).facts.state).toBe('ready')
  })

  it('keeps what is there through 20,000 names that are not', async () => {
    const { store, gate, check } = await gateFixture({ decisionCache: { maxMissing: 1_000 } })
    await store.put(BYTES, { filename: 'a.txt', at: { key: 'a' }, visibility: 'public' })
    await check('/media/k/a')
    for (let n = 0; n < 20_000; n++) await gate.check(asked(`/media/k/none-${n}`))
    const { looks } = gate.counts
    expect((await check('/media/k/a')).facts.state).toBe('ready')
    expect(gate.counts.looks).toBe(looks)
    expect(gate.counts.entries).toBeLessThanOrEqual(1_001)
  })

  it('gives the last known answer when nobody can be asked, for a while, but never that something is missing', async () => {
    let isDown = false
    const { check, clock } = await scripted(() => {
      if (isDown) throw new MediaError('MEDIA_UNAVAILABLE', 'down')
      return { state: 'ready', tier: 'disk', since: new Date(0) }
    })
    await check('/media/k/a')
    isDown = true
    clock.advance(6_000)
    expect((await check('/media/k/a')).facts.state).toBe('ready')
    clock.advance(30_000)
    expect(direct(await check('/media/k/a'))).toMatchObject({ status: 503, facts: { state: 'failed' } })
    expect(header(direct(await check('/media/k/a')).headers, 'cache-control')).toBe('no-store')
    isDown = false
    clock.advance(1_000)
    expect((await check('/media/k/a')).facts.state).toBe('ready')
  })

  it('answers 503 when a look takes too long, and does not wait for it', async () => {
    const { store, clock } = await gateFixture()
    const hung: GateStore = { ...store, locate: () => new Promise(() => {}) }
    const gate = createGate({ store: hung, authorize: () => true, clock })
    const answer = gate.check(asked('/media/k/a'))
    clock.advance(100)
    expect(direct(await answer)).toMatchObject({ status: 503, facts: { reason: 'unreachable' } })
    gate.close()
  })

  it('does not keep what changed while it was looked at', async () => {
    const base = await gateFixture()
    const media = await base.store.put(BYTES, { filename: 'a.txt', at: { key: 'a' }, visibility: 'public' })
    let tell: (names: readonly string[]) => void = () => {}
    let looks = 0
    const store: GateStore = {
      ...base.store,
      watch(listener) {
        tell = listener
        return () => {}
      },
      async locate() {
        looks += 1
        if (looks === 1) tell(['m'])
        return { media, availability: { state: 'ready', tier: 'x', since: new Date(0) }, names: ['m'] }
      },
    }
    const { check } = await gateFixture({ store, clock: base.clock })
    await check('/media/k/a')
    await check('/media/k/a')
    expect(looks).toBe(2)
    await check('/media/k/a')
    expect(looks).toBe(2)
  })

  it('does not wait in line behind a catalog that hangs', async () => {
    const { store, clock } = await gateFixture()
    let looks = 0
    const hung: GateStore = {
      ...store,
      locate: () => {
        looks += 1
        return new Promise(() => {})
      },
    }
    const gate = createGate({ store: hung, authorize: () => true, clock })
    for (let round = 0; round < 10; round++) {
      const answers = Array.from({ length: 1_000 }, async (_, n) =>
        gate.check(asked(`/media/k/${round}-${n}`)),
      )
      clock.advance(500)
      for (const answer of await Promise.all(answers)) expect(direct(answer).status).toBe(503)
    }
    expect(looks).toBe(2_000)
    gate.close()
  })

  it('is paused by no names that cannot be one', async () => {
    const { store, check } = await gateFixture({
      resourceOf: ({ path }) => ({ ref: { key: path.slice(1) === 'a' ? 'a' : '..' } }),
    })
    await store.put(BYTES, { filename: 'a.txt', at: { key: 'a' }, visibility: 'public' })
    for (let n = 0; n < 10; n++) expect(direct(await check(`/bad-${n}`)).status).toBe(404)
    expect((await check('/a')).kind).toBe('forward')
  })

  it('tells no shared cache what it told somebody in particular', async () => {
    const { check } = await gateFixture()
    const answer = direct(await check('/media/k/a', { headers: { 'x-user': 'bob' } }))
    expect(header(answer.headers, 'cache-control')).toBe('private, no-store')
  })

  it('works with a store of four members', async () => {
    const { store } = await gateFixture()
    await store.put(BYTES, { filename: 'a.txt', at: { key: 'a' }, visibility: 'public' })
    const { availability, warm, stat, url } = store
    const gate = createGate({ store: { availability, warm, stat, url }, authorize: () => true })
    expect((await gate.check(asked('/media/k/a'))).facts.state).toBe('ready')
    expect((await gate.check(asked('/media/k/b'))).facts.state).toBe('missing')
    gate.close()
  })

  it('asks no paid store about 10,000 names that do not exist', async () => {
    const paid = withMeter(memoryStore({ name: 's3' }))
    const attempts: unknown[] = []
    paid.observe?.((attempt) => void attempts.push(attempt))
    const { gate } = await gateFixture({}, { tiers: [{ name: 's3', store: paid }] })
    attempts.length = 0
    for (let n = 0; n < 10_000; n++) await gate.check(asked(`/media/k/none-${n}`))
    expect(attempts).toEqual([])
  })
})

describe('where it goes', () => {
  const credentials = { accessKey: 'AKIDEXAMPLE', secretKey: 'never to be seen' }
  const upstreams = { memory: bucketUpstream({ host: 'minio:9000', bucket: 'media', credentials }) }

  it('goes on as it came where the store has no address for proxies', async () => {
    const { store, check } = await gateFixture()
    const { id, digest } = await store.put(BYTES, {
      filename: 'a.txt',
      at: { key: 'a' },
      visibility: 'public',
    })
    const answer = forward(await check('/media/k/a', { headers: { range: 'bytes=0-3' } }))
    expect(answer.path).toBeUndefined()
    expect(answer.requestHeaders).toEqual(
      expect.arrayContaining([
        'x-media-state',
        'ready',
        'x-media-id',
        id,
        'x-media-digest',
        digest,
        'x-media-tier',
        'memory',
      ]),
    )
    expect(answer.removeRequestHeaders).not.toContain('range')
    expect(answer.removeRequestHeaders).toContain('x-auth-request-user')
  })

  it('hands on one family of identity, and only of somebody who is known', async () => {
    const { store, check } = await gateFixture({ forwardIdentity: 'x-forwarded' })
    await store.put(BYTES, { filename: 'a.txt', at: { key: 'a' }, visibility: 'public' })
    const known = forward(await check('/media/k/a', { headers: { 'x-user': 'ann' } }))
    expect(known.removeRequestHeaders).toContain('x-auth-request-user')
    expect(known.removeRequestHeaders).not.toContain('x-forwarded-user')
    const nobody = forward(await check('/media/k/a'))
    expect(nobody.removeRequestHeaders).toEqual(
      expect.arrayContaining(['x-auth-request-user', 'x-forwarded-user', 'x-forwarded-groups']),
    )
  })

  it('names a tier in letters that headers can hold', async () => {
    const { store, check } = await gateFixture({}, { tiers: [{ name: 'дом', store: memoryStore() }] })
    await store.put(BYTES, { filename: 'a.txt', at: { key: 'a' }, visibility: 'public' })
    const answer = forward(await check('/media/k/a'))
    expect(header(answer.requestHeaders, 'x-media-tier')).toBe('%D0%B4%D0%BE%D0%BC')
    expect(readResponse(encodeAnswer(answer)).denied_response).toBeUndefined()
  })

  it('goes to the object itself, signed, with our headers, and nothing of the client', async () => {
    const { store, check } = await gateFixture({ upstreams })
    const media = await store.put(BYTES, { filename: 'a.txt', at: { key: 'a' }, visibility: 'public' })
    const { place } = await store.locate(media.id)
    const answer = forward(
      await check('/media/k/a?versionId=x&X-Amz-Signature=y', { headers: { cookie: 'a=b' } }),
    )
    expect(answer.path?.startsWith(`/media/objects/${place?.objectKey}?response-cache-control=`)).toBe(true)
    expect(answer.path).not.toContain('versionId')
    expect(header(answer.requestHeaders, 'authorization')).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\//,
    )
    expect(answer.removeRequestHeaders).toEqual(
      expect.arrayContaining(['cookie', 'range', 'if-range', 'if-none-match']),
    )
    expect(answer.removeRequestHeaders).not.toContain('authorization')
    expect(header(answer.replaceResponseHeaders, 'etag')).toMatch(/^"[^"]+"$/)
    expect(JSON.stringify(answer)).not.toContain('never to be seen')
    for (const name of answer.removeRequestHeaders)
      expect(header(answer.requestHeaders, name), name).toBeUndefined()
    expect(answer.requestHeaders).not.toContain(':method')
  })

  it('answers conditions itself, and asks for one range in its plainest form', async () => {
    const { store, check } = await gateFixture({ upstreams })
    await store.put(BYTES, { filename: 'a.txt', at: { key: 'a' }, visibility: 'public' })
    const plain = forward(await check('/media/k/a'))
    const etag = header(plain.replaceResponseHeaders, 'etag') ?? ''
    const status = async (headers: Record<string, string>): Promise<number | string | undefined> => {
      const answer = await check('/media/k/a', { headers })
      return answer.kind === 'answer' ? answer.status : (header(answer.requestHeaders, 'range') ?? 'whole')
    }
    expect(await status({ 'if-none-match': etag })).toBe(304)
    expect(await status({ 'if-none-match': `"x", W/${etag}` })).toBe(304)
    expect(await status({ 'if-none-match': '"x"' })).toBe('whole')
    expect(await status({ 'if-match': '"x"' })).toBe(412)
    expect(await status({ range: 'bytes=2-4' })).toBe('bytes=2-4')
    expect(await status({ range: 'bytes=-3' })).toBe(`bytes=${BYTES.length - 3}-${BYTES.length - 1}`)
    expect(await status({ range: 'bytes=2-4', 'if-range': '"x"' })).toBe('whole')
    expect(await status({ range: 'bytes=2-4', 'if-range': etag })).toBe('bytes=2-4')
    expect(await status({ range: 'bytes=0-1,4-5' })).toBe('whole')
    const beyond = direct(await check('/media/k/a', { headers: { range: 'bytes=99-' } }))
    expect(beyond.status).toBe(416)
    expect(header(beyond.headers, 'content-range')).toBe(`bytes */${BYTES.length}`)
  })

  it('signs GET and HEAD apart, the same for a window, and anew after it', async () => {
    const { store, check, clock } = await gateFixture({ upstreams, decisionCache: { readyTtlMs: 3_600_000 } })
    await store.put(BYTES, { filename: 'a.txt', at: { key: 'a' }, visibility: 'public' })
    const signature = async (method = 'GET'): Promise<string | undefined> =>
      header(forward(await check('/media/k/a', { method })).requestHeaders, 'authorization')
    const first = await signature()
    expect(await signature('HEAD')).not.toBe(first)
    expect(await signature()).toBe(first)
    clock.advance(60_000)
    expect(await signature()).not.toBe(first)
  })

  it('goes to the content route under a signed address of a window, without credentials, where it is told to', async () => {
    const { store, check } = await gateFixture({ contentRoute: 'signed' })
    const { id } = await store.put(BYTES, { filename: 'a.txt', at: { key: 'a' }, visibility: 'public' })
    const answer = forward(await check('/media/k/a'))
    const url = new URL(answer.path ?? '', 'https://media.example')
    expect(store.verifyUrl(id, url.searchParams)).toMatchObject({ download: false })
    expect(answer.removeRequestHeaders).toEqual(expect.arrayContaining(['authorization', 'cookie']))
    expect(forward(await check('/media/k/a')).path).toBe(answer.path)
  })
})

it('refuses everything once it is closed, and to be made without a rule', async () => {
  const { gate, store } = await gateFixture()
  gate.close()
  gate.close()
  expect(direct(await gate.check(asked('/media/k/a')))).toMatchObject({
    status: 503,
    facts: { reason: 'closing' },
  })
  expect(() => createGate({ store } as unknown as Parameters<typeof createGate>[0])).toThrow(TypeError)
})
