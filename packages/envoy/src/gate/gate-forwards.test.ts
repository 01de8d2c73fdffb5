import { headerIn as header, memoryStore } from '@mediakeep/core'
import { describe, expect, it } from 'vitest'
import { encodeAnswer } from '../codec/encode-answer.ts'
import { readResponse } from '../codec/proto.fixture.ts'
import { bucketUpstream } from '../upstream/bucket-upstream.ts'
import { BYTES, direct, forward, gateFixture } from './gate.fixture.ts'

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
