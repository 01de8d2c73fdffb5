import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { KiB } from '@mediakeep/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Answer } from '../wire.fixture.ts'
import {
  ANN,
  BOB,
  type Door,
  digestField,
  note,
  openDoor,
  refusal,
  sha256,
  textOf,
  wantedFor,
} from './uploads.fixture.ts'

const CHUNK = 256 * KiB
const BODY = Buffer.concat([
  note('chunked'),
  Buffer.from(randomBytes(2 * CHUNK).toString('hex')),
  Buffer.from('end'),
])
const EXE = Buffer.concat([Buffer.from('MZ'), Buffer.alloc(CHUNK - 2, 1)])
const COUNT = Math.ceil(BODY.length / CHUNK)
const LAST = COUNT - 1
const chunkOf = (index: number, body = BODY): Buffer => body.subarray(index * CHUNK, (index + 1) * CHUNK)

let door: Door
beforeEach(async () => {
  door = await openDoor()
})
afterEach(() => door.close())

interface Begun {
  readonly url: string
  readonly mediaId: string
  put(index: number | string, body?: Buffer, headers?: Record<string, string>): Promise<Answer>
  putAll(except?: readonly number[]): Promise<void>
  show(headers?: Record<string, string>): Promise<Answer>
  complete(headers?: Record<string, string>): Promise<Answer>
  cancel(headers?: Record<string, string>): Promise<Answer>
}

async function begin(more: object = {}, at = door, body = BODY): Promise<Begun> {
  const answer = await at.begin(wantedFor(body, { mode: 'chunked', chunkBytes: CHUNK, ...more }))
  expect(answer.status).toBe(201)
  const url = textOf(answer, 'url')
  const put: Begun['put'] = (index, bytes = chunkOf(Number(index), body), headers = ANN) =>
    at.wire.ask(`${url}/chunks/${index}`, { method: 'PUT', body: bytes, headers })
  return {
    url,
    mediaId: textOf(answer, 'mediaId'),
    put,
    async putAll(except = []) {
      const indexes = [...Array(COUNT).keys()].filter((index) => !except.includes(index))
      for (const answered of await Promise.all(indexes.map((index) => put(index))))
        expect(answered.status).toBe(200)
    },
    show: (headers = ANN) => at.wire.ask(url, { headers }),
    complete: (headers = ANN) => at.wire.ask(`${url}/complete`, { method: 'POST', headers }),
    cancel: (headers = ANN) => at.wire.ask(url, { method: 'DELETE', headers }),
  }
}

