import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { PNG } from '../wire.fixture.ts'
import { OFFSET_STREAM, type TusWire, tusWire } from './tus.fixture.ts'

let tus: TusWire

beforeEach(async () => {
  tus = await tusWire()
})
afterEach(() => tus.close())

const sum = (algorithm: string, bytes: Buffer): string =>
  `${algorithm} ${createHash(algorithm).update(bytes).digest('base64')}`

describe('tus checksum', () => {
  it.each(['sha1', 'sha256', 'md5'])(
    '2.3-46 %s of a piece is checked, and the piece kept',
    async (algorithm) => {
      const path = await tus.begin({ 'upload-length': String(PNG.length) })
      const piece = PNG.subarray(0, 30)
      const { status } = await tus.patch(path, 0, piece, { 'upload-checksum': sum(algorithm, piece) })
      expect([status, await tus.offset(path)]).toEqual([204, 30])
    },
  )

  it.each(['sha1', 'sha256', 'md5'])(
    '2.3-47 %s of something else is 460: the piece is not kept, and may come again',
    async (algorithm) => {
      const path = await tus.begin({ 'upload-length': String(PNG.length) })
      await tus.patch(path, 0, PNG.subarray(0, 10))
      const wrong = { 'upload-checksum': sum(algorithm, PNG) }
      for (const framing of [{}, { 'transfer-encoding': 'chunked' }]) {
        const { status, json } = await tus.patch(path, 10, PNG.subarray(10), { ...wrong, ...framing })
        expect([status, json['status'], json['reason']]).toEqual([460, 460, 'checksum-mismatch'])
        expect(await tus.offset(path)).toBe(10)
      }
      expect((await tus.patch(path, 10, PNG.subarray(10))).status).toBe(204)
    },
  )

  it('2.3-48 460 has a name', async () => {
    const path = await tus.begin({ 'upload-length': '5' })
    const answer = await tus.wire.raw(
      `PATCH ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: as ann\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Type: application/offset+octet-stream\r\nUpload-Checksum: ${sum('sha1', PNG)}\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello`,
    )
    expect(answer).toMatch(/^HTTP\/1\.1 460 Checksum Mismatch\r\n/)
  })

  it.each([
    ['an algorithm that is not offered', 'crc32 AAAAAA==', 'unknown-checksum-algorithm'],
    ['a name in upper case', sum('sha1', PNG).replace('sha1', 'SHA1'), 'unknown-checksum-algorithm'],
    ['__proto__', '__proto__ AAAA', 'unknown-checksum-algorithm'],
    ['nothing', '', 'unknown-checksum-algorithm'],
    ['no checksum', 'sha1', 'bad-upload-checksum'],
    ['a checksum in hex', `sha1 ${createHash('sha1').update(PNG).digest('hex')}`, 'bad-upload-checksum'],
    ['a checksum of another length', sum('sha1', PNG).replace('sha1', 'sha256'), 'bad-upload-checksum'],
    ['a checksum without padding', sum('sha1', PNG).replace('=', ''), 'bad-upload-checksum'],
    ['three words', `${sum('sha1', PNG)} x`, 'bad-upload-checksum'],
    ['two checksums', `${sum('sha1', PNG)}, ${sum('md5', PNG)}`, 'bad-upload-checksum'],
  ])('2.3-49 with %s is 400, and nothing is kept', async (_, checksum, reason) => {
    const path = await tus.begin({ 'upload-length': String(PNG.length) })
    const { status, json } = await tus.patch(path, 0, PNG, { 'upload-checksum': checksum })
    expect([status, json['reason'], await tus.offset(path)]).toEqual([400, reason, 0])
  })

  it('2.3-50 of the bytes of a creation is checked too: on a mismatch nothing begins', async () => {
    const post = (bytes: Buffer): ReturnType<TusWire['ask']> =>
      tus.ask('/media/tus', {
        method: 'POST',
        headers: {
          ...OFFSET_STREAM,
          'upload-length': String(PNG.length),
          'upload-checksum': sum('sha1', bytes),
        },
        body: PNG,
      })
    expect((await post(PNG)).status).toBe(201)
    const { status, headers } = await post(PNG.subarray(1))
    expect([status, headers.location]).toEqual([460, undefined])
    expect((await tus.store.list()).items).toHaveLength(1)
  })
})

describe('tus checksum in a trailer', () => {
  const send = async (path: string, trailer: string, announced = 'Upload-Checksum'): Promise<string> =>
    tus.wire.raw(
      Buffer.concat([
        Buffer.from(
          `PATCH ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: as ann\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Type: application/offset+octet-stream\r\nTransfer-Encoding: chunked\r\nTrailer: ${announced}\r\nConnection: close\r\n\r\n${PNG.length.toString(16)}\r\n`,
        ),
        PNG,
        Buffer.from(`\r\n0\r\n${trailer}\r\n`),
      ]),
    )

  it.each([
    ['that fits is kept', sum('sha1', PNG), 'Upload-Checksum', 204, PNG.length],
    ['beside other trailers is kept', sum('sha256', PNG), 'X-A, upload-checksum ,X-B', 204, PNG.length],
    ['of something else is 460', sum('sha1', PNG.subarray(1)), 'Upload-Checksum', 460, 0],
    ['that is none is 400', 'sha1 x', 'Upload-Checksum', 400, 0],
    ['of an unknown algorithm is 400', 'crc32 AAAAAA==', 'Upload-Checksum', 400, 0],
    ['that nobody announced means nothing', sum('sha1', PNG.subarray(1)), 'X-A', 204, PNG.length],
  ])('2.3-51 a piece with one %s', async (_, checksum, announced, status, offset) => {
    const path = await tus.begin({ 'upload-length': String(PNG.length) })
    const answer = await send(path, `Upload-Checksum: ${checksum}\r\n`, announced)
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(await tus.offset(path)).toBe(offset)
  })

  it('2.3-52 that was announced and did not come is 400, and nothing is kept', async () => {
    const path = await tus.begin({ 'upload-length': String(PNG.length) })
    expect(await send(path, '')).toMatch(/^HTTP\/1\.1 400 /)
    expect(await tus.offset(path)).toBe(0)
  })
})
