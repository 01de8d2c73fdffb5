import { beforeEach, describe, expect, it } from 'vitest'
import type { Media } from '../contracts/media.ts'
import type { MediaStore } from '../contracts/media-store.ts'
import { fixture, small } from './store.fixture.ts'

/** Values as plain JavaScript may give them: a parameter of a route that is not there, a field of a parsed body. */
const loose = (value: unknown) => value as never
const NO_TEXTS: readonly unknown[] = [undefined, null, 5, {}, ['x']]

let store: MediaStore
let media: Media
beforeEach(async () => {
  ;({ store } = await fixture())
  media = await store.put(small, { at: { key: 'k' }, owner: 'ann', tags: ['t'] })
})

const refusal = (reason: string) => ({ code: 'MEDIA_BAD_INPUT', reason })

describe('values of other types than the contract says', () => {
  it.each(NO_TEXTS)('in(%j) is no namespace: a tenant that is not known does not become one', (name) => {
    expect(() => store.in(loose(name))).toThrow(expect.objectContaining(refusal('bad-namespace')))
  })

  const calls: Readonly<Record<string, (ref: never) => Promise<unknown>>> = {
    stat: (ref) => store.stat(ref),
    open: (ref) => store.open(ref),
    update: (ref) => store.update(ref, { tags: [] }),
    delete: (ref) => store.delete(ref),
    availability: (ref) => store.availability(ref),
    warm: (ref) => store.warm(ref),
    link: (ref) => store.link(ref, { kind: 'a', target: 'b' }),
    url: (ref) => store.url(ref, { expiresAt: new Date(Date.now() + 60_000) }),
  }
  it.each(Object.keys(calls))('%s() refuses what names no media', async (call) => {
    for (const ref of NO_TEXTS)
      await expect(calls[call]?.(loose(ref))).rejects.toMatchObject(refusal('bad-id'))
    for (const key of NO_TEXTS)
      await expect(calls[call]?.(loose({ key }))).rejects.toMatchObject(refusal('bad-key'))
    expect(await store.stat(media.id)).toEqual(media)
  })

  it.each([
    ['bad-owner', { owner: 5 }],
    ['invalid-filename', { filename: 5 }],
    ['bad-content-type', { contentType: 5 }],
    ['bad-idempotency-key', { idempotencyKey: 5 }],
    ['bad-link', { links: 'a:b' }],
    ['bad-id', { at: null }],
  ])('put() refuses them: %s', async (reason, options) => {
    await expect(store.put(small, loose(options))).rejects.toMatchObject(refusal(reason))
    expect((await store.list()).items).toEqual([media])
  })

  it.each([
    ['bad-owner', { owner: null }],
    ['invalid-filename', { filename: null }],
    ['bad-link', { links: 'a:b' }],
  ])('update() refuses them: %s', async (reason, change) => {
    await expect(store.update(media.id, loose(change))).rejects.toMatchObject(refusal(reason))
    expect(await store.stat(media.id)).toEqual(media)
  })

  it.each([
    { owner: ['ann'] },
    { tag: ['t'] },
    { key: 5 },
    { q: 5 },
    { state: 'actve' },
    { type: 'image' },
    { type: '*' },
    { type: 5 },
    { createdAfter: '2020-01-01' },
    { createdBefore: new Date(Number.NaN) },
    { createdAfter: 0 },
  ])('list() and listAll() refuse a filter that is none: %j', async (query) => {
    await expect(store.list(loose(query))).rejects.toMatchObject(refusal('bad-query'))
    const all = store.listAll(loose(query))[Symbol.asyncIterator]()
    await expect(all.next()).rejects.toMatchObject(refusal('bad-query'))
  })

  it('list() and linked() refuse a link that is none', async () => {
    await expect(store.list(loose({ link: 'a:b' }))).rejects.toMatchObject(refusal('bad-link'))
    await expect(store.linked(loose('a:b'))).rejects.toMatchObject(refusal('bad-link'))
  })

  it('list() compares types in lower case, as records hold them', async () => {
    const type = media.contentType.toUpperCase()
    expect((await store.list({ type })).items).toEqual([media])
  })

  it.each([undefined, {}, { max: 5 }, { maxBytes: '5' }, { maxBytes: Number.NaN }])(
    'bytes(%j) of a reader is refused: without a limit it would gather a film',
    async (options) => {
      const large = await store.put(Buffer.alloc(200_000, 'text '))
      for (const { id } of [media, large]) {
        const reader = await store.open(id)
        await expect(reader.bytes(loose(options))).rejects.toMatchObject(refusal('bad-limit'))
        await reader[Symbol.asyncDispose]()
      }
    },
  )
})
