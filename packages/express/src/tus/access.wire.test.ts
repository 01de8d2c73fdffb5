import type { Access } from '@mediakeep/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openAccess } from '../router/access.ts'
import { namedAccess, PNG } from '../wire.fixture.ts'
import { OFFSET_STREAM, type TusWire, tusWire } from './tus.fixture.ts'

let tus: TusWire

beforeEach(async () => {
  tus = await tusWire()
})
afterEach(() => tus.close())

const requests = (path: string): readonly (readonly [string, string])[] => [
  ['HEAD', path],
  ['PATCH', path],
  ['DELETE', path],
]
const send = (method: string, path: string, authorization: string | undefined): ReturnType<TusWire['ask']> =>
  tus.ask(path, { method, headers: { ...OFFSET_STREAM, 'upload-offset': '0', authorization } })

describe('tus: who may', () => {
  it('2.12-tus-01 begin an upload: whoever may create', async () => {
    const { status, headers } = await tus.ask('/media/tus', {
      method: 'POST',
      headers: { 'upload-length': '5', authorization: undefined },
    })
    expect([status, headers['www-authenticate']]).toEqual([401, 'Bearer'])
  })

  it('2.12-tus-02 go on with it: its owner. To others it answers as one that never was, byte for byte', async () => {
    const path = await tus.begin({ 'upload-length': '5' }, 'ab')
    const none = '/media/tus/aaaaaaaaaaaaaaaaaaaaaa'
    for (const authorization of ['as bob', undefined]) {
      for (const [method] of requests(path)) {
        const [foreign, unknown] = [
          await send(method, path, authorization),
          await send(method, none, authorization),
        ].map(({ status, headers, body }) => ({
          status,
          headers: { ...headers, date: '', 'x-request-id': '' },
          body: body.toString().replace(String(headers['x-request-id']), ''),
        }))
        expect(foreign?.status).toBe(404)
        expect(foreign).toEqual(unknown)
      }
    }
    expect(await tus.offset(path)).toBe(2)
  })

  it('2.12-tus-03 go on with it: an admin', async () => {
    const path = await tus.begin({ 'upload-length': '5' })
    expect((await send('HEAD', path, 'as !root')).status).toBe(200)
  })

  it('2.12-tus-04 what is found belongs to this door', async () => {
    const { id } = await tus.store.put(PNG, { owner: 'ann' })
    for (const [method, path] of requests(`/media/tus/${id}`)) {
      expect((await send(method, path, 'as ann')).status).toBe(404)
    }
  })

  it('2.12-tus-05 guess an address: 128 bits, none like another', async () => {
    const ids = new Set<string>()
    for (let n = 0; n < 20; n++) {
      const id = (await tus.begin({ 'upload-length': '5' })).slice('/media/tus/'.length)
      expect(id).toMatch(/^[A-Za-z0-9_-]{22,}$/)
      ids.add(id)
    }
    expect(ids.size).toBe(20)
  })

  it('2.12-tus-06 is asked again when the last byte is in: without the right nothing is kept', async () => {
    let isAllowed = true
    const { authenticate } = namedAccess()
    const access: Access = { authenticate, authorize: () => isAllowed }
    const own = await tusWire({}, { access })
    const path = await own.begin({ 'upload-length': String(PNG.length) }, PNG.subarray(0, 10))
    isAllowed = false
    const { status, json } = await own.patch(path, 10, PNG.subarray(10))
    expect([status, json['code']]).toEqual([403, 'MEDIA_DENIED'])
    expect((await own.store.list()).items).toEqual([])
    expect([404, 410]).toContain((await own.ask(path, { method: 'HEAD' })).status)
    await own.close()
  })

  it('2.12-tus-07 with open access everybody goes on with everything', async () => {
    const own = await tusWire({}, { access: openAccess() })
    const path = await own.begin({ 'upload-length': '5', authorization: undefined })
    expect((await own.ask(path, { method: 'HEAD', headers: { authorization: undefined } })).status).toBe(200)
    await own.close()
  })

  it('2.12-tus-08 what nobody in particular began, where that is allowed, goes on for whoever has its address', async () => {
    const { authenticate } = namedAccess()
    const own = await tusWire({}, { access: { authenticate, authorize: () => true } })
    const nobody = { authorization: undefined }
    const path = await own.begin({ 'upload-length': String(PNG.length), ...nobody })
    expect((await own.patch(path, 0, PNG, nobody)).status).toBe(204)
    expect((await own.ask(path, { method: 'HEAD', headers: { authorization: 'as ann' } })).status).toBe(404)
    await own.close()
  })
})

describe('tus: what is told', () => {
  it('2.12-tus-09 no failure that is reported names an upload', async () => {
    const told: unknown[] = []
    const own = await tusWire({}, { onError: (_, about) => told.push(about) })
    const path = await own.begin({ 'upload-length': '5' })
    own.store.uploads.list = () => Promise.reject(new Error('x'))
    Object.assign(own.store.uploads, { get: () => Promise.reject(new Error('the catalog is away')) })
    const { status, body } = await own.ask(path, { method: 'HEAD' })
    expect([status, body.length]).toEqual([500, 0])
    expect(told).toMatchObject([{ method: 'HEAD', path: '/tus/:uploadId' }])
    await own.close()
  })
})

describe('tus termination', () => {
  it('2.3-71 is 204, then there is nothing', async () => {
    const path = await tus.begin({ 'upload-length': '5' }, 'ab')
    const { status, body } = await tus.ask(path, { method: 'DELETE' })
    expect([status, body.length]).toEqual([204, 0])
    for (const [method] of requests(path)) {
      expect([404, 410]).toContain((await send(method, path, 'as ann')).status)
    }
  })

  it('2.3-72 of a part leaves what was made of it', async () => {
    const part = await tus.begin({ 'upload-concat': 'partial', 'upload-length': String(PNG.length) }, PNG)
    const whole = await tus.begin({ 'upload-concat': `final;${part}` })
    expect((await tus.ask(part, { method: 'DELETE' })).status).toBe(204)
    expect(await tus.offset(whole)).toBe(PNG.length)
    expect((await tus.store.list()).items).toHaveLength(1)
  })

  it('2.3-73 of an upload that is complete takes its media along', async () => {
    const path = await tus.begin({ 'upload-length': String(PNG.length) }, PNG)
    expect((await tus.ask(path, { method: 'DELETE' })).status).toBe(204)
    for (const [method] of requests(path)) {
      expect([404, 410]).toContain((await send(method, path, 'as ann')).status)
    }
    expect((await tus.store.list()).items).toEqual([])
  })

  it('2.3-73 of an upload that is complete needs the right to delete its media', async () => {
    const { authenticate } = namedAccess()
    const own = await tusWire(
      {},
      { access: { authenticate, authorize: ({ action }) => action !== 'delete' } },
    )
    const path = await own.begin({ 'upload-length': String(PNG.length) }, PNG)
    expect((await own.ask(path, { method: 'DELETE' })).status).toBe(403)
    expect(await own.offset(path)).toBe(PNG.length)
    expect((await own.store.list()).items).toHaveLength(1)
    await own.close()
  })

  it('2.3-73 an upload whose media was deleted is gone', async () => {
    const path = await tus.begin({ 'upload-length': String(PNG.length) }, PNG)
    const { items } = await tus.store.list()
    await tus.store.delete(items[0]?.id ?? '')
    for (const [method] of requests(path)) expect((await send(method, path, 'as ann')).status).toBe(410)
  })
})
