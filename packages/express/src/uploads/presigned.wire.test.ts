import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { createKeyRing, createSigningKey, signUpload, systemClock } from '@mediakeep/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Answer } from '../wire.fixture.ts'
import {
  ANN,
  type Door,
  digestField,
  note,
  openDoor,
  refusal,
  sha256,
  textOf,
  wantedFor,
} from './uploads.fixture.ts'

const MINUTE = 60_000
const signingKey = createSigningKey('one')
const keys = createKeyRing([signingKey])
const BODY = note('presigned')
const TYPE = { 'content-type': 'text/plain' }
const SIGNATURE = [403, 'MEDIA_DENIED', 'signature'] as const

let door: Door
beforeEach(async () => {
  door = await openDoor({ media: { keys } })
})
afterEach(() => door.close())

interface Begun {
  readonly url: string
  readonly path: string
  readonly query: string
  readonly uploadId: string
  readonly mediaId: string
}

async function begin(body = BODY, more: object = {}, at = door): Promise<Begun> {
  const answer = await at.begin(wantedFor(body, more))
  expect(answer.status).toBe(201)
  const url = textOf(answer, 'url')
  const [path = '', query = ''] = url.split('?')
  return { url, path, query, uploadId: textOf(answer, 'uploadId'), mediaId: textOf(answer, 'mediaId') }
}

const put = (
  url: string,
  body: Buffer | string = BODY,
  headers: Record<string, string> = TYPE,
): Promise<Answer> => door.wire.ask(url, { method: 'PUT', body, headers })

/** A PUT whose length nobody tells. */
async function putChunked(url: string, body: Buffer): Promise<string> {
  const head = `PUT ${url} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n`
  return door.wire.raw(
    Buffer.concat([
      Buffer.from(`${head}${body.length.toString(16)}\r\n`),
      body,
      Buffer.from('\r\n0\r\n\r\n'),
    ]),
  )
}

/** Sends `bytes` of a body that was told to be longer, and leaves. */
async function breakOff(url: string, bytes: Buffer, toldBytes = BODY.length): Promise<void> {
  const socket = await door.wire.socket()
  const accepted = once(door.wire.server, 'request')
  socket.write(
    Buffer.concat([
      Buffer.from(`PUT ${url} HTTP/1.1\r\nHost: a\r\nContent-Length: ${toldBytes}\r\n\r\n`),
      bytes,
    ]),
  )
  const [request] = (await accepted) as [IncomingMessage]
  await expect.poll(() => request.socket.bytesRead).toBeGreaterThanOrEqual(bytes.length)
  const closed = new Promise((resolve) => request.socket.on('close', resolve))
  socket.destroy()
  await closed
}

