import { describe, expect, it } from 'vitest'
import {
  imported,
  keysOf,
  mediaAt,
  reconciled,
  untilTrue,
  withForeign,
} from '../media-store/external.fixture.ts'
import { bytesOf } from '../media-store/store.fixture.ts'
import { createMemoryTables, memoryCatalog } from '../memory/catalog/index.ts'
import { systemClock } from '../time/clock.ts'

const ORDERS = ['key', 'none'] as const

describe.each(ORDERS)('reconcile() of a store that lists in the order: %s', (listOrder) => {
  const open = (pageObjects = 3) => withForeign({ foreign: { listOrder, pageObjects } })

  it('registers new objects, replaces changed ones, forgets those that are gone, and leaves the rest', async () => {
    const { store, bucket } = await open()
    for (const key of ['😀', '～', 'b', 'B', 'a/1', 'a', 'ä', 'gone', 'z']) bucket.put(key, key)
    await imported(store)
    const kept = await mediaAt(store, 'b')
    const changing = await mediaAt(store, '～')
    await store.update(changing.id, { tags: ['kept'] })
    bucket.put('～', 'other bytes', 'image/webp')
    bucket.delete('gone')
    bucket.delete('z')
    bucket.put('a/0', 'new')
    bucket.put('zz', 'new')
    expect(await reconciled(store)).toEqual({
      listed: 9,
      bytes: expect.any(Number),
      registered: 2,
      replaced: 1,
      unchanged: 6,
      taken: 0,
      refused: 0,
      refusedKeys: [],
      missing: 2,
      forgotten: 2,
    })
    expect(await keysOf(store)).toEqual(['😀', '～', 'b', 'B', 'a/1', 'a', 'ä', 'a/0', 'zz'].sort())
    expect(await mediaAt(store, 'b')).toEqual(kept)
    expect(await mediaAt(store, '～')).toMatchObject({
      id: changing.id,
      contentNumber: 2,
      contentType: 'image/webp',
      tags: ['kept'],
    })
    expect((await bytesOf(store, { key: '～' })).toString()).toBe('other bytes')
    expect(await reconciled(store)).toMatchObject({ unchanged: 9, registered: 0, replaced: 0, missing: 0 })
    expect(bucket.writes).toEqual([])
  })

  it('in step, it costs the listing and no look at any object', async () => {
    const { store, bucket } = await open()
    for (let n = 0; n < 9; n++) bucket.put(`${n}`, `${n}`)
    await imported(store)
    bucket.attempts.splice(0)
    await reconciled(store)
    expect(bucket.attempts.map((attempt) => [attempt.class, attempt.cause])).toEqual(
      Array(3).fill(['list', 'reconcile']),
    )
  })

  it('says nothing of what is outside the prefix', async () => {
    const { store, bucket } = await open()
    for (const key of ['a', 'b/1', 'b/2', 'c']) bucket.put(key, key)
    await imported(store)
    for (const key of ['a', 'b/1', 'c']) bucket.delete(key)
    expect(await reconciled(store, { prefix: 'b/' })).toMatchObject({ listed: 1, missing: 1, forgotten: 1 })
    expect(await keysOf(store)).toEqual(['a', 'b/2', 'c'])
  })

  it('a listing that fails on its way forgets nothing', async () => {
    const { store, bucket } = await open()
    for (let n = 0; n < 9; n++) bucket.put(`${n}`, `${n}`)
    await imported(store)
    bucket.delete('1')
    let pages = 0
    bucket.before = (call) => {
      if (call === 'list' && ++pages === 3) bucket.isDown = true
    }
    await expect(reconciled(store)).rejects.toMatchObject({ code: 'MEDIA_UNAVAILABLE' })
    expect(await keysOf(store)).toHaveLength(9)
    bucket.isDown = false
    bucket.before = undefined
    expect(await reconciled(store)).toMatchObject({ forgotten: 1 })
  })

  it('an object that is there when it is asked for by itself stays, whatever the listing said', async () => {
    const { store, bucket } = await open()
    for (const key of ['a', 'b', 'c']) bucket.put(key, key)
    await imported(store)
    const { id } = await mediaAt(store, 'b')
    bucket.delete('b')
    bucket.before = (call, key) => {
      if (call === 'head' && key === 'b') bucket.put('b', 'b')
    }
    expect(await reconciled(store)).toMatchObject({ missing: 1, forgotten: 0 })
    expect((await mediaAt(store, 'b')).id).toBe(id)
  })
})

