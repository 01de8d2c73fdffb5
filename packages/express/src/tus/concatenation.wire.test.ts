import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MAX_TUS_PARTS } from '../defaults.ts'
import { type Answer, PNG } from '../wire.fixture.ts'
import { type Headers, metadataOf, OFFSET_STREAM, type TusWire, tusWire } from './tus.fixture.ts'

let tus: TusWire

beforeEach(async () => {
  tus = await tusWire()
})
afterEach(() => tus.close())

const part = (bytes: Buffer, sent = bytes, headers: Headers = {}): Promise<string> =>
  tus.begin({ 'upload-concat': 'partial', 'upload-length': String(bytes.length), ...headers }, sent)
const parts = (): Promise<string[]> => Promise.all([part(PNG.subarray(0, 40)), part(PNG.subarray(40))])
const put = (paths: readonly string[], headers: Headers = {}): Promise<Answer> =>
  tus.ask('/media/tus', {
    method: 'POST',
    headers: { 'upload-concat': `final;${paths.join(' ')}`, ...headers },
  })

describe('tus concatenation: a part', () => {
  it('2.3-53 is no media by itself, whatever it holds and however it is called', async () => {
    await part(Buffer.from('<html>'), undefined, {
      'upload-metadata': metadataOf({ filename: 'a.png', key: '../x' }),
    })
    await part(PNG)
    expect((await tus.store.list()).items).toEqual([])
  })

  it('2.3-54 is told as one by HEAD, with its offset', async () => {
    const path = await part(PNG, PNG.subarray(0, 7))
    const { headers } = await tus.ask(path, { method: 'HEAD' })
    expect(headers).toMatchObject({
      'upload-concat': 'partial',
      'upload-offset': '7',
      'upload-length': String(PNG.length),
    })
    expect(headers['upload-media-id']).toBeUndefined()
  })

  it('2.3-55 may have a length that comes later', async () => {
    const path = await tus.begin({ 'upload-concat': 'partial', 'upload-defer-length': '1' })
    await tus.patch(path, 0, PNG, { 'upload-length': String(PNG.length) })
    const { status } = await put([path])
    expect(status).toBe(201)
  })

  it('2.3-56 of 0 bytes is finished', async () => {
    const empty = await tus.begin({ 'upload-concat': 'partial', 'upload-length': '0' })
    const { status } = await put([empty, await part(PNG), empty])
    expect(status).toBe(201)
    expect((await tus.store.list()).items).toMatchObject([{ sizeBytes: PNG.length }])
  })
})

