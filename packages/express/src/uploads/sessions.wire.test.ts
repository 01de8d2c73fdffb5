import { KiB } from '@mediakeep/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ownersOnly } from '../router/access.ts'
import type { Answer, Ask } from '../wire.fixture.ts'
import { ANN, BOB, type Door, note, openDoor, refusal, textOf, wantedFor } from './uploads.fixture.ts'

const BODY = note('session')
const CHUNKED = { mode: 'chunked', chunkBytes: 256 * KiB }

let door: Door
beforeEach(async () => {
  door = await openDoor()
})
afterEach(() => door.close())

/** Every way to an upload that asks who it is. */
const ways: readonly (readonly [method: string, below: string, body: Buffer | undefined])[] = [
  ['GET', '', undefined],
  ['HEAD', '', undefined],
  ['DELETE', '', undefined],
  ['PUT', '/chunks/0', BODY],
  ['POST', '/complete', undefined],
  ['GET', '/parts', undefined],
  ['POST', '/parts', Buffer.from('{"numbers":[1]}')],
]

/** All that tells one answer from another. */
function told({ status, headers, body }: Answer): object {
  const { date: _date, 'x-request-id': requestId, ...rest } = headers
  return {
    status,
    headers: rest,
    body: body.toString().replace(String(requestId), 'ID'),
  }
}

describe('beginning an upload', () => {
  it('asks for the right to create', async () => {
    expect(refusal(await door.begin(wantedFor(BODY), {}))).toEqual([
      401,
      'MEDIA_UNAUTHENTICATED',
      'credentials-required',
    ])
    const readers = await openDoor({
      access: { authenticate: () => ({ id: 'ann' }), authorize: ({ action }) => action !== 'create' },
    })
    try {
      for (const mode of ['presigned', 'chunked', 'direct'])
        expect(refusal(await readers.begin(wantedFor(BODY, { mode })))).toEqual([
          403,
          'MEDIA_DENIED',
          'not-permitted',
        ])
    } finally {
      await readers.close()
    }
  })

  it('asks for a right before it reads what is wanted', async () => {
    const answer = await door.wire.ask('/media/uploads', { method: 'POST', body: 'x'.repeat(200_000) })
    expect(answer.status).toBe(401)
  })

  const mass = [
    'owner',
    'id',
    'mediaId',
    'uploadId',
    'namespace',
    'state',
    'ttlMs',
    'door',
    'extra',
    'partial',
  ]
  it.each(mass)('2.12-13 takes no %s from its sender', async (name) => {
    const answer = await door.begin(wantedFor(BODY, { [name]: 'bob' }))
    expect(refusal(answer)).toEqual([400, 'MEDIA_BAD_INPUT', 'unknown-field'])
    expect(await door.store.uploads.list()).toEqual([])
  })

  it('2.12-13 takes no prototype from its sender', async () => {
    const text = JSON.stringify(wantedFor(BODY)).replace('{', '{"__proto__":{"owner":"bob"},')
    const answer = await door.wire.ask('/media/uploads', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...ANN },
      body: text,
    })
    expect(answer.status).toBe(400)
    expect({}).not.toHaveProperty('owner')
  })

  const bad: readonly (readonly [string, object])[] = [
    ['no mode', { mode: undefined }],
    ['an unknown mode', { mode: 'tus' }],
    ['no size', { sizeBytes: undefined }],
    ['a size below zero', { sizeBytes: -1 }],
    ['a size that is no whole number', { sizeBytes: 1.5 }],
    ['a size beyond whole numbers', { sizeBytes: 2 ** 53 }],
    ['a size in words', { sizeBytes: '10' }],
    ['no bytes at all', { sizeBytes: 0 }],
    ['no name', { filename: undefined }],
    ['an empty name', { filename: '' }],
    ['a NUL in its name', { filename: 'a\0.txt' }],
    ['no type', { contentType: undefined }],
    ['a malformed type', { contentType: 'image' }],
    ['a digest of another length', { sha256: 'ab' }],
    ['a digest in upper case', { sha256: 'A'.repeat(64) }],
    ['a life for chunks', { ...CHUNKED, expiresIn: 60 }],
    ['chunks for one body', { chunkBytes: 256 * KiB }],
    ['tags that are none', { tags: [''] }],
    ['a link of other members', { links: [{ kind: 'a', target: 'b', owner: 'c' }] }],
    ['another visibility', { visibility: 'everybody' }],
    ['metadata that are too large', { metadata: { a: 'x'.repeat(20_000) } }],
  ]
  it.each(bad)('refuses %s', async (_, more) => {
    const answer = await door.begin({ ...wantedFor(BODY), ...more })
    expect([answer.status, answer.json['code']]).toEqual([400, 'MEDIA_BAD_INPUT'])
    expect(await door.store.uploads.list()).toEqual([])
  })

  const keys = [
    '../a',
    'a/../b',
    '/a',
    'a//b',
    'a\\b',
    'a\0b',
    '.',
    '',
    'a'.repeat(1025),
    'a\u202eb',
    '\ud800',
  ]
  it.each(keys)('2.11-01 refuses the key %j', async (key) => {
    expect((await door.begin(wantedFor(BODY, { key }))).status).toBe(400)
  })

  it('2.11-10 cleans names, and never makes an address of one', async () => {
    const answer = await door.begin(
      wantedFor(BODY, { filename: '../../etc/pass\r\nwd\u202e.txt', ...CHUNKED }),
    )
    expect(answer.status).toBe(201)
    expect(textOf(answer, 'url')).toMatch(/^\/media\/uploads\/[A-Za-z0-9_-]+$/)
    await door.wire.ask(`${textOf(answer, 'url')}/chunks/0`, { method: 'PUT', body: BODY, headers: ANN })
    const made = await door.wire.ask(`${textOf(answer, 'url')}/complete`, { method: 'POST', headers: ANN })
    expect(made.status).toBe(201)
    expect(String(made.json['filename'])).not.toMatch(/[/\r\n\u202e]/)
  })

  it('2.13-11 takes at most 100 KiB of JSON, and nothing else', async () => {
    const post = (body: string, headers: Record<string, string>): Promise<Answer> =>
      door.wire.ask('/media/uploads', { method: 'POST', body, headers: { ...ANN, ...headers } })
    const json = { 'content-type': 'application/json' }
    expect((await post(`{"filename":"${'x'.repeat(102_400)}"}`, json)).status).toBe(413)
    expect((await post('{', json)).status).toBe(400)
    expect((await post('[]', json)).status).toBe(400)
    expect((await post(JSON.stringify(wantedFor(BODY)), { 'content-type': 'text/plain' })).status).toBe(415)
    const coded = await post(JSON.stringify(wantedFor(BODY)), { ...json, 'content-encoding': 'gzip' })
    expect(coded.status).toBe(415)
  })

  it('refuses a size and a type that the store does not take, before any byte', async () => {
    const small = await openDoor({ media: { limits: { maxBodyBytes: 1_000 } } })
    try {
      for (const mode of ['presigned', 'chunked'])
        expect(refusal(await small.begin(wantedFor(BODY, { mode, sizeBytes: 1_001 })))).toEqual([
          413,
          'MEDIA_TOO_LARGE',
          'entity-too-large',
        ])
    } finally {
      await small.close()
    }
    expect((await door.begin(wantedFor(BODY, { contentType: 'text/html' }))).status).toBe(415)
  })

  it('takes bytes that would go to a bucket by itself where no bucket signs addresses', async () => {
    const { status, json } = await door.begin(wantedFor(BODY, { mode: 'direct' }))
    expect([status, json['mode']]).toEqual([201, 'presigned'])
  })
})