describe('reconcile()', () => {
  it('a volume that is another one, before or after the listing, forgets nothing', async () => {
    const { store, bucket } = await withForeign()
    bucket.put('a', 'x')
    await imported(store)
    bucket.delete('a')
    bucket.isOther = true
    await expect(reconciled(store)).rejects.toMatchObject({ reason: 'volume-offline' })
    bucket.isOther = false
    bucket.before = (call) => {
      if (call === 'list') bucket.isOther = true
    }
    await expect(reconciled(store)).rejects.toMatchObject({ code: 'MEDIA_UNAVAILABLE' })
    bucket.isOther = false
    bucket.before = (call) => {
      if (call === 'head') bucket.isOther = true
    }
    await expect(reconciled(store)).rejects.toMatchObject({ code: 'MEDIA_UNAVAILABLE' })
    expect(await keysOf(store)).toEqual(['a'])
  })

  it('brakes before anything goes when much is not listed, and goes on when it is forced', async () => {
    const { store, bucket } = await withForeign()
    for (let n = 0; n < 400; n++) bucket.put(`${n}`, `${n}`)
    await imported(store)
    for (let n = 0; n < 100; n++) bucket.delete(`${n}`)
    bucket.attempts.splice(0)
    await expect(reconciled(store)).rejects.toMatchObject({
      code: 'MEDIA_CONFLICT',
      reason: 'reconcile-brake',
      retryable: false,
    })
    expect(bucket.count('head')).toBe(0)
    expect(await keysOf(store)).toHaveLength(400)
    expect(await reconciled(store, { force: true })).toMatchObject({ missing: 100, forgotten: 100 })
    expect(await keysOf(store)).toHaveLength(300)
    for (let n = 100; n < 150; n++) bucket.delete(`${n}`)
    expect(await reconciled(store)).toMatchObject({ forgotten: 50 })
  })

  it('a media whose object is gone goes also where others have the same bytes, and in a copy of ours', async () => {
    const { store, bucket, events } = await withForeign()
    bucket.put('one', 'same bytes')
    bucket.put('two', 'same bytes')
    await imported(store)
    for (const key of ['one', 'two', 'two']) await bytesOf(store, { key })
    const { digest, id } = await mediaAt(store, 'two')
    expect((await mediaAt(store, 'one')).digest).toBe(digest)
    bucket.delete('two')
    expect(await reconciled(store)).toMatchObject({ missing: 1, forgotten: 1, unchanged: 1 })
    expect(await keysOf(store)).toEqual(['one'])
    expect(events.filter(({ type }) => type === 'media.deleted')).toMatchObject([{ mediaId: id }])
    expect((await bytesOf(store, { key: 'one' })).toString()).toBe('same bytes')
  })

  it('what was put at the key of an object stays when the object goes', async () => {
    const { store, bucket } = await withForeign()
    bucket.put('a', 'theirs')
    await imported(store)
    await store.put(Buffer.from('ours'), { at: { key: 'a' } })
    bucket.delete('a')
    await reconciled(store)
    expect((await bytesOf(store, { key: 'a' })).toString()).toBe('ours')
  })

  it('a media that was deleted stays away until its object is another one', async () => {
    const { store, bucket } = await withForeign()
    bucket.put('a', 'one')
    await imported(store)
    await store.delete({ key: 'a' })
    expect(await reconciled(store)).toMatchObject({ unchanged: 1, registered: 0 })
    expect(await store.tiers.hint({ tier: 'theirs', key: 'a' })).toBe('unchanged')
    expect(await imported(store)).toMatchObject({ unchanged: 1 })
    expect(await keysOf(store)).toEqual([])
    bucket.put('a', 'two')
    expect(await reconciled(store)).toMatchObject({ registered: 1 })
    expect((await bytesOf(store, { key: 'a' })).toString()).toBe('two')
  })

  it('a deleted media whose object went and came again is a new media', async () => {
    const { store, bucket } = await withForeign()
    bucket.put('a', 'one')
    await imported(store)
    await store.delete({ key: 'a' })
    bucket.delete('a')
    expect(await reconciled(store)).toMatchObject({ missing: 1, forgotten: 1 })
    bucket.put('a', 'one')
    expect(await reconciled(store)).toMatchObject({ registered: 1 })
  })

  it('tells of media that came, changed and went', async () => {
    const { store, bucket, events } = await withForeign()
    bucket.put('a', 'one')
    await reconciled(store)
    const { id } = await mediaAt(store, 'a')
    bucket.put('a', 'two')
    await reconciled(store)
    bucket.delete('a')
    await reconciled(store)
    expect(events.filter(({ type }) => type.startsWith('media.'))).toMatchObject([
      { type: 'media.created', mediaId: id, revision: 1 },
      { type: 'media.replaced', mediaId: id, revision: 2 },
      { type: 'media.deleted', mediaId: id },
    ])
  })

  it('two at once end in what the store has', async () => {
    const tables = createMemoryTables()
    const one = await withForeign({ catalog: memoryCatalog({ tables }) })
    const other = await withForeign({ catalog: memoryCatalog({ tables }), bucket: one.bucket })
    const { bucket } = one
    for (let round = 0; round < 5; round++) {
      for (let n = 0; n < 40; n++) {
        if ((n + round) % 3 === 0) bucket.delete(`${n}`)
        else bucket.put(`${n}`, `${n} ${round % 2}`)
      }
      await Promise.all([reconciled(one.store), reconciled(other.store)])
      const there = Array.from({ length: 40 }, (_, n) => n).filter((n) => (n + round) % 3 !== 0)
      expect(await keysOf(one.store)).toEqual(there.map(String).sort())
      for (const n of there)
        expect((await bytesOf(one.store, { key: `${n}` })).toString()).toBe(`${n} ${round % 2}`)
    }
  })
})

