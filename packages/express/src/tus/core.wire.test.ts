import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { PNG } from '../wire.fixture.ts'
import { metadataOf, OFFSET_STREAM, type TusWire, tusWire } from './tus.fixture.ts'

let tus: TusWire

beforeEach(async () => {
  tus = await tusWire()
})
afterEach(() => tus.close())

const png = (): Promise<string> => tus.begin({ 'upload-length': String(PNG.length) })

describe('tus core: OPTIONS', () => {
  it.each(['/media/tus', '/media/tus/', '/media/tus/whatever'])(
    '2.3-01 of %s tells version, extensions and algorithms, to anybody and without Tus-Resumable',
    async (path) => {
      const { status, headers, body } = await tus.ask(path, {
        method: 'OPTIONS',
        headers: { 'tus-resumable': undefined, authorization: undefined },
      })
      expect([status, body.length]).toEqual([204, 0])
      expect(headers).toMatchObject({
        'tus-resumable': '1.0.0',
        'tus-version': '1.0.0',
        'tus-extension':
          'creation,creation-with-upload,creation-defer-length,expiration,checksum,checksum-trailer,termination,concatenation',
        'tus-checksum-algorithm': 'sha1,sha256,md5',
        'tus-max-size': String(tus.store.uploads.maxBytes),
      })
    },
  )

  it('2.3-02 ignores a version that is sent', async () => {
    const { status } = await tus.ask('/media/tus', {
      method: 'OPTIONS',
      headers: { 'tus-resumable': '0.2.2' },
    })
    expect(status).toBe(204)
  })
})

describe('tus core: the version', () => {
  it.each([undefined, '', '0.2.2', '2.0.0', '1.0.0, 1.0.0'])(
    '2.3-03 %s is refused with 412 and Tus-Version, and nothing is done',
    async (version) => {
      const path = await png()
      for (const [method, at] of [
        ['POST', '/media/tus'],
        ['HEAD', path],
        ['PATCH', path],
        ['DELETE', path],
      ] as const) {
        const { status, headers } = await tus.ask(at, {
          method,
          headers: { ...OFFSET_STREAM, 'tus-resumable': version, 'upload-offset': '0', 'upload-length': '5' },
          ...(method === 'PATCH' ? { body: PNG } : {}),
        })
        expect([method, status, headers['tus-version'], headers['upload-offset']]).toEqual([
          method,
          412,
          '1.0.0',
          undefined,
        ])
      }
      expect(await tus.offset(path)).toBe(0)
    },
  )

  it('2.3-04 stands in every answer, refusals too', async () => {
    const path = await png()
    const answers = [
      await tus.ask('/media/tus', { method: 'POST' }),
      await tus.ask('/media/tus', { method: 'GET' }),
      await tus.ask('/media/tus/none', { method: 'HEAD' }),
      await tus.ask(path, { method: 'PATCH' }),
      await tus.ask(path, { method: 'HEAD' }),
      await tus.ask(path, { method: 'DELETE' }),
      await tus.ask('/media/tus', {
        method: 'POST',
        headers: { authorization: undefined, 'upload-length': '1' },
      }),
    ]
    expect(answers.map(({ status, headers }) => [status, headers['tus-resumable']])).toEqual(
      [400, 405, 404, 415, 200, 204, 401].map((status) => [status, '1.0.0']),
    )
  })
})

describe('tus core: HEAD', () => {
  it('2.3-05 tells offset and length, also of 0 bytes, and is kept by no cache', async () => {
    const { status, headers, body } = await tus.ask(await png(), { method: 'HEAD' })
    expect([status, body.length]).toEqual([200, 0])
    expect(headers).toMatchObject({
      'upload-offset': '0',
      'upload-length': String(PNG.length),
      'cache-control': 'no-store',
    })
  })

  it('2.3-06 tells the offset of an upload that is complete, and the media it is', async () => {
    const path = await png()
    await tus.patch(path, 0, PNG)
    const { headers } = await tus.ask(path, { method: 'HEAD' })
    expect(headers['upload-offset']).toBe(headers['upload-length'])
    expect(headers['upload-expires']).toBeUndefined()
    expect(headers['content-location']).toBe(`/media/${String(headers['upload-media-id'])}`)
  })

  it('2.3-07 gives the metadata back byte for byte', async () => {
    const metadata = `filename ${Buffer.from('ä b.png').toString('base64')},flag,x AAEC/w==,empty `
    const path = await tus.begin({ 'upload-length': '5', 'upload-metadata': `${metadata},last` })
    const { headers } = await tus.ask(path, { method: 'HEAD' })
    expect(headers['upload-metadata']).toBe(`${metadata},last`)
  })

  it('2.3-08 of an unknown upload is 404 without an offset', async () => {
    for (const id of ['none', 'a'.repeat(22), '..', '%2e%2e', 'a'.repeat(2_000)]) {
      const { status, headers } = await tus.ask(`/media/tus/${id}`, { method: 'HEAD' })
      expect([id, status, headers['upload-offset']]).toEqual([id, 404, undefined])
    }
  })
})