describe('tus concatenation: the whole', () => {
  it('2.3-57 is made of its parts in the order they are named', async () => {
    const [first, second] = await parts()
    const { status, headers } = await put([first ?? '', second ?? ''])
    expect([status, headers['upload-offset']]).toEqual([201, String(PNG.length)])
    const { items } = await tus.store.list()
    expect(items).toMatchObject([{ contentType: 'image/png', sizeBytes: PNG.length }])
    const reader = await tus.store.open(items[0]?.id ?? '')
    expect(Buffer.from(await reader.bytes({ maxBytes: 1_000 }))).toEqual(PNG)
  })

  it('2.3-58 is told by HEAD with the sum, and what was sent', async () => {
    const paths = await parts()
    const { headers } = await put(paths)
    const head = await tus.ask(headers.location ?? '', { method: 'HEAD' })
    expect(head.headers).toMatchObject({
      'upload-concat': `final;${paths.join(' ')}`,
      'upload-offset': String(PNG.length),
      'upload-length': String(PNG.length),
    })
  })

  it('2.3-59 has its own metadata, none of its parts', async () => {
    const path = await part(PNG, PNG, { 'upload-metadata': metadataOf({ filename: 'part.gif' }) })
    const metadata = metadataOf({ filename: 'whole.png', mine: 'x' })
    const { headers } = await put([path], { 'upload-metadata': metadata })
    expect((await tus.store.list()).items).toMatchObject([{ filename: 'whole.png' }])
    const head = await tus.ask(headers.location ?? '', { method: 'HEAD' })
    expect(head.headers['upload-metadata']).toBe(metadata)
  })

  it('2.3-60 takes absolute addresses, of any host, and relative ones', async () => {
    const [first = '', second = ''] = await parts()
    const { status } = await put([`https://cdn.example${first}`, second.replace('/media/', '../media/')])
    expect(status).toBe(201)
  })

  it('2.3-61 may be made of the same parts again', async () => {
    const paths = await parts()
    expect((await put(paths)).status).toBe(201)
    expect((await put(paths)).status).toBe(201)
    expect((await tus.store.list()).items).toHaveLength(2)
  })

  it('2.3-62 takes no PATCH: 403, and neither it nor a part changes', async () => {
    const paths = await parts()
    const { headers } = await put(paths)
    const path = headers.location ?? ''
    for (const offset of [0, PNG.length]) {
      const { status, json } = await tus.patch(path, offset, 'x')
      expect([status, json['reason']]).toEqual([403, 'upload-final'])
    }
    expect(await tus.offset(path)).toBe(PNG.length)
    expect(await tus.offset(paths[0] ?? '')).toBe(40)
  })

  it('2.3-63 takes no bytes with its creation: 403', async () => {
    const paths = await parts()
    const { status } = await tus.ask('/media/tus', {
      method: 'POST',
      headers: { ...OFFSET_STREAM, 'upload-concat': `final;${paths.join(' ')}` },
      body: 'x',
    })
    expect(status).toBe(403)
  })

  it.each([
    ['with a length', { 'upload-length': String(PNG.length) }],
    ['with a length to come', { 'upload-defer-length': '1' }],
  ])('2.3-64 %s is 400: its length is that of its parts', async (_, headers) => {
    const { status, json } = await put(await parts(), headers)
    expect([status, json['reason']]).toEqual([400, 'upload-length-ambiguous'])
  })

  it('2.3-65 of a part that is not finished is 400', async () => {
    const { status, json } = await put([await part(PNG, PNG.subarray(0, 5))])
    expect([status, json['reason']]).toEqual([400, 'part-unfinished'])
    const deferred = await tus.begin({ 'upload-concat': 'partial', 'upload-defer-length': '1' }, PNG)
    expect((await put([deferred])).status).toBe(400)
  })

  it('2.3-66 of an upload that is no part is 400', async () => {
    const whole = await tus.begin({ 'upload-length': String(PNG.length) }, PNG)
    const { status, json } = await put([whole])
    expect([status, json['reason']]).toEqual([400, 'not-a-part'])
  })

  it('2.3-67 of a part of somebody else, or of none, is the same 404', async () => {
    const own = await part(PNG)
    const foreign = await part(PNG, PNG, { authorization: 'as bob' })
    const answers = [await put([own, foreign]), await put([own, '/media/tus/aaaaaaaaaaaaaaaaaaaaaa'])]
    const [first, second] = answers.map(({ status, json }) => ({ status, json: { ...json, requestId: '' } }))
    expect(first?.status).toBe(404)
    expect(second).toEqual(first)
  })

  it.each([
    ['no parts', 'final;', 'bad-upload-concat'],
    ['no semicolon', 'final', 'bad-upload-concat'],
    ['another word', 'whole;/media/tus/a', 'bad-upload-concat'],
    ['a part in capitals', 'PARTIAL', 'bad-upload-concat'],
    ['an address that is none', 'final;/media/tus/', 'bad-upload-concat'],
    ['an address with a query', 'final;/media/tus/a?b', 'bad-upload-concat'],
    ['too many parts', `final;${'/media/tus/a '.repeat(MAX_TUS_PARTS + 1)}`, 'too-many-parts'],
  ])('2.3-68 with %s is 400', async (_, concat, reason) => {
    const { status, json } = await tus.ask('/media/tus', {
      method: 'POST',
      headers: { 'upload-concat': concat },
    })
    expect([status, json['reason']]).toEqual([400, reason])
  })

  it('2.3-69 that its bytes refuse is refused, and its parts stay', async () => {
    const path = await part(Buffer.from('hello'))
    const { status, headers } = await put([path], {
      'upload-metadata': metadataOf({ filename: 'a.png', filetype: 'image/png' }),
    })
    expect([status, headers.location]).toEqual([415, undefined])
    expect((await tus.store.list()).items).toEqual([])
    expect(await tus.offset(path)).toBe(5)
  })

  it('2.3-70 needs the right to create', async () => {
    const { status } = await put(await parts(), { authorization: undefined })
    expect(status).toBe(401)
  })
})