describe('a presigned upload', () => {
  it('is begun with all that a sender needs, and leaves out what the store knows', async () => {
    const answer = await door.begin(wantedFor(BODY, { key: 'photos/a.txt', expiresIn: 60 }))
    expect(answer.status).toBe(201)
    const { url, expiresAt, uploadId, ...rest } = answer.json
    expect(rest).toEqual({
      mediaId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      key: 'photos/a.txt',
      mode: 'presigned',
      method: 'PUT',
      headers: { 'Content-Type': 'text/plain' },
      expiresIn: expect.any(Number),
    })
    expect(String(url)).toMatch(
      new RegExp(`^/media/uploads/${String(uploadId)}\\?kid=one&exp=[0-9]{10}&sig=[A-Za-z0-9_-]{43}$`),
    )
    expect(answer.headers.location).toBe(`/media/uploads/${String(uploadId)}`)
    expect(answer.headers['cache-control']).toBe('private, no-store')
    expect(Date.parse(String(expiresAt)) - Date.now()).toBeLessThanOrEqual(60_000)
    expect(Number(rest['expiresIn'])).toBeGreaterThan(50)
  })

  it('lives for 15 minutes when nobody says, and for an hour at most', async () => {
    const { json } = await door.begin(wantedFor(BODY))
    expect(json['expiresIn']).toBe(900)
    for (const expiresIn of [1, 60, 3600]) {
      const answer = await door.begin(wantedFor(BODY, { expiresIn }))
      expect([answer.status, answer.json['expiresIn']]).toEqual([201, expiresIn])
    }
    for (const expiresIn of [3601, 0, -1, 1.5, '60'])
      expect((await door.begin(wantedFor(BODY, { expiresIn }))).status).toBe(400)
  })

  it('2.2-01 is taken with its signature alone, and is the media that was told', async () => {
    const { url, mediaId } = await begin(BODY, {
      key: 'photos/a.txt',
      tags: ['sea'],
      visibility: 'public',
      metadata: { place: 'Oslo' },
      links: [{ kind: 'recipe', target: '42' }],
      sha256: sha256(BODY),
    })
    const answer = await put(url)
    expect(answer.status).toBe(201)
    expect(answer.json).toMatchObject({
      id: mediaId,
      key: 'photos/a.txt',
      digest: `sha256:${sha256(BODY)}`,
      sizeBytes: BODY.length,
      contentType: 'text/plain',
      filename: 'a.txt',
      owner: 'ann',
      visibility: 'public',
      tags: ['sea'],
      metadata: { place: 'Oslo' },
      links: [{ kind: 'recipe', target: '42' }],
      state: 'active',
    })
    expect(answer.headers.location).toBe(`/media/${mediaId}`)
    expect((await door.wire.ask(`/media/${mediaId}/content`, { headers: ANN })).body).toEqual(BODY)
    expect((await door.store.list()).items.length).toBe(1)
    expect(await door.store.uploads.list()).toEqual([])
  })

  it('2.2-02 is signed for PUT: its query lets no other method in', async () => {
    const { url } = await begin()
    for (const method of ['GET', 'DELETE']) {
      expect(refusal(await door.wire.ask(url, { method }))).toEqual(SIGNATURE)
      expect(refusal(await door.wire.ask(url, { method, headers: ANN }))).toEqual(SIGNATURE)
    }
    expect((await door.wire.ask(url, { method: 'POST', body: BODY, headers: TYPE })).status).toBe(405)
    expect((await put(url)).status).toBe(201)
  })

  it('2.2-03 is refused at the address of another upload', async () => {
    const [one, other] = [await begin(), await begin()]
    expect(refusal(await put(`${other.path}?${one.query}`))).toEqual(SIGNATURE)
    expect(refusal(await put(`${one.path}x?${one.query}`))).toEqual(SIGNATURE)
    expect(refusal(await put(`/media/uploads/unknown?${one.query}`))).toEqual(SIGNATURE)
    expect((await put(`${one.path}/chunks/0?${one.query}`)).status).toBe(403)
  })

  it('2.2-04 is refused with another expiry', async () => {
    const { path, query } = await begin()
    const later = query.replace(/exp=(\d+)/, (_, exp: string) => `exp=${Number(exp) + 1}`)
    expect(refusal(await put(`${path}?${later}`))).toEqual(SIGNATURE)
  })

  const added = [
    ['2.2-05', 'size', `sizeBytes=${BODY.length + 1}`],
    ['2.2-06', 'content type', 'contentType=text%2Fhtml'],
    ['2.2-07', 'digest', `sha256=${'0'.repeat(64)}`],
    ['2.2-08', 'owner', 'owner=bob'],
  ] as const
  it.each(added)('%s is refused with another %s in its query', async (_, __, parameter) => {
    const { url } = await begin()
    expect(refusal(await put(`${url}&${parameter}`))).toEqual(SIGNATURE)
    expect((await put(url)).json['owner']).toBe('ann')
  })

  it('2.2-06 is refused with another Content-Type than was told, and may then be sent with the right one', async () => {
    const { url } = await begin()
    for (const contentType of ['image/jpeg', 'application/octet-stream', 'text/plain2'])
      expect(refusal(await put(url, BODY, { 'content-type': contentType }))).toEqual(SIGNATURE)
    expect((await put(url, BODY, {})).status).toBe(201)
  })

  it('2.2-09 is refused with another key id', async () => {
    const { url } = await begin()
    expect(refusal(await put(url.replace('kid=one', 'kid=two')))).toEqual(SIGNATURE)
  })

  it('2.2-10 is refused once it has expired', async () => {
    const { uploadId, path } = await begin()
    const past = { now: () => Date.now() - 2 * MINUTE, after: systemClock.after }
    const expired = signUpload({ keys, clock: past }, 'default', uploadId, {
      expiresAt: new Date(Date.now() - MINUTE),
    })
    expect(refusal(await put(`${path}?${expired.toString()}`))).toEqual([403, 'MEDIA_DENIED', 'expired'])
  })

  it('2.2-11 is refused where it is not good yet: it was begun by a clock that is more than 5 minutes ahead', async () => {
    const ahead = (ms: number) => ({ now: () => Date.now() + ms, after: systemClock.after })
    const fast = await openDoor({ media: { keys, clock: ahead(6 * MINUTE) } })
    const near = await openDoor({ media: { keys, clock: ahead(4 * MINUTE) } })
    try {
      const one = await begin(BODY, { expiresIn: 3600 }, fast)
      const refused = await fast.wire.ask(one.url, { method: 'PUT', body: BODY })
      expect(refusal(refused)).toEqual([403, 'MEDIA_DENIED', 'not-yet-valid'])
      const other = await begin(BODY, { expiresIn: 3600 }, near)
      expect((await near.wire.ask(other.url, { method: 'PUT', body: BODY })).status).toBe(201)
    } finally {
      await fast.close()
      await near.close()
    }
  })

  it('2.2-12 is refused with an expiry that is further away than any may be', async () => {
    const { uploadId, path } = await begin()
    const future = { now: () => Date.now() + 30 * MINUTE, after: systemClock.after }
    const far = signUpload({ keys, clock: future }, 'default', uploadId, {
      expiresAt: new Date(Date.now() + 80 * MINUTE),
    })
    expect(refusal(await put(`${path}?${far.toString()}`))).toEqual([400, 'MEDIA_BAD_INPUT', 'bad-expiry'])
  })

  it('2.2-13 asks for a signature where there is none', async () => {
    const { path } = await begin()
    for (const query of ['', '?kid=one&exp=9999999999']) {
      const answer = await put(`${path}${query}`)
      expect(refusal(answer)).toEqual([401, 'MEDIA_UNAUTHENTICATED', 'signature-required'])
      expect(answer.headers['www-authenticate']).toBe('Bearer')
    }
    // Nor is whoever began it let in by name: an address is all there is.
    expect((await put(path, BODY, { ...TYPE, ...ANN })).status).toBe(401)
  })

  const spelled: readonly (readonly [string, string, (sig: string) => string])[] = [
    ['2.2-14', 'of another length', (sig) => `${sig}AA`],
    ['2.2-15', 'in hexadecimal', (sig) => Buffer.from(sig, 'base64url').toString('hex')],
    ['2.2-16', 'in upper case', (sig) => sig.toUpperCase()],
    ['2.2-17', 'that is cut off', (sig) => sig.slice(0, 20)],
  ]
  it.each(spelled)('%s is refused with a signature %s', async (_, __, respell) => {
    const { url } = await begin()
    const changed = url.replace(/sig=(.*)$/, (___, sig: string) => `sig=${respell(sig)}`)
    expect(refusal(await put(changed))).toEqual(SIGNATURE)
  })

  it('2.2-18 is good for one body: the next is 409, whatever it is', async () => {
    const { url } = await begin()
    expect((await put(url)).status).toBe(201)
    const completed = [409, 'MEDIA_CONFLICT', 'upload-completed'] as const
    expect(refusal(await put(url))).toEqual(completed)
    expect(refusal(await put(url, note('PRESIGNED')))).toEqual(completed)
    expect((await door.store.list()).items.length).toBe(1)
  })

  it('2.2-19 sent twice at once is 201 once and 409 once', async () => {
    for (let round = 0; round < 5; round++) {
      const body = note(`round ${round}`)
      const { url, mediaId } = await begin(body)
      const answers = await Promise.all([put(url, body), put(url, body)])
      expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([201, 409])
      expect(answers.find(({ status }) => status === 201)?.id).toBe(mediaId)
    }
    expect((await door.store.list()).items.length).toBe(5)
  })

  it('2.2-20 is refused with a body that is shorter than was told', async () => {
    const { url } = await begin()
    const incomplete = [400, 'MEDIA_BAD_INPUT', 'incomplete-body'] as const
    expect(refusal(await put(url, BODY.subarray(1)))).toEqual(incomplete)
    expect(refusal(await put(url, ''))).toEqual(incomplete)
    const text = await putChunked(url, BODY.subarray(1))
    expect(text).toContain('HTTP/1.1 400 ')
    expect(text).toContain('"reason":"incomplete-body"')
    expect((await door.store.list()).items).toEqual([])
  })

  it('2.2-21 is refused with a body that is longer, and cut at the byte that is too much', async () => {
    const { url } = await begin()
    const tooLarge = [413, 'MEDIA_TOO_LARGE', 'entity-too-large'] as const
    expect(refusal(await put(url, Buffer.concat([BODY, Buffer.from('x')])))).toEqual(tooLarge)
    const text = await putChunked(url, Buffer.concat([BODY, Buffer.from('x')]))
    expect(text).toContain('HTTP/1.1 413 ')
    expect(text).toContain('"reason":"entity-too-large"')
    await door.expectNothing()
  })

  it('2.2-22 is taken without a length, which is counted', async () => {
    const { url } = await begin()
    expect(await putChunked(url, BODY)).toContain('HTTP/1.1 201 ')
  })

  it('2.2-23 is refused with bytes of another digest, of which nothing stays', async () => {
    const { url, mediaId } = await begin(BODY, { sha256: sha256(BODY) })
    expect(refusal(await put(url, note('PRESIGNED')))).toEqual([
      400,
      'MEDIA_DIGEST_MISMATCH',
      'digest-mismatch',
    ])
    await door.expectNothing()
    // What a check refused has ended the upload.
    expect((await put(url)).status).toBe(410)
    const status = await door.wire.ask(`/media/${mediaId}/status`, { headers: ANN })
    expect(status.json).toMatchObject({
      state: 'rejected',
      error: { code: 'MEDIA_DIGEST_MISMATCH', reason: 'digest-mismatch' },
    })
  })

  it('2.2-23 is refused with another digest in its own headers', async () => {
    const { url } = await begin()
    const refused = await put(url, BODY, { ...TYPE, 'content-digest': digestField(note('other')) })
    expect(refused.json['code']).toBe('MEDIA_DIGEST_MISMATCH')
    expect((await door.store.list()).items).toEqual([])
  })

  it('2.2-24 is refused with a parameter that stands twice', async () => {
    const { url, query } = await begin()
    for (const pair of query.split('&')) expect(refusal(await put(`${url}&${pair}`))).toEqual(SIGNATURE)
  })

  it('2.2-25 takes no parameter from its body', async () => {
    const { url, path, query } = await begin()
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    expect(refusal(await put(url, 'sizeBytes=1&owner=bob', form))).toEqual(SIGNATURE)
    expect((await put(path, query, form)).status).toBe(401)
    const multipart = { 'content-type': 'multipart/form-data; boundary=a' }
    expect(refusal(await put(url, BODY, multipart))).toEqual(SIGNATURE)
  })

  it('2.2-26 is never taken at an address that only decodes to its own', async () => {
    const { uploadId, query } = await begin()
    const escaped = `%${uploadId.charCodeAt(0).toString(16)}${uploadId.slice(1)}`
    const ids = [escaped, escaped.replace('%', '%25'), `${uploadId}%2F`, `x%2F..%2F${uploadId}`, `%2e%2e`]
    for (const id of [...ids, `${uploadId}%00`, uploadId.toUpperCase(), `${uploadId}.`])
      expect(refusal(await put(`/media/uploads/${id}?${query}`))).toEqual(SIGNATURE)
    for (const path of [`//${uploadId}`, `/x/../${uploadId}`, `/./${uploadId}`, `/${uploadId}/`])
      expect((await put(`/media/uploads${path}?${query}`)).status).toBe(404)
  })

  it('2.2-27 is refused once its key is retired, and good while it verifies', async () => {
    const young = createSigningKey('young')
    const { uploadId } = await begin()
    const rotated = await openDoor({ media: { keys: createKeyRing([young, signingKey]) } })
    const retired = await openDoor({ media: { keys: createKeyRing([young]) } })
    try {
      const { uploadId: id } = await begin(BODY, {}, rotated)
      const byOld = signUpload({ keys, clock: systemClock }, 'default', id, {
        expiresAt: new Date(Date.now() + MINUTE),
      })
      const address = (at: string): string => `/media/uploads/${at}?${byOld.toString()}`
      const sent = { method: 'PUT', body: BODY, headers: TYPE }
      expect((await rotated.wire.ask(address(id), sent)).status).toBe(201)
      expect(refusal(await retired.wire.ask(address(uploadId), sent))).toEqual(SIGNATURE)
    } finally {
      await rotated.close()
      await retired.close()
    }
  })

  it('2.2-28 never opens a download, and a signed download takes no body', async () => {
    const { id } = await door.store.put(BODY, { owner: 'ann', filename: 'a.txt' })
    const { uploadId, query, path } = await begin()
    expect(refusal(await door.wire.ask(`/media/${id}/content?${query}`))).toEqual(SIGNATURE)
    expect(refusal(await door.wire.ask(`/media/${uploadId}/content?${query}`))[0]).toBe(404)
    const far = new Date(Date.now() + MINUTE)
    const signer = await openDoor({ media: { keys, publicBaseUrl: 'https://media.example/media' } })
    const media = await signer.store.put(BODY, { filename: 'a.txt' })
    const download = (await signer.store.url(media.id, { expiresAt: far })).search
    await signer.close()
    expect(refusal(await put(`${path}${download}`))).toEqual(SIGNATURE)
    expect(refusal(await put(`/media/uploads/${media.id}${download}`))).toEqual(SIGNATURE)
  })

  it('may be sent again after its connection broke, while its address lives', async () => {
    const { url, mediaId } = await begin()
    await breakOff(url, BODY.subarray(0, 20))
    await expect.poll(async () => (await put(url)).status).toBe(201)
    expect((await door.wire.ask(`/media/${mediaId}/content`, { headers: ANN })).body).toEqual(BODY)
  })

  it('is over when whoever began it takes it back, also for whoever has its address', async () => {
    const { url, path } = await begin()
    expect((await door.wire.ask(path, { method: 'DELETE', headers: ANN })).status).toBe(204)
    expect(refusal(await put(url))).toEqual([410, 'MEDIA_GONE', 'upload-ended'])
    await door.expectNothing()
  })

  it('tells a body under way when it is taken back', async () => {
    const { url, path } = await begin()
    const socket = await door.wire.socket()
    const answered = text(socket)
    const accepted = once(door.wire.server, 'request')
    socket.write(
      `PUT ${url} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${BODY.length}\r\n\r\n`,
    )
    socket.write(BODY.subarray(0, 9))
    await accepted
    const again = put(url)
    expect((await door.wire.ask(path, { method: 'DELETE', headers: ANN })).status).toBe(204)
    socket.write(BODY.subarray(9))
    const answer = await answered
    expect(answer).toContain('HTTP/1.1 410 ')
    expect(answer).toContain('"reason":"upload-ended"')
    expect(refusal(await again)).toEqual([410, 'MEDIA_GONE', 'upload-ended'])
    await door.expectNothing()
  })

  it('keeps its key for itself: the one who comes second is told', async () => {
    const one = await begin(note('1'), { key: 'a' })
    const two = await begin(note('2'), { key: 'a' })
    expect((await put(one.url, note('1'))).status).toBe(201)
    expect(refusal(await put(two.url, note('2')))).toEqual([409, 'MEDIA_CONFLICT', 'key-taken'])
    const { json } = await door.wire.ask(`/media/${two.mediaId}/status`, { headers: ANN })
    expect(json).toMatchObject({ state: 'rejected', error: { code: 'MEDIA_CONFLICT', reason: 'key-taken' } })
    expect(refusal(await door.begin(wantedFor(BODY, { key: 'a' })))).toEqual([
      409,
      'MEDIA_CONFLICT',
      'key-taken',
    ])
  })

  it('is refused by its first bytes when they are not what was told', async () => {
    const body = Buffer.from('<!doctype html><script>alert(1)</script>')
    const { url } = await begin(body)
    expect((await put(url, body)).status).toBe(415)
    await door.expectNothing()
    expect((await put(url, body)).status).toBe(410)
  })

  it('says where it is by the public address of the store, never by a header', async () => {
    const host = { host: 'evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' }
    const relative = await door.begin(wantedFor(BODY), { ...ANN, ...host })
    expect(textOf(relative, 'url')).toMatch(/^\/media\/uploads\//)
    const open = await openDoor({ media: { keys, publicBaseUrl: 'https://media.example/media' } })
    try {
      const absolute = await open.begin(wantedFor(BODY), { ...ANN, ...host })
      expect(textOf(absolute, 'url')).toMatch(/^https:\/\/media\.example\/media\/uploads\/[^?]+\?kid=/)
    } finally {
      await open.close()
    }
  })

  it('answers a slow sender with 408, and may be sent again', async () => {
    const slow = await openDoor({ media: { keys }, bodyRateWindowMs: 50 })
    try {
      // More is left than is taken in of a body that was refused: the connection ends with the answer.
      const body = note('x'.repeat(200_000))
      const { url } = await begin(body, {}, slow)
      const text = await slow.wire.raw(
        `PUT ${url} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`,
        body.subarray(0, 9),
      )
      expect(text).toContain('HTTP/1.1 408 ')
      expect(text).toContain('"reason":"slow-body"')
      expect((await slow.wire.ask(url, { method: 'PUT', body })).status).toBe(201)
    } finally {
      await slow.close()
    }
  })
})
