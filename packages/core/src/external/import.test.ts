import { describe, expect, it } from 'vitest'
import { imported, keysOf, mediaAt, reconciled, TIER, withForeign } from '../media-store/external.fixture.ts'
import { bytesOf } from '../media-store/store.fixture.ts'
import { memoryCatalog } from '../memory/catalog/index.ts'
import { foreignBucket } from './foreign-bucket.fixture.ts'

describe('importObjects()', () => {
  it('makes media by the listing alone: no object is asked for, and nothing is written', async () => {
    const { store, bucket } = await withForeign({ foreign: { pageObjects: 3 } })
    for (let n = 0; n < 10; n++) bucket.put(`photos/${n}.jpg`, `bytes ${n}`)
    bucket.attempts.splice(0)
    const progress = await imported(store, { owner: 'ann', visibility: 'public' })
    expect(progress).toEqual({
      listed: 10,
      bytes: 70,
      registered: 10,
      replaced: 0,
      unchanged: 0,
      taken: 0,
      refused: 0,
      refusedKeys: [],
    })
    expect(bucket.attempts.map((attempt) => attempt.class)).toEqual(Array(4).fill('list'))
    expect(bucket.attempts.every(({ cause }) => cause === 'import')).toBe(true)
    const media = await mediaAt(store, 'photos/7.jpg')
    expect(media).toMatchObject({
      sizeBytes: 7,
      contentType: 'image/jpeg',
      filename: '7.jpg',
      owner: 'ann',
      visibility: 'public',
      state: 'active',
    })
    expect(media.digest).toBeUndefined()
    expect((await bytesOf(store, { key: 'photos/7.jpg' })).toString()).toBe('bytes 7')
  })

  it('is repeatable and can be ended at any page: what is known stays, the rest follows', async () => {
    const { store, bucket } = await withForeign({ foreign: { pageObjects: 2 } })
    for (let n = 0; n < 7; n++) bucket.put(`${n}`, `${n}`)
    for await (const { registered } of store.tiers.importObjects({ tier: TIER })) if (registered >= 4) break
    expect(await keysOf(store)).toEqual(['0', '1', '2', '3'])
    const first = await mediaAt(store, '0')
    expect(await imported(store)).toMatchObject({ listed: 7, registered: 3, unchanged: 4 })
    expect(await imported(store)).toMatchObject({ listed: 7, registered: 0, unchanged: 7 })
    expect(await mediaAt(store, '0')).toEqual(first)
  })

  it('ends at once when it is aborted, with the reason', async () => {
    const { store, bucket } = await withForeign({ foreign: { pageObjects: 1 } })
    for (let n = 0; n < 5; n++) bucket.put(`${n}`, `${n}`)
    const ending = new AbortController()
    const reason = new Error('enough')
    const importing = async () => {
      for await (const _ of store.tiers.importObjects({ tier: TIER, signal: ending.signal }))
        ending.abort(reason)
    }
    await expect(importing()).rejects.toBe(reason)
    expect(await keysOf(store)).toEqual(['0'])
  })

  it('names that no media may have are counted and told, and the others are taken', async () => {
    const { store, bucket } = await withForeign()
    const bad = ['folder/', 'a//b', '../up', 'x\\y', 'a%2fb', 'line\nbreak', 'k'.repeat(1_025)]
    for (const key of [...bad, 'good.png']) bucket.put(key, 'x')
    const progress = await imported(store)
    expect(progress).toMatchObject({ listed: 8, registered: 1, refused: 7 })
    expect([...progress.refusedKeys].sort()).toEqual([...bad].sort())
    expect(await keysOf(store)).toEqual(['good.png'])
  })

  it('pieces of bodies on their way in to a store of ours in that bucket are no media', async () => {
    const { store, bucket } = await withForeign()
    bucket.put(`mk-partials/session/0/${'0'.repeat(16)}-0000000001`, 'x')
    bucket.put('mk-partials/of-theirs.png', 'x')
    expect(await imported(store)).toMatchObject({ listed: 1, registered: 1 })
    expect(await keysOf(store)).toEqual(['mk-partials/of-theirs.png'])
    expect(await reconciled(store)).toMatchObject({ unchanged: 1, registered: 0, missing: 0 })
  })

  it('a key that another media has is left alone, and the media too', async () => {
    const { store, bucket } = await withForeign()
    const mine = await store.put(Buffer.from('mine'), { at: { key: 'a' } })
    bucket.put('a', 'theirs')
    expect(await imported(store)).toMatchObject({ registered: 0, taken: 1 })
    expect((await bytesOf(store, { key: 'a' })).toString()).toBe('mine')
    expect((await mediaAt(store, 'a')).id).toBe(mine.id)
  })

  it('prefix and keyOf choose what becomes media, and under which key', async () => {
    const { store, bucket } = await withForeign()
    for (const key of ['a/1.png', 'a/2.png', 'a/secret', 'b/3.png']) bucket.put(key, key)
    const progress = await imported(store, {
      prefix: 'a/',
      keyOf: (key) => (key.endsWith('.png') ? key.slice(2) : undefined),
    })
    expect(progress).toMatchObject({ listed: 3, registered: 2, refused: 1, refusedKeys: ['a/secret'] })
    expect(await keysOf(store)).toEqual(['1.png', '2.png'])
    expect((await bytesOf(store, { key: '1.png' })).toString()).toBe('a/1.png')
  })

  it('names are cleaned for people, and types come from the name where the store says none', async () => {
    const { store, bucket } = await withForeign()
    bucket.put('dir/ab:c.png', 'x')
    bucket.put('dir/unknown', 'x')
    await imported(store)
    expect(await mediaAt(store, 'dir/ab:c.png')).toMatchObject({
      filename: 'ab_c.png',
      contentType: 'image/png',
    })
    expect(await mediaAt(store, 'dir/unknown')).toMatchObject({ contentType: 'application/octet-stream' })
  })

  it('only external tiers are imported, and only into the namespace that the tier names', async () => {
    const { store } = await withForeign({ imports: { namespace: 'media' } })
    await expect(imported(store, { tier: 'disk' })).rejects.toMatchObject({ reason: 'not-external' })
    await expect(imported(store, { tier: 'none' })).rejects.toMatchObject({ reason: 'not-external' })
    await expect(imported(store)).rejects.toMatchObject({ reason: 'other-namespace' })
    await expect(store.tiers.hint({ tier: TIER, key: 'a' })).rejects.toMatchObject({
      reason: 'other-namespace',
    })
    expect(await imported(store.in('media'))).toMatchObject({ listed: 0 })
  })

  it('calls that say nothing else use what the tier says', async () => {
    const imports = {
      owner: 'ann',
      visibility: 'public',
      prefix: 'p/',
      keyOf: (key: string) => `m/${key}`,
    } as const
    const { store, bucket } = await withForeign({ imports })
    bucket.put('p/a', 'x')
    bucket.put('q/b', 'x')
    expect(await imported(store)).toMatchObject({ listed: 1, registered: 1 })
    expect(await mediaAt(store, 'm/p/a')).toMatchObject({ owner: 'ann', visibility: 'public' })
    expect(await reconciled(store)).toMatchObject({ unchanged: 1, registered: 0, missing: 0 })
  })

  it('imports on a tier that is ours make no store', async () => {
    const bucket = foreignBucket()
    await expect(
      withForeign({
        bucket,
        tiers: [{ name: 'disk', store: bucket.store, imports: {} }],
        catalog: memoryCatalog(),
      }),
    ).rejects.toMatchObject({ reason: 'bad-composition' })
  })
})