describe('tus core: PATCH', () => {
  it('2.3-09 adds bytes at the offset and answers 204 with the new one', async () => {
    const path = await png()
    const first = await tus.patch(path, 0, PNG.subarray(0, 20))
    expect([first.status, first.headers['upload-offset']]).toEqual([204, '20'])
    const second = await tus.patch(path, 20, PNG.subarray(20))
    expect([second.status, second.headers['upload-offset']]).toEqual([204, String(PNG.length)])
    const { items } = await tus.store.list()
    expect(items).toMatchObject([{ contentType: 'image/png', sizeBytes: PNG.length, owner: 'ann' }])
  })

  it.each([undefined, 'application/octet-stream', 'image/png', 'application/offset+octet-stream2'])(
    '2.3-10 as %s is 415 and changes nothing',
    async (type) => {
      const path = await png()
      const { status, json } = await tus.patch(path, 0, PNG, { 'content-type': type })
      expect([status, json['reason']]).toEqual([415, 'offset-type-required'])
      expect(await tus.offset(path)).toBe(0)
    },
  )

  it.each(['APPLICATION/OFFSET+OCTET-STREAM', 'application/offset+octet-stream; charset=binary'])(
    '2.3-11 as %s is taken: types have no case, and parameters',
    async (type) => {
      const { status } = await tus.patch(await png(), 0, PNG.subarray(0, 1), { 'content-type': type })
      expect(status).toBe(204)
    },
  )

  it.each([1, 5_000, 67])(
    '2.3-12 at offset %i of an upload at 0 is 409 and changes nothing',
    async (offset) => {
      const path = await png()
      const { status, json } = await tus.patch(path, offset, PNG.subarray(0, 5))
      expect([status, json['reason']]).toEqual([409, 'offset-mismatch'])
      expect(await tus.offset(path)).toBe(0)
    },
  )

  it.each([
    undefined,
    '',
    '-1',
    '+0',
    '1.5',
    '5abc',
    'abc',
    '0x0',
    '1e1',
    '9007199254740992',
    '0, 0',
    '00',
    'NaN',
  ])('2.3-13 with the offset %s is 400', async (offset) => {
    const path = await png()
    const { status, json } = await tus.patch(path, 0, PNG, { 'upload-offset': offset })
    expect([status, json['reason']]).toEqual([400, 'bad-upload-offset'])
    expect(await tus.offset(path)).toBe(0)
  })

  it('2.3-14 with more bytes than the length is 413, and nothing is written', async () => {
    const path = await tus.begin({ 'upload-length': '10' })
    const { status } = await tus.patch(path, 0, PNG)
    expect([status, await tus.offset(path)]).toEqual([413, 0])
  })

  it('2.3-15 without a length of its own is counted, and cut off where it is too long', async () => {
    const path = await tus.begin({ 'upload-length': '10' })
    const fits = await tus.patch(path, 0, PNG.subarray(0, 8), { 'transfer-encoding': 'chunked' })
    expect([fits.status, fits.headers['upload-offset']]).toEqual([204, '8'])
    const { status } = await tus.patch(path, 8, PNG.subarray(8), { 'transfer-encoding': 'chunked' })
    expect(status).toBe(413)
    expect(await tus.offset(path)).toBeGreaterThanOrEqual(8)
  })

  it('2.3-16 of an unknown upload is 404', async () => {
    expect((await tus.patch('/media/tus/none', 0, PNG)).status).toBe(404)
  })

  it('2.3-17 of no bytes is 204 and the same offset', async () => {
    const path = await png()
    const { status, headers } = await tus.patch(path, 0, '')
    expect([status, headers['upload-offset']]).toEqual([204, '0'])
  })

  it('2.3-18 behind the last byte: nothing is 204, something 413, another offset 409', async () => {
    const path = await png()
    await tus.patch(path, 0, PNG)
    const end = PNG.length
    expect((await tus.patch(path, end, '')).status).toBe(204)
    expect((await tus.patch(path, end, '', { 'transfer-encoding': 'chunked' })).status).toBe(204)
    expect((await tus.patch(path, end, 'x')).status).toBe(413)
    expect((await tus.patch(path, 0, PNG)).status).toBe(409)
    expect((await tus.store.list()).items).toHaveLength(1)
  })

  it('2.3-19 with a coding is 415: a coded piece could not be counted', async () => {
    const { status } = await tus.patch(await png(), 0, PNG, { 'content-encoding': 'gzip' })
    expect(status).toBe(415)
  })
})