describe('an upload in chunks', () => {
  it('is begun with the address and the size of its chunks', async () => {
    const { json } = await door.begin(wantedFor(BODY, { mode: 'chunked', key: 'films/a.txt' }))
    expect(json).toMatchObject({ mode: 'chunked', method: 'PUT', key: 'films/a.txt', headers: {} })
    expect(json['url']).toBe(`/media/uploads/${String(json['uploadId'])}`)
    expect(json['chunkBytes']).toBe(8 * 1024 * KiB)
    expect(Number(json['expiresIn'])).toBeGreaterThan(3600)
    for (const chunkBytes of [0, 1, 1.5, 65 * 1024 * KiB])
      expect((await door.begin(wantedFor(BODY, { mode: 'chunked', chunkBytes }))).status).toBe(400)
  })

  it('takes its chunks in any order and several at once, and is the media that was told', async () => {
    const upload = await begin({ sha256: sha256(BODY), key: 'films/a.txt', tags: ['sea'] })
    expect((await upload.put(LAST)).status).toBe(200)
    await upload.putAll([LAST])
    const made = await upload.complete()
    expect(made.status).toBe(201)
    expect(made.headers.location).toBe(`/media/${upload.mediaId}`)
    expect(made.json).toMatchObject({
      id: upload.mediaId,
      key: 'films/a.txt',
      digest: `sha256:${sha256(BODY)}`,
      sizeBytes: BODY.length,
      contentType: 'text/plain',
      owner: 'ann',
      tags: ['sea'],
      state: 'active',
    })
    const content = await door.wire.ask(`/media/${upload.mediaId}/content`, { headers: ANN })
    expect(sha256(content.body)).toBe(sha256(BODY))
    expect(await door.store.uploads.list()).toEqual([])
  })

  it('tells how far it is: bytes, chunks, and those that it lacks', async () => {
    const upload = await begin()
    expect((await upload.show()).json).toMatchObject({
      state: 'created',
      mode: 'chunked',
      mediaId: upload.mediaId,
      receivedBytes: 0,
      sizeBytes: BODY.length,
      chunkBytes: CHUNK,
      receivedChunks: [],
      missing: [[0, LAST]],
      progress: 0,
      expiresAt: expect.stringMatching(/^20..-.*Z$/),
    })
    await upload.put(1)
    const after = await upload.put(LAST)
    const lastBytes = BODY.length - LAST * CHUNK
    const expected = {
      state: 'receiving',
      receivedBytes: CHUNK + lastBytes,
      receivedChunks: [
        [1, 1],
        [LAST, LAST],
      ],
      missing: [
        [0, 0],
        [2, LAST - 1],
      ],
      progress: (CHUNK + lastBytes) / BODY.length,
    }
    expect(after.json).toMatchObject(expected)
    expect((await upload.show()).json).toMatchObject(expected)
    await upload.putAll()
    const { json } = await upload.show()
    expect(json).toMatchObject({ receivedBytes: BODY.length, receivedChunks: [[0, LAST]], progress: 1 })
    expect(json).not.toHaveProperty('missing')
    await upload.complete()
    expect((await upload.show()).json).toMatchObject({ state: 'active', progress: 1 })
  })

  it('takes a chunk again in place of what there was', async () => {
    const upload = await begin({ sha256: sha256(BODY) })
    await upload.put(1, Buffer.alloc(CHUNK))
    await upload.putAll()
    expect((await upload.complete()).status).toBe(201)
  })

  it('is not completed before all chunks are there, and says which are not', async () => {
    const upload = await begin()
    await upload.putAll([1, 2])
    const refused = await upload.complete()
    expect(refusal(refused)).toEqual([409, 'MEDIA_CONFLICT', 'upload-incomplete'])
    expect(refused.headers['content-type']).toBe('application/problem+json')
    expect(refused.json['missing']).toEqual([[1, 2]])
    await upload.putAll()
    expect((await upload.complete()).status).toBe(201)
  })

  it('is completed once: a second time answers with the same media', async () => {
    const upload = await begin()
    await upload.putAll()
    const answers = await Promise.all([upload.complete(), upload.complete()])
    const again = await upload.complete()
    for (const { status, id } of [...answers, again]) expect([status, id]).toEqual([201, upload.mediaId])
    expect((await door.store.list()).items.length).toBe(1)
  })

  const wrong: readonly (readonly [string, number | string, Buffer, readonly unknown[]])[] = [
    ['behind the last one', COUNT, chunkOf(0), [400, 'MEDIA_BAD_INPUT', 'bad-chunk']],
    ['far behind the last one', 999_999_999, chunkOf(0), [400, 'MEDIA_BAD_INPUT', 'bad-chunk']],
    ['that is no number', '1x', chunkOf(1), [400, 'MEDIA_BAD_INPUT', 'bad-chunk']],
    ['below zero', '-1', chunkOf(1), [400, 'MEDIA_BAD_INPUT', 'bad-chunk']],
    ['with a zero in front', '01', chunkOf(1), [400, 'MEDIA_BAD_INPUT', 'bad-chunk']],
    ['that is too short', 1, chunkOf(1).subarray(1), [400, 'MEDIA_BAD_INPUT', expect.any(String)]],
    ['that is empty', 1, Buffer.alloc(0), [400, 'MEDIA_BAD_INPUT', expect.any(String)]],
    [
      'that is too long',
      1,
      Buffer.concat([chunkOf(1), Buffer.from('x')]),
      [413, 'MEDIA_TOO_LARGE', 'entity-too-large'],
    ],
    ['that is too long for the last one', LAST, chunkOf(1), [413, 'MEDIA_TOO_LARGE', 'entity-too-large']],
  ]
  it.each(wrong)('refuses a chunk %s, and goes on', async (_, index, body, expected) => {
    const upload = await begin({ sha256: sha256(BODY) })
    expect(refusal(await upload.put(index, body))).toEqual(expected)
    const counted = await upload.put(index, body, { ...ANN, 'transfer-encoding': 'chunked' })
    expect(refusal(counted)).toEqual(expected)
    expect((await upload.show()).json).toMatchObject({ receivedChunks: [] })
    await upload.putAll()
    expect((await upload.complete()).status).toBe(201)
  })

  it('checks the digest of a chunk, and keeps none that has another', async () => {
    const upload = await begin()
    const bytes = chunkOf(1)
    for (const name of ['content-digest', 'repr-digest']) {
      const bad = await upload.put(1, bytes, { ...ANN, [name]: digestField(chunkOf(2)) })
      expect(refusal(bad)).toEqual([400, 'MEDIA_DIGEST_MISMATCH', 'checksum-mismatch'])
      expect((await upload.put(1, bytes, { ...ANN, [name]: 'sha-256=:AA==:' })).status).toBe(400)
    }
    expect((await upload.show()).json).toMatchObject({ receivedChunks: [] })
    expect((await upload.put(1, bytes, { ...ANN, 'content-digest': digestField(bytes) })).status).toBe(200)
  })

  it('refuses the whole by its digest, keeps nothing of it, and says so', async () => {
    const upload = await begin({ sha256: sha256(note('other')) })
    await upload.putAll()
    expect(refusal(await upload.complete())).toEqual([400, 'MEDIA_DIGEST_MISMATCH', 'digest-mismatch'])
    await door.expectNothing()
    expect((await upload.show()).json).toMatchObject({
      state: 'rejected',
      error: { code: 'MEDIA_DIGEST_MISMATCH', reason: 'digest-mismatch' },
    })
    expect((await upload.put(1)).status).toBe(409)
  })

  it('refuses a coded chunk and a form', async () => {
    const upload = await begin()
    expect((await upload.put(1, chunkOf(1), { ...ANN, 'content-encoding': 'gzip' })).status).toBe(415)
    const form = { ...ANN, 'content-type': 'multipart/form-data; boundary=a' }
    expect((await upload.put(1, chunkOf(1), form)).status).toBe(415)
  })

  it('is given up with all its bytes, once', async () => {
    const upload = await begin()
    await upload.put(1)
    expect((await upload.cancel()).status).toBe(204)
    await door.expectNothing()
    expect((await upload.put(2)).status).toBe(409)
    expect((await upload.complete()).status).toBe(409)
    expect((await upload.cancel()).status).toBe(404)
  })

  it('is told of by the id of the media that it will be, to whoever sends it', async () => {
    const upload = await begin()
    const status = (headers = ANN): Promise<Answer> =>
      door.wire.ask(`/media/${upload.mediaId}/status`, { headers })
    expect((await status()).json).toEqual({ state: 'receiving', progress: 0 })
    await upload.put(0)
    expect((await status()).json).toEqual({ state: 'receiving', progress: CHUNK / BODY.length })
    expect((await status(BOB)).status).toBe(404)
    expect((await status({ authorization: 'as !root' })).status).toBe(200)
    await upload.putAll()
    await upload.complete()
    expect((await status()).json).toMatchObject({
      state: 'active',
      progress: 1,
      completedAt: expect.stringMatching(/Z$/),
    })
    await door.wire.ask(`/media/${upload.mediaId}`, { method: 'DELETE', headers: ANN })
    expect((await status()).status).toBe(404)
  })

  it('answers a slow chunk with 408, and takes it again', async () => {
    const slow = await openDoor({ bodyRateWindowMs: 50 })
    try {
      const upload = await begin({}, slow)
      const text = await slow.wire.raw(
        `PUT ${upload.url}/chunks/1 HTTP/1.1\r\nHost: a\r\nAuthorization: as ann\r\nContent-Length: ${CHUNK}\r\n\r\n`,
        BODY.subarray(0, 9),
      )
      expect(text).toContain('HTTP/1.1 408 ')
      expect((await upload.put(1)).status).toBe(200)
    } finally {
      await slow.close()
    }
  })

  it.each([
    ['nothing, with a type', { 'content-type': 'application/json' }, undefined],
    ['an empty object', { 'content-type': 'application/json' }, '{}'],
  ])('is completed by a request that holds %s', async (_, headers, body) => {
    const upload = await begin()
    await upload.putAll()
    const fields = Object.entries({ ...ANN, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
    const length = body === undefined ? '' : `Content-Length: ${body.length}\r\n`
    const answer = await door.wire.raw(
      `POST ${upload.url}/complete HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${fields.join('')}${length}\r\n${body ?? ''}`,
    )
    expect(answer).toContain('HTTP/1.1 201 ')
  })

  it('refuses a chunk that says it is another part of the whole', async () => {
    const upload = await begin()
    const range = { ...ANN, 'content-range': `bytes ${CHUNK}-${2 * CHUNK - 1}/${BODY.length}` }
    expect(refusal(await upload.put(0, chunkOf(0), range))).toEqual([400, 'MEDIA_BAD_INPUT', 'content-range'])
    expect((await upload.show()).json['receivedChunks']).toEqual([])
  })

  it.each([
    ['was given up', async (upload: Begun) => (await upload.cancel()).status, 204],
    ['was refused by its first bytes', async (upload: Begun) => (await upload.put(0, EXE)).status, 415],
  ] as const)('tells a chunk under way that the upload has ended when it %s', async (_, end, status) => {
    const upload = await begin()
    const socket = await door.wire.socket()
    const answered = text(socket)
    const accepted = once(door.wire.server, 'request')
    socket.write(
      `PUT ${upload.url}/chunks/1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: as ann\r\nContent-Length: ${CHUNK}\r\n\r\n`,
    )
    socket.write(chunkOf(1).subarray(0, 100_000))
    await accepted
    await expect.poll(async () => (await upload.show()).json['state']).toBe('receiving')
    expect(await end(upload)).toBe(status)
    socket.write(chunkOf(1).subarray(100_000))
    const answer = await answered
    expect(answer).toContain('HTTP/1.1 409 ')
    expect(answer).toContain('"reason":"upload-ended"')
  })
})
