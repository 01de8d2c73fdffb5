import { describe, expect, it } from 'vitest'
import { digestOf } from '../bytes/digest.ts'
import { memoryCatalog } from '../memory/catalog/index.ts'
import { memoryStore } from '../memory/object-store/index.ts'
import { createMediaStore } from './create.ts'
import { bytesOf, fixture, keys, large, small } from './store.fixture.ts'

describe('replacing', () => {
  it('keeps the id, counts revision and content, and lets a reader under way finish the old bytes', async () => {
    const { store } = await fixture({ reads: { cacheBytes: 0 } })
    const first = await store.put(large, { at: { key: 'a/b' }, tags: ['x'] })
    const reader = await store.open(first)
    const next = await store.put(small, { at: { key: 'a/b' } })
    expect(next).toMatchObject({ id: first.id, contentNumber: 2, sizeBytes: small.length, tags: ['x'] })
    expect(next.revision).toBeGreaterThan(first.revision)
    expect(Buffer.from(await reader.bytes({ maxBytes: 1e9 })).equals(large)).toBe(true)
    expect((await bytesOf(store, { key: 'a/b' })).equals(small)).toBe(true)
    expect((await bytesOf(store, first)).equals(large)).toBe(true)
    for await (const _ of store.upkeep.collectGarbage({ graceMs: 0 }));
    await expect(store.open(first)).rejects.toMatchObject({ code: 'MEDIA_GONE' })
  })

  it('honours conditions before the body and again at commit', async () => {
    const { store } = await fixture()
    const first = await store.put(small, { at: { key: 'k' }, when: { type: 'absent' } })
    await expect(store.put(large, { at: { key: 'k' }, when: { type: 'absent' } })).rejects.toMatchObject({
      code: 'MEDIA_PRECONDITION',
    })
    await expect(
      store.put(large, { at: first.id, when: { type: 'match', etags: ['other'] } }),
    ).rejects.toMatchObject({ code: 'MEDIA_PRECONDITION' })
    await using reader = await store.open(first)
    const late = store.put(
      (async function* () {
        yield large
        await store.put(Buffer.from('between'), { at: { key: 'k' } })
      })(),
      { at: { key: 'k' }, when: { type: 'match', etags: [reader.etag] } },
    )
    await expect(late).rejects.toMatchObject({ code: 'MEDIA_PRECONDITION' })
    expect((await bytesOf(store, first.id)).toString()).toBe('between')
  })

  it('has one winner when 16 create the same key at once', async () => {
    const { store, objects } = await fixture()
    const results = await Promise.allSettled(
      Array.from({ length: 16 }, (_, index) =>
        store.put(Buffer.from(`body ${index}`), { at: { key: 'k' }, when: { type: 'absent' } }),
      ),
    )
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'MEDIA_PRECONDITION' })
    expect(await keys(objects)).toHaveLength(1)
  })
})

describe('idempotency keys', () => {
  it('answer a retry with the first outcome, unread', async () => {
    const { store } = await fixture()
    const first = await store.put(small, { idempotencyKey: 'a', owner: 'o' })
    let read = false
    const again = await store.put(
      (async function* () {
        read = true
        yield large
      })(),
      { idempotencyKey: 'a', owner: 'o' },
    )
    expect(again.id).toBe(first.id)
    expect(read).toBe(false)
    expect((await store.put(small, { idempotencyKey: 'a', owner: 'p' })).id).not.toBe(first.id)
  })

  it('refuse another put: what it brings would not be kept', async () => {
    const { store } = await fixture()
    const refusal = { code: 'MEDIA_CONFLICT', reason: 'idempotency-key-reused' }
    const { id } = await store.put(small, { at: { key: 'first' }, idempotencyKey: 'a' })
    const other = await store.put(small)
    for (const options of [{ at: { key: 'second' } }, { at: other.id }, { digest: digestOf(large) }])
      await expect(store.put(small, { ...options, idempotencyKey: 'a' })).rejects.toMatchObject(refusal)
    await expect(store.put(large, { at: id, idempotencyKey: 'a' })).rejects.toMatchObject(refusal)
    expect(await store.stat({ key: 'second' })).toBeUndefined()
    expect((await store.put(small, { at: { key: 'first' }, idempotencyKey: 'a' })).id).toBe(id)
    await store.put(large, { at: id })
    expect((await store.put(small, { at: id, idempotencyKey: 'a' })).id, 'replaced meanwhile').toBe(id)
  })

  it('may be used again after a failure', async () => {
    const { store } = await fixture()
    await expect(store.put(small, { idempotencyKey: 'a', digest: digestOf(large) })).rejects.toThrow()
    expect(await store.put(small, { idempotencyKey: 'a' })).toMatchObject({ sizeBytes: small.length })
  })
})