describe('tus core: methods', () => {
  it.each([
    ['POST', 'PATCH'],
    ['GET', 'PATCH'],
    ['PUT', 'patch'],
    ['DELETE', 'PATCH'],
  ])('2.3-20 %s with X-HTTP-Method-Override: %s adds bytes', async (method, override) => {
    const path = await png()
    const { status, headers } = await tus.ask(path, {
      method,
      headers: {
        ...OFFSET_STREAM,
        'upload-offset': '0',
        'x-http-method-override': override,
        'content-length': '20',
      },
      body: PNG.subarray(0, 20),
    })
    expect([status, headers['upload-offset']]).toEqual([204, '20'])
  })

  it('2.3-21 X-HTTP-Method-Override makes a POST a DELETE, a HEAD or a POST', async () => {
    const path = await png()
    const over = (method: string, at = path): ReturnType<TusWire['ask']> =>
      tus.ask(at, { method: 'POST', headers: { 'x-http-method-override': method, 'upload-length': '3' } })
    const head = await over('HEAD')
    expect([head.status, head.headers['upload-offset'], head.body.length]).toEqual([200, '0', 0])
    expect((await over('POST', '/media/tus')).status).toBe(201)
    expect((await over('DELETE')).status).toBe(204)
    const gone = await over('HEAD')
    expect([404, 410]).toContain(gone.status)
    expect(gone.json['status']).toBe(gone.status)
  })

  it.each([
    ['GET', '/media/tus', 'OPTIONS, POST'],
    ['PATCH', '/media/tus', 'OPTIONS, POST'],
    ['GET', '/media/tus/a', 'OPTIONS, HEAD, PATCH, DELETE'],
    ['POST', '/media/tus/a', 'OPTIONS, HEAD, PATCH, DELETE'],
    ['PUT', '/media/tus/a', 'OPTIONS, HEAD, PATCH, DELETE'],
  ])('2.3-22 %s of %s is 405 and tells what there is', async (method, path, allowed) => {
    const { status, headers } = await tus.ask(path, { method })
    expect([status, headers.allow]).toEqual([405, allowed])
  })

  it('2.3-23 a method that nobody knows is 405, also as an override', async () => {
    const { status } = await tus.ask('/media/tus', {
      method: 'POST',
      headers: { 'x-http-method-override': 'NONSENSE', 'upload-length': '3' },
    })
    expect(status).toBe(405)
  })

  it('2.3-24 a path below an upload is 404', async () => {
    expect((await tus.ask('/media/tus/a/b', { method: 'HEAD' })).status).toBe(404)
  })
})

describe('tus: what an upload becomes', () => {
  it('2.3-25 has the name, type and fields of the metadata', async () => {
    const metadata = metadataOf({
      filename: 'ü.png',
      filetype: 'image/png',
      key: 'a/b.png',
      tags: 'x,y',
      visibility: 'public',
    })
    await tus.patch(
      await tus.begin({ 'upload-length': String(PNG.length), 'upload-metadata': metadata }),
      0,
      PNG,
    )
    expect(await tus.store.stat({ key: 'a/b.png' })).toMatchObject({
      filename: 'ü.png',
      contentType: 'image/png',
      tags: ['x', 'y'],
      visibility: 'public',
      owner: 'ann',
    })
  })

  it('2.3-26 takes name and type as Uppy sends them, and nothing from empty ones', async () => {
    const metadata = metadataOf({ relativePath: 'null', name: 'b.png', type: '', filetype: '' })
    await tus.begin({ 'upload-length': String(PNG.length), 'upload-metadata': metadata }, PNG)
    expect((await tus.store.list()).items).toMatchObject([{ filename: 'b.png', contentType: 'image/png' }])
  })

  it('2.3-27 is refused by its bytes: the sender is told, and nothing stays', async () => {
    const metadata = metadataOf({ filename: 'a.png', filetype: 'image/png' })
    const path = await tus.begin({ 'upload-length': '5', 'upload-metadata': metadata })
    const answer = await tus.patch(path, 0, 'hello')
    expect([answer.status, answer.headers['content-type']]).toEqual([415, 'application/problem+json'])
    expect((await tus.store.list()).items).toEqual([])
    const { status, headers } = await tus.ask(path, { method: 'HEAD' })
    expect([404, 410]).toContain(status)
    expect(headers['upload-offset']).toBeUndefined()
  })
})