describe('in the background', () => {
  async function rounds(given: { readonly reconcileEveryMs?: number; readonly imports?: boolean } = {}) {
    let nowMs = systemClock.now()
    const due: { readonly ms: number; run(): void }[] = []
    const clock = {
      ...systemClock,
      now: () => nowMs,
      after(ms: number, run: () => void) {
        const one = { ms, run }
        due.push(one)
        return () => void due.splice(due.indexOf(one), due.includes(one) ? 1 : 0)
      },
    }
    const { reconcileEveryMs, imports = true } = given
    const all = await withForeign({
      clock,
      upkeep: { intervalMs: 1_000_000 },
      ...(imports ? { imports: {} } : {}),
      ...(reconcileEveryMs === undefined ? {} : { tiering: { reconcileEveryMs } }),
    })
    const round = async (afterMs: number): Promise<void> => {
      nowMs += afterMs
      const next = due.find(({ ms }) => ms === 1_000_000)
      if (next === undefined) throw new Error('no round is due')
      due.splice(due.indexOf(next), 1)
      next.run()
      await untilTrue(() => due.some(({ ms }) => ms === 1_000_000))
    }
    return { ...all, round }
  }

  it('a tier that says how its objects become media is reconciled after an hour, and then once a day', async () => {
    const { store, bucket, round } = await rounds()
    bucket.put('a', 'x')
    await round(59 * 60_000)
    expect(bucket.count('list')).toBe(0)
    await round(60_000)
    expect(await keysOf(store)).toEqual(['a'])
    await round(23 * 60 * 60_000)
    expect(bucket.count('list')).toBe(1)
    await round(60 * 60_000)
    expect(bucket.count('list')).toBe(2)
  })

  it('one that does not say it never is, and none is where it is switched off', async () => {
    for (const given of [{ imports: false }, { reconcileEveryMs: 0 }]) {
      const { bucket, round } = await rounds(given)
      await round(100 * 60 * 60_000)
      expect(bucket.count('list')).toBe(0)
    }
  })

  it('a store that is away is told and tried again the next time', async () => {
    const { store, bucket, round, events } = await rounds({ reconcileEveryMs: 1_000 })
    bucket.put('a', 'x')
    bucket.isDown = true
    await round(1_000)
    expect(events).toContainEqual(expect.objectContaining({ type: 'upkeep.failed', task: 'reconcile' }))
    bucket.isDown = false
    await round(10_000)
    expect(await keysOf(store)).toEqual(['a'])
  })
})
