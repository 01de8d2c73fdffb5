import { createHash, randomBytes } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import type { Catalog } from '../contracts/catalog.ts'
import type { Scanner } from '../contracts/scanner.ts'
import { MediaError } from '../errors/media-error.ts'
import { etagOfDigest } from '../http/etag.ts'
import { entityOf, planRead } from '../http/read-plan.ts'
import { imported, keysOf, mediaAt, TIER, untilTrue, withForeign } from '../media-store/external.fixture.ts'
import { bytesOf } from '../media-store/store.fixture.ts'
import { memoryCatalog } from '../memory/catalog/index.ts'

const digestOf = (bytes: Buffer): `sha256:${string}` =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`

describe('an imported media', () => {
  it('has a digest after it was read whole for the first time, and the second read makes a copy that serves', async () => {
    const { store, bucket, disk } = await withForeign()
    const bytes = randomBytes(300_000)
    bucket.put('a', bytes)
    await imported(store)
    expect((await bytesOf(store, { key: 'a' })).equals(bytes)).toBe(true)
    const media = await mediaAt(store, 'a')
    expect(media).toMatchObject({ digest: digestOf(bytes), revision: 1, contentNumber: 1 })
    expect(disk.volume.usedBytes).toBe(0)
    expect((await bytesOf(store, { key: 'a' })).equals(bytes)).toBe(true)
    await untilTrue(async () => (await store.availability({ key: 'a' })).state === 'ready')
    bucket.attempts.splice(0)
    await using reader = await store.open({ key: 'a' })
    expect(reader.tier).toBe('disk')
    expect(bytes.equals(await reader.bytes({ maxBytes: 1e6 }))).toBe(true)
    expect(bucket.attempts).toEqual([])
    expect(bucket.writes).toEqual([])
  })

  it('is looked at by itself when its digest is learned, and held at once where its bytes are known as bad', async () => {
    let looks = 0
    const scanner: Scanner = {
      name: 'words',
      async scan(source) {
        looks += 1
        const isBad = (await buffer(source.open())).includes('worm')
        const about = { engine: 'words', database: '1' }
        return isBad ? { verdict: 'infected', signature: 'worm', ...about } : { verdict: 'clean', ...about }
      },
      close: async () => {},
    }
    const { store, bucket } = await withForeign({ scanner })
    for (const key of ['good', 'bad', 'same']) bucket.put(key, key === 'good' ? 'a note' : 'a worm')
    await imported(store)
    const stateOf = async (key: string): Promise<string> => (await mediaAt(store, key)).state
    await bytesOf(store, { key: 'good' })
    await bytesOf(store, { key: 'bad' })
    await untilTrue(async () => (await stateOf('bad')) === 'quarantined')
    await untilTrue(async () => looks === 2)
    expect(await stateOf('good')).toBe('active')
    await bytesOf(store, { key: 'same' }).catch(() => {})
    await untilTrue(async () => (await stateOf('same')) === 'quarantined')
    expect(looks).toBe(2)
    expect(bucket.writes).toEqual([])
  })

  it('is brought to a serving tier by warm also when nobody has read it yet', async () => {
    const { store, bucket } = await withForeign()
    const bytes = randomBytes(100_000)
    bucket.put('a', bytes)
    await imported(store)
    for (let times = 0; times < 3; times++) await store.warm({ key: 'a' })
    await untilTrue(async () => (await store.availability({ key: 'a' })).state === 'ready')
    expect((await bytesOf(store, { key: 'a' })).equals(bytes)).toBe(true)
    expect(bucket.count('get')).toBe(2)
  })

  it('is learned when its bytes pass in any way, and not when they do not all pass', async () => {
    const { store, bucket } = await withForeign()
    const bytes = randomBytes(200_000)
    for (const key of ['range', 'broken', 'stream', 'web', 'empty'])
      bucket.put(key, key === 'empty' ? Buffer.alloc(0) : Buffer.concat([bytes, Buffer.from(key)]))
    await imported(store)
    const half = await store.open({ key: 'range' }, { range: { start: 0, endExclusive: 100_000 } })
    expect(bytes.subarray(0, 100_000).equals(await half.bytes({ maxBytes: 1e6 }))).toBe(true)
    const broken = await store.open({ key: 'broken' })
    broken.stream().destroy()
    await broken[Symbol.asyncDispose]()
    await (await store.open({ key: 'stream' })).stream().toArray()
    for await (const _ of (await store.open({ key: 'web' })).web()) continue
    expect(await bytesOf(store, { key: 'empty' })).toHaveLength(0)
    expect((await mediaAt(store, 'range')).digest).toBeUndefined()
    expect((await mediaAt(store, 'broken')).digest).toBeUndefined()
    for (const key of ['stream', 'web', 'empty'])
      expect((await mediaAt(store, key)).digest, key).toMatch(/^sha256:/)
  })

  it('ranges are checked by the sums that were learned', async () => {
    const { store, bucket } = await withForeign({ tiering: { promotion: { reads: 0 } } })
    const bytes = randomBytes(300_000)
    bucket.put('a', bytes)
    await imported(store)
    await bytesOf(store, { key: 'a' })
    const range = { start: 70_000, endExclusive: 140_000 }
    const read = async () =>
      Buffer.from(await (await store.open({ key: 'a' }, { range })).bytes({ maxBytes: 1e6 }))
    expect((await read()).equals(bytes.subarray(70_000, 140_000))).toBe(true)
    const flipped = Buffer.from(bytes)
    flipped[100_000] = (flipped[100_000] ?? 0) ^ 1
    const head = await bucket.store.head('a')
    bucket.put('a', flipped)
    Object.assign((await bucket.store.head('a')) ?? {}, { etag: head?.etag })
    await expect(read()).rejects.toMatchObject({ code: 'MEDIA_CORRUPT' })
    bucket.put('a', bytes)
    expect((await read()).equals(bytes.subarray(70_000, 140_000)), 'it was not condemned').toBe(true)
  })

  it('equal objects share one copy of ours, and what was put shares none with them', async () => {
    const { store, bucket, disk } = await withForeign()
    const bytes = randomBytes(50_000)
    bucket.put('a', bytes)
    bucket.put('b', bytes)
    await imported(store)
    for (const key of ['a', 'b', 'a', 'b', 'a', 'b']) await bytesOf(store, { key })
    await untilTrue(async () => (await store.availability({ key: 'b' })).state === 'ready')
    expect(disk.volume.usedBytes).toBe(50_000)
    const mine = await store.put(bytes)
    expect(disk.volume.usedBytes).toBe(100_000)
    bucket.delete('a')
    bucket.delete('b')
    for (const key of ['a', 'b']) expect(await store.tiers.hint({ tier: TIER, key })).toBe('forgotten')
    for await (const _ of store.upkeep.collectGarbage({ graceMs: 0 })) continue
    expect(disk.volume.usedBytes).toBe(50_000)
    expect((await bytesOf(store, mine.id)).equals(bytes)).toBe(true)
  })

  it('a catalog that cannot be asked does not end the read, and the next one learns', async () => {
    const inner = memoryCatalog()
    let isAway = true
    const catalog: Catalog = {
      ...inner,
      async learnDigest(...given) {
        if (isAway) throw new MediaError('MEDIA_UNAVAILABLE', 'the catalog is away', { reason: 'connection' })
        return inner.learnDigest(...given)
      },
    }
    const { store, bucket, events } = await withForeign({ catalog })
    bucket.put('a', 'bytes')
    await imported(store)
    expect((await bytesOf(store, { key: 'a' })).toString()).toBe('bytes')
    expect(events).toContainEqual(expect.objectContaining({ type: 'upkeep.failed', task: 'learn-digest' }))
    expect((await mediaAt(store, 'a')).digest).toBeUndefined()
    isAway = false
    await bytesOf(store, { key: 'a' })
    expect((await mediaAt(store, 'a')).digest).toMatch(/^sha256:/)
  })

  it('two first reads that get other bytes of the same object: one of them never ends', async () => {
    const { store, bucket, events } = await withForeign()
    bucket.put('a', 'bytes')
    await imported(store)
    const one = await store.open({ key: 'a' })
    const { etag } = (await bucket.store.head('a')) ?? {}
    bucket.put('a', 'bytez')
    Object.assign((await bucket.store.head('a')) ?? {}, { etag })
    const other = await store.open({ key: 'a' })
    expect(Buffer.from(await one.bytes({ maxBytes: 10 })).toString()).toBe('bytes')
    await expect(other.bytes({ maxBytes: 10 })).rejects.toMatchObject({ code: 'MEDIA_CORRUPT' })
    expect(events).toContainEqual(expect.objectContaining({ type: 'blob.corrupt', key: 'a' }))
  })
})

describe('an object that was changed since it was registered', () => {
  for (const learned of [false, true]) {
    it(`is never served as the old content: the read fails, and the next has the new one (digest ${learned ? '' : 'not '}known)`, async () => {
      const { store, bucket } = await withForeign({ tiering: { promotion: { reads: 0 } } })
      bucket.put('a', 'old bytes')
      await imported(store)
      if (learned) await bytesOf(store, { key: 'a' })
      const old = await mediaAt(store, 'a')
      bucket.put('a', 'new bytes')
      const failure = { code: 'MEDIA_NOT_READY', reason: 'object-changed', retryable: true }
      await expect(store.open({ key: 'a' })).rejects.toMatchObject(failure)
      await untilTrue(async () => (await mediaAt(store, 'a')).contentNumber === 2)
      expect((await bytesOf(store, { key: 'a' })).toString()).toBe('new bytes')
      await expect(store.open(old)).rejects.toMatchObject({ code: 'MEDIA_GONE' })
      await expect(store.open(structuredClone({ ...old }))).rejects.toMatchObject({ code: 'MEDIA_GONE' })
      expect(await mediaAt(store, 'a')).toMatchObject({ id: old.id })
    })
  }

  it('a range of it is not served either', async () => {
    const { store, bucket } = await withForeign()
    bucket.put('a', 'old bytes')
    await imported(store)
    bucket.put('a', 'new bytes')
    await expect(store.open({ key: 'a' }, { range: { start: 0, endExclusive: 3 } })).rejects.toMatchObject({
      reason: 'object-changed',
    })
  })

  it('one that is gone is not ready, and then absent', async () => {
    const { store, bucket, events } = await withForeign()
    bucket.put('a', 'bytes')
    await imported(store)
    bucket.delete('a')
    await expect(store.open({ key: 'a' })).rejects.toMatchObject({ reason: 'object-changed' })
    await untilTrue(async () => (await keysOf(store)).length === 0)
    await expect(store.open({ key: 'a' })).rejects.toMatchObject({ code: 'MEDIA_ABSENT' })
    expect(events.filter(({ type }) => type === 'blob.corrupt')).toEqual([])
  })

  it('is looked at under the key that the import gave it', async () => {
    const { store, bucket } = await withForeign()
    bucket.put('a', 'old')
    await imported(store, { keyOf: (key) => `their/${key}` })
    bucket.put('a', 'new')
    await expect(store.open({ key: 'their/a' })).rejects.toMatchObject({ reason: 'object-changed' })
    await untilTrue(async () => (await mediaAt(store, 'their/a')).contentNumber === 2)
    expect(await keysOf(store)).toEqual(['their/a'])
  })

  it('is not copied to a tier of ours', async () => {
    const { store, bucket, disk } = await withForeign()
    bucket.put('a', randomBytes(1_000))
    await imported(store)
    await bytesOf(store, { key: 'a' })
    bucket.put('a', randomBytes(1_000))
    await store.warm({ key: 'a' })
    await untilTrue(async () => (await store.availability({ key: 'a' })).state !== 'loading')
    expect(disk.volume.usedBytes).toBe(0)
  })
})

describe('etags of imported media', () => {
  const options = { nowMs: Date.now() }
  const headersOf = (headers: Record<string, string>) => ({ method: 'GET', headers })
  const etagIn = (list: readonly string[]): string => list[list.indexOf('ETag') + 1] ?? ''

  it('are strong from the start, differ for different bytes, and are those of the digest once it is known', async () => {
    const { store, bucket } = await withForeign({ tiering: { promotion: { reads: 0 } } })
    bucket.put('a', 'same size 1')
    await imported(store)
    const before = await mediaAt(store, 'a')
    const first = await store.open({ key: 'a' })
    expect(first.etag).toBe(before.etag)
    expect(before.etag).toMatch(/^object-[\w-]{43}$/)
    await first.bytes({ maxBytes: 100 })
    const after = await mediaAt(store, 'a')
    expect(after.etag).toBeUndefined()
    await using second = await store.open({ key: 'a' })
    expect(second.etag).toBe(etagOfDigest(after.digest ?? 'sha256:'))
    bucket.put('a', 'same size 2')
    await store.tiers.hint({ tier: TIER, key: 'a' })
    const changed = await mediaAt(store, 'a')
    expect(changed.etag).toMatch(/^object-/)
    expect(changed.etag).not.toBe(before.etag)
  })

  it('no answer mixes bytes: a tag of other bytes, or from before the digest, gets all of them anew', async () => {
    const { store, bucket } = await withForeign({ tiering: { promotion: { reads: 0 } } })
    bucket.put('a', 'same size 1')
    await imported(store)
    const tags: string[] = []
    const plan = async (headers: Record<string, string>) =>
      planRead(headersOf(headers), entityOf(await mediaAt(store, 'a')), options)
    const see = async (): Promise<void> => {
      const tag = etagIn((await plan({})).headers)
      expect(tag).toMatch(/^"/)
      for (const old of tags) {
        expect((await plan({ 'if-none-match': old })).status).toBe(200)
        expect((await plan({ range: 'bytes=0-3', 'if-range': old })).status).toBe(200)
        expect((await plan({ 'if-match': old })).status).toBe(412)
      }
      expect((await plan({ 'if-none-match': tag })).status).toBe(304)
      expect((await plan({ range: 'bytes=0-3', 'if-range': tag })).status).toBe(206)
      tags.push(tag)
    }
    await see()
    await bytesOf(store, { key: 'a' })
    await see()
    bucket.put('a', 'same size 2')
    await store.tiers.hint({ tier: TIER, key: 'a' })
    await see()
    await bytesOf(store, { key: 'a' })
    await see()
  })

  it('the tag that was sent is that of the bytes that follow, also when the object changes between both', async () => {
    const { store, bucket } = await withForeign()
    bucket.put('a', 'same size 1')
    await imported(store)
    const media = await mediaAt(store, 'a')
    bucket.put('a', 'same size 2')
    await store.tiers.hint({ tier: TIER, key: 'a' })
    await expect(store.open(media, { range: { start: 0, endExclusive: 3 } })).rejects.toMatchObject({
      code: 'MEDIA_GONE',
    })
  })
})
