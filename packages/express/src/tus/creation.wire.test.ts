import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { PNG } from '../wire.fixture.ts'
import { metadataOf, OFFSET_STREAM, type TusWire, tusWire } from './tus.fixture.ts'

let tus: TusWire

beforeEach(async () => {
  tus = await tusWire({
    policies: [{ match: '*', allowUnrecognised: true, maxBytes: 1_000_000 }],
  })
})
afterEach(() => tus.close())

const create = (
  headers: Record<string, string | undefined>,
  body?: Buffer | string,
): ReturnType<TusWire['ask']> =>
  tus.ask('/media/tus', {
    method: 'POST',
    headers: body === undefined ? headers : { ...OFFSET_STREAM, ...headers },
    ...(body === undefined ? {} : { body }),
  })

describe('tus creation', () => {
  it('2.3-28 is 201 with an address relative to the host, the time it lives, and the media it will be', async () => {
    const { status, headers } = await create({ 'upload-length': '100' })
    expect(status).toBe(201)
    expect(headers.location).toMatch(/^\/media\/tus\/[A-Za-z0-9_-]{22,}$/)
    expect(headers['upload-expires']).toMatch(/^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/)
    expect(headers['upload-media-id']).toMatch(/^[0-9a-f-]{36}$/)
    expect(headers['content-length']).toBe('0')
  })

  it('2.3-29 takes nothing from Host and X-Forwarded headers', async () => {
    const { headers } = await create({
      'upload-length': '1',
      host: 'evil.example',
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      forwarded: 'host=evil.example',
    })
    expect(headers.location).toMatch(/^\/media\/tus\//)
  })

  it.each([
    ['neither length nor defer', {}, 'upload-length-missing'],
    ['both', { 'upload-length': '5', 'upload-defer-length': '1' }, 'upload-length-ambiguous'],
    ['a defer of 0', { 'upload-defer-length': '0' }, 'bad-defer-length'],
    ['a defer of 2', { 'upload-defer-length': '2' }, 'bad-defer-length'],
    ['a defer of true', { 'upload-defer-length': 'true' }, 'bad-defer-length'],
    [
      'a defer that is no number beside a length',
      { 'upload-length': '5', 'upload-defer-length': 'x' },
      'bad-defer-length',
    ],
    ['a negative length', { 'upload-length': '-1' }, 'bad-upload-length'],
    ['a length in words', { 'upload-length': 'five' }, 'bad-upload-length'],
    ['a length with more behind it', { 'upload-length': '5abc' }, 'bad-upload-length'],
    ['a fraction', { 'upload-length': '1.5' }, 'bad-upload-length'],
    ['an exponent', { 'upload-length': '1e3' }, 'bad-upload-length'],
    ['two lengths', { 'upload-length': '5, 5' }, 'bad-upload-length'],
    ['an empty length', { 'upload-length': '' }, 'bad-upload-length'],
  ])('2.3-30 with %s is 400', async (_, headers, reason) => {
    const { status, json } = await create(headers)
    expect([status, json['reason']]).toEqual([400, reason])
  })

  it('2.3-31 of the length that OPTIONS tells is taken, of one more byte not', async () => {
    const { headers } = await tus.ask('/media/tus', { method: 'OPTIONS' })
    expect(headers['tus-max-size']).toBe('1000000')
    expect((await create({ 'upload-length': '1000000' })).status).toBe(201)
  })

  it.each(['1000001', '9007199254740993', '99999999999999999999'])(
    '2.3-31 of %s bytes is 413: more than is taken',
    async (length) => {
      expect((await create({ 'upload-length': length })).status).toBe(413)
    },
  )

  it.each([
    ['a key twice', 'a YQ==,a YQ=='],
    ['a value that is not Base64', 'a @@@@'],
    ['Base64 without its padding', 'a YQ'],
    ['Base64 of addresses', 'a _-8='],
    ['an empty key', 'a YQ==, YQ=='],
    ['an empty pair', 'a YQ==,,b YQ=='],
    ['nothing', ''],
    ['a comma at its end', 'a YQ==,'],
    ['two spaces', 'a  YQ=='],
    ['three words', 'a YQ== YQ=='],
    ['a key that is not ASCII', 'ä YQ=='],
    ['more than 8 KiB', `a ${'QUFB'.repeat(2_100)}`],
    ['a name that is not UTF-8', 'filename /w=='],
  ])('2.3-32 with metadata of %s is 400', async (_, metadata) => {
    const { status, json } = await create({ 'upload-length': '1', 'upload-metadata': metadata })
    expect([status, json['reason']]).toEqual([400, 'bad-upload-metadata'])
  })

  it.each([
    ['a bad key', { key: '../x' }],
    ['a visibility that is none', { visibility: 'secret' }],
    ['a NUL in its name', { filename: 'a\0b' }],
  ])('2.3-33 with metadata of %s is 400', async (_, pairs) => {
    const { status } = await create({ 'upload-length': '1', 'upload-metadata': metadataOf(pairs) })
    expect(status).toBe(400)
  })

  it('2.3-34 with the key of another media is 409', async () => {
    await tus.store.put(PNG, { at: { key: 'a.png' }, owner: 'ann' })
    const { status, json } = await create({
      'upload-length': '1',
      'upload-metadata': metadataOf({ key: 'a.png' }),
    })
    expect([status, json['reason']]).toEqual([409, 'key-taken'])
  })

  it('2.3-35 leaves names like __proto__ without a meaning', async () => {
    const metadata = '__proto__ YQ==,constructor YQ==,hasOwnProperty'
    const path = await tus.begin({ 'upload-length': '1', 'upload-metadata': metadata })
    expect((await tus.ask(path, { method: 'HEAD' })).headers['upload-metadata']).toBe(metadata)
    expect(Object.hasOwn(Object.prototype, 'a')).toBe(false)
  })

  it('2.3-36 of 0 bytes is decided at once: there are no empty media, and nothing begins', async () => {
    const { status, headers, json } = await create({ 'upload-length': '0' })
    expect([status, headers.location, json['reason']]).toEqual([400, undefined, 'empty-file'])
    expect(await tus.store.uploads.list()).toEqual([])
  })

  it('2.3-36 of a length that comes later and is 0 is refused when it comes', async () => {
    const path = await tus.begin({ 'upload-defer-length': '1' })
    const { status, json } = await tus.patch(path, 0, '', { 'upload-length': '0' })
    expect([status, json['reason']]).toEqual([400, 'empty-file'])
    expect((await tus.store.list()).items).toEqual([])
  })
})

describe('tus creation: a length that comes later', () => {
  it('2.3-37 is said to be open until it is told with a PATCH', async () => {
    const path = await tus.begin({ 'upload-defer-length': '1' })
    const open = await tus.ask(path, { method: 'HEAD' })
    expect([open.headers['upload-defer-length'], open.headers['upload-length']]).toEqual(['1', undefined])
    await tus.patch(path, 0, PNG.subarray(0, 10))
    const told = await tus.patch(path, 10, PNG.subarray(10, 20), { 'upload-length': String(PNG.length) })
    expect([told.status, told.headers['upload-offset']]).toEqual([204, '20'])
    const known = await tus.ask(path, { method: 'HEAD' })
    expect([known.headers['upload-defer-length'], known.headers['upload-length']]).toEqual([
      undefined,
      String(PNG.length),
    ])
    await tus.patch(path, 20, PNG.subarray(20))
    expect((await tus.store.list()).items).toMatchObject([{ sizeBytes: PNG.length }])
  })

  it('2.3-38 is told with the last piece, or after it with none', async () => {
    const last = await tus.begin({ 'upload-defer-length': '1' })
    await tus.patch(last, 0, PNG, { 'upload-length': String(PNG.length) })
    const after = await tus.begin({ 'upload-defer-length': '1' })
    await tus.patch(after, 0, PNG)
    expect((await tus.store.list()).items).toHaveLength(1)
    const { status } = await tus.patch(after, PNG.length, '', { 'upload-length': String(PNG.length) })
    expect(status).toBe(204)
    expect((await tus.store.list()).items).toHaveLength(2)
  })

  it('2.3-39 never changes: another one is 400, the same one is no change', async () => {
    for (const path of [
      await tus.begin({ 'upload-defer-length': '1' }, 'ab'),
      await tus.begin({ 'upload-length': '10' }, 'ab'),
    ]) {
      await tus.patch(path, 2, 'c', { 'upload-length': '10' })
      const { status, json } = await tus.patch(path, 3, 'd', { 'upload-length': '11' })
      expect([status, json['reason'], await tus.offset(path)]).toEqual([400, 'upload-length-known', 3])
    }
  })

  it('2.3-40 is refused when it is less than has come, or no number', async () => {
    const path = await tus.begin({ 'upload-defer-length': '1' }, 'abcdef')
    for (const length of ['5', '-1', 'x']) {
      expect((await tus.patch(path, 6, '', { 'upload-length': length })).status).toBe(400)
    }
    expect((await tus.patch(path, 6, 'xyz', { 'upload-length': '7' })).status).toBe(413)
    expect(await tus.offset(path)).toBe(6)
  })
})

describe('tus creation with upload', () => {
  it('2.3-41 tells the offset behind what came with it', async () => {
    const { status, headers } = await create({ 'upload-length': String(PNG.length) }, PNG.subarray(0, 10))
    expect([status, headers['upload-offset']]).toEqual([201, '10'])
    expect(await tus.offset(headers.location ?? '')).toBe(10)
  })

  it('2.3-42 of all bytes makes the media', async () => {
    const { status, headers } = await create({ 'upload-length': String(PNG.length) }, PNG)
    expect([status, headers['upload-offset']]).toEqual([201, String(PNG.length)])
    expect((await tus.store.list()).items).toMatchObject([{ contentType: 'image/png' }])
  })

  it('2.3-43 as another type is 415, and nothing begins', async () => {
    const { status, headers } = await create({ 'upload-length': '100', 'content-type': 'image/png' }, PNG)
    expect([status, headers.location]).toEqual([415, undefined])
  })

  it('2.3-44 of more than the length is 413, and nothing begins', async () => {
    for (const framing of [{}, { 'transfer-encoding': 'chunked' }]) {
      const { status, headers } = await create({ 'upload-length': '5', ...framing }, PNG)
      expect([status, headers.location]).toEqual([413, undefined])
    }
  })

  it('2.3-45 with a type and no bytes is a creation', async () => {
    expect((await create({ 'upload-length': '5', 'content-type': 'text/plain' })).status).toBe(201)
  })
})