describe('an upload of somebody else', () => {
  it.each(ways)('2.12-01 answers %s %s as one that never was', async (method, below, body) => {
    const { json } = await door.begin(wantedFor(BODY, CHUNKED))
    const url = String(json['url'])
    const ask: Ask = body === undefined ? { method } : { method, body }
    const unknown = url.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))
    for (const headers of [BOB, {}]) {
      const [theirs, none] = [
        await door.wire.ask(`${url}${below}`, { ...ask, headers }),
        await door.wire.ask(`${unknown}${below}`, { ...ask, headers }),
      ]
      expect(theirs.status).toBe(404)
      expect(told(theirs)).toEqual(told(none))
    }
    expect((await door.wire.ask(url, { headers: ANN })).json['receivedChunks']).toEqual([])
  })

  it('2.12-01 is never that of another namespace', async () => {
    const { json } = await door.begin(wantedFor(BODY, CHUNKED))
    expect(await door.store.in('other').uploads.get(String(json['uploadId']))).toBeUndefined()
  })

  it('is open to an admin', async () => {
    const { json } = await door.begin(wantedFor(BODY, CHUNKED))
    const admin = { authorization: 'as !root' }
    expect((await door.wire.ask(String(json['url']), { headers: admin })).status).toBe(200)
    expect((await door.wire.ask(String(json['url']), { method: 'DELETE', headers: admin })).status).toBe(204)
  })
})

describe('rights', () => {
  it('are asked again when an upload is completed: without them nothing of it is kept', async () => {
    let mayCreate = true
    const rights = ownersOnly({ authenticate: () => ({ id: 'ann' }) })
    const changing = await openDoor({
      access: {
        ...rights,
        authorize: (input) => (input.action === 'create' ? mayCreate : rights.authorize(input)),
      },
    })
    try {
      const { json } = await changing.begin(wantedFor(BODY, CHUNKED))
      const url = String(json['url'])
      const put = await changing.wire.ask(`${url}/chunks/0`, { method: 'PUT', body: BODY })
      expect(put.status).toBe(200)
      mayCreate = false
      const refused = await changing.wire.ask(`${url}/complete`, { method: 'POST' })
      expect(refusal(refused)).toEqual([403, 'MEDIA_DENIED', 'not-permitted'])
      await changing.expectNothing()
    } finally {
      await changing.close()
    }
  })
})

describe('the paths of uploads', () => {
  it('2.12-15 have ids that cannot be guessed: 128 random bits, none like the one before', async () => {
    const ids = new Set<string>()
    for (let at = 0; at < 10; at++) ids.add(textOf(await door.begin(wantedFor(BODY)), 'uploadId'))
    expect(ids.size).toBe(10)
    const tails = new Set([...ids].map((id) => id.slice(-22)))
    expect(tails.size).toBe(10)
    for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9_-]{22,}$/)
  })

  const methods: readonly (readonly [string, string, string])[] = [
    ['/media/uploads', 'GET', 'POST'],
    ['/media/uploads/x', 'PATCH', 'GET, HEAD, PUT, DELETE'],
    ['/media/uploads/x/chunks/0', 'GET', 'PUT'],
    ['/media/uploads/x/complete', 'PUT', 'POST'],
  ]
  it.each(methods)('%s answers %s with 405 and what there is', async (path, method, allow) => {
    const answer = await door.wire.ask(path, { method, headers: ANN })
    expect([answer.status, answer.headers.allow]).toEqual([405, allow])
  })

  it('are matched as they stand', async () => {
    for (const path of [
      '/',
      '/x/',
      '/x/chunks',
      '/x/chunks/',
      '/x/chunks/0/',
      '/x/chunk/0',
      '/x/completed',
      '//',
    ])
      expect((await door.wire.ask(`/media/uploads${path}`, { headers: ANN })).status).toBe(404)
  })
})
