import { type MediaStore, memoryStore } from '@mediakeep/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { objectRouter } from './objects/object-router.ts'
import { openAccess } from './router/access.ts'
import { mediaRouter } from './router/media-router.ts'
import { memoryMedia, PNG, serve, type Wire } from './wire.fixture.ts'

const PART = { method: 'PUT', body: PNG, headers: { 'content-range': 'bytes 0-9/100' } } as const

let store: MediaStore
let wire: Wire
beforeEach(async () => {
  store = await memoryMedia()
  wire = await serve(mediaRouter(store, { access: openAccess() }))
})
afterEach(async () => {
  await wire.close()
  await store.close()
})

describe('a body with Content-Range', () => {
  it('never becomes a whole media, and leaves what was there', async () => {
    const media = await store.put(PNG, { at: { key: 'k.png' } })
    for (const [method, path] of [
      ['POST', '/'],
      ['PUT', '/k/k.png'],
      ['PUT', '/k/new.png'],
      ['PUT', `/${media.id}/content`],
    ] as const) {
      const { status, json } = await wire.ask(path, { ...PART, method })
      expect([path, status, json['code'], json['reason']]).toEqual([
        path,
        400,
        'MEDIA_BAD_INPUT',
        'content-range',
      ])
    }
    expect((await store.list()).items).toEqual([media])
  })

  it('never becomes a whole object', async () => {
    const bucket = memoryStore()
    const objects = await serve(objectRouter({ buckets: { bucket }, access: openAccess() }))
    const { status, json } = await objects.ask('/bucket/a', PART)
    expect([status, json['reason']]).toEqual([400, 'content-range'])
    expect(await bucket.head('a')).toBeUndefined()
    await objects.close()
  })
})