describe('readers', () => {
  it('leave nothing open when they are disposed unread, destroyed half-way, or aborted by close', async () => {
    const { store } = await fixture()
    const media = await store.put(large)
    {
      await using _ = await store.open(media)
    }
    const half = (await store.open(media)).stream()
    half.once('data', () => half.destroy())
    await new Promise((resolve) => half.once('close', resolve))
    const unread = await store.open(media)
    await store.close({ graceMs: 0 })
    expect(() => unread.stream()).toThrow(expect.objectContaining({ code: 'MEDIA_BAD_INPUT' }))
    await expect(store.open(media)).rejects.toMatchObject({ code: 'MEDIA_CLOSED' })
  })

  it.each([
    ['from memory', small],
    ['from a store', large],
  ])('give bytes %s once, and none when they are closed', async (_, body) => {
    const { store } = await fixture()
    const media = await store.put(body)
    const reader = await store.open(media)
    expect(reader.sizeBytes).toBe(body.length)
    expect(body.equals(await reader.bytes({ maxBytes: 1e9 }))).toBe(true)
    expect(() => reader.stream()).toThrow(expect.objectContaining({ reason: 'reader-used' }))
    const closed = await store.open(media)
    await closed[Symbol.asyncDispose]()
    expect(() => closed.stream()).toThrow(expect.objectContaining({ reason: 'reader-closed' }))
    const over = await store.open(media)
    await expect(over.bytes({ maxBytes: body.length - 1 })).rejects.toMatchObject({ code: 'MEDIA_TOO_LARGE' })
    expect(() => over.stream()).toThrow(expect.objectContaining({ reason: 'reader-closed' }))
  })

  it('give their bytes once, and refuse more than maxBytes', async () => {
    const { store } = await fixture()
    const media = await store.put(large)
    const reader = await store.open(media)
    await reader.bytes({ maxBytes: 1e9 })
    expect(() => reader.stream()).toThrow(expect.objectContaining({ reason: 'reader-used' }))
    await expect((await store.open(media)).bytes({ maxBytes: 10 })).rejects.toMatchObject({
      code: 'MEDIA_TOO_LARGE',
    })
    await expect(
      store.open(media, { range: { start: large.length, endExclusive: large.length + 1 } }),
    ).rejects.toMatchObject({ code: 'MEDIA_RANGE' })
  })
})

describe('signed addresses', () => {
  it('hold for what was signed and nothing else', async () => {
    const { store } = await fixture()
    const media = await store.put(small)
    const url = await store.url(media.id, { expiresAt: new Date(Date.now() + 60_000), download: true })
    expect(url.href).toContain(`https://media.example/media/${media.id}/content?`)
    expect(store.verifyUrl(media.id, url.searchParams)).toMatchObject({ download: true })
    for (const [name, value] of [
      ['download', '0'],
      ['exp', '1'],
      ['exp', String(Number(url.searchParams.get('exp')) + 1)],
      ['kid', 'x'],
      ['sig', 'a'.repeat(43)],
    ] as const) {
      const changed = new URLSearchParams(url.searchParams)
      changed.set(name, value)
      expect(() => store.verifyUrl(media.id, changed)).toThrow(
        expect.objectContaining({ code: 'MEDIA_DENIED' }),
      )
    }
    const without = new URLSearchParams(url.searchParams)
    without.delete('download')
    expect(() => store.verifyUrl(media.id, without)).toThrow()
    const doubled = new URLSearchParams(url.searchParams)
    doubled.append('sig', 'x')
    expect(() => store.verifyUrl(media.id, doubled)).toThrow()
    expect(() => store.in('other').verifyUrl(media.id, url.searchParams)).toThrow(
      expect.objectContaining({ reason: 'signature' }),
    )
    const expired = await store.url(media.id, { expiresAt: new Date(Date.now() - 1000) })
    expect(() => store.verifyUrl(media.id, expired.searchParams)).toThrow(
      expect.objectContaining({ reason: 'expired' }),
    )
  })
})

describe('the composition', () => {
  it('lists every fault at once', async () => {
    const make = createMediaStore({
      tiers: [
        { name: 'a', store: memoryStore(), role: 'cache', capacityBytes: -1 },
        { name: 'a', store: memoryStore(), role: 'cache', lowWatermarkRatio: 2 },
      ],
      catalog: memoryCatalog(),
      publicBaseUrl: 'nonsense',
      limits: { maxBodyBytes: 0 },
    })
    await expect(make).rejects.toMatchObject({ code: 'MEDIA_BAD_INPUT', reason: 'bad-composition' })
    for (const part of [
      'no home tier',
      '"a" is there twice',
      'capacityBytes',
      'lowWatermarkRatio',
      'publicBaseUrl',
      'limits.maxBodyBytes',
    ])
      await expect(make).rejects.toThrow(part)
  })

  it('keeps namespaces apart: keys, lists and ids', async () => {
    const { store, objects } = await fixture()
    const other = store.in('other')
    const [a, b] = [
      await store.put(small, { at: { key: 'k' } }),
      await other.put(small, { at: { key: 'k' } }),
    ]
    expect(a.id).not.toBe(b.id)
    expect(await other.stat(a.id)).toBeUndefined()
    expect((await store.list()).items).toHaveLength(1)
    expect(await keys(objects)).toHaveLength(1)
    expect(() => store.in('a/b')).toThrow(expect.objectContaining({ reason: 'bad-namespace' }))
  })

  it('keeps blobs apart per namespace when asked to', async () => {
    const { store, objects } = await fixture({ dedupe: 'namespace' })
    await store.put(small)
    await store.in('other').put(small)
    expect(await keys(objects)).toHaveLength(2)
  })

  it('gives snapshots that nobody can change for others', async () => {
    const { store } = await fixture()
    const media = await store.put(small, { tags: ['a'], metadata: { deep: { n: 1 } } })
    const before = media.createdAt.getTime()
    media.createdAt.setTime(0)
    expect(() => Object.assign(media, { owner: 'thief' })).toThrow(TypeError)
    expect(media.createdAt.getTime()).toBe(before)
    expect({ ...media }.updatedAt).toBeInstanceOf(Date)
    expect(JSON.parse(JSON.stringify(media))).toMatchObject({ createdAt: new Date(before).toISOString() })
  })

  it('tells events to all who listen, and ends them at close', async () => {
    const { store } = await fixture()
    const seen: string[] = []
    const listening = (async () => {
      for await (const event of store.events()) seen.push(event.type)
    })()
    const media = await store.put(small)
    await store.update(media.id, { tags: ['t'] })
    await store.delete(media.id)
    await store.close()
    await listening
    expect(seen).toEqual(['media.created', 'upload.accepted', 'media.updated', 'media.deleted'])
  })
})
