import { describe, expect, it } from 'vitest'
import type { ObjectStore, PresignOptions } from '../contracts/object-store.ts'
import type { Scanner } from '../contracts/scanner.ts'
import { DIRECT_URL_MAX_MS } from '../defaults.ts'
import { MediaError } from '../errors/media-error.ts'
import { foreignBucket } from '../external/foreign-bucket.fixture.ts'
import { memoryCatalog } from '../memory/catalog/index.ts'
import { memoryStore } from '../memory/object-store/index.ts'
import { PRICES, paidStore } from '../moves/paid-store.fixture.ts'
import { untilTrue } from './external.fixture.ts'
import { fixture } from './store.fixture.ts'

interface Signing {
  readonly store: ObjectStore
  readonly signed: { readonly key: string; readonly options: PresignOptions }[]
}

/** Its addresses say what was signed; a budget in front of it lets them through. */
function signing(store: ObjectStore): Signing {
  const signed: { key: string; options: PresignOptions }[] = []
  return {
    signed,
    store: Object.assign(store, {
      async presign(key: string, options: PresignOptions) {
        signed.push({ key, options })
        return { method: options.method, url: new URL(`https://bucket.example/${key}?signed`), headers: {} }
      },
    }),
  }
}

const inMinutes = (minutes: number): Date => new Date(Date.now() + minutes * 60_000)
const FAR = [{ name: 'far', match: { maxBytes: 1e9 }, tiers: ['far'] }]

async function farStore(options: { directUrls?: boolean; dailyDollars?: number } = {}) {
  const { directUrls = true, dailyDollars } = options
  const far = signing(paidStore().store)
  const made = await fixture({
    tiers: [
      { name: 'disk', store: memoryStore({ name: 'disk' }) },
      { name: 'far', store: far.store, prices: PRICES, directUrls },
    ],
    tiering: { rules: FAR, ...(dailyDollars === undefined ? {} : { budget: { dailyDollars } }) },
  })
  return { store: made.store, signed: far.signed }
}

describe('url(ref, { direct: true })', () => {
  it('is an address of the bucket that says type, disposition and a short life, and is booked as one whole read', async () => {
    const { store, signed } = await farStore()
    const media = await store.put(Buffer.alloc(5_000, 'a'), {
      filename: 'a b.txt',
      contentType: 'text/plain',
    })
    const expiresAt = inMinutes(5)
    const url = await store.url(media.id, { expiresAt, direct: true })
    expect(url.host).toBe('bucket.example')
    expect(signed[0]?.options).toEqual({
      method: 'GET',
      expiresAt,
      response: {
        contentType: 'text/plain; charset=utf-8',
        disposition: 'inline; filename="a b.txt"',
        cacheControl: expect.stringMatching(/^private, max-age=(2[5-9]\d|300)$/) as string,
      },
    })
    const { rows } = await store.tiers.costs()
    expect(rows.filter(({ cause }) => cause === 'estimated')).toMatchObject([
      {
        tier: 'far',
        class: 'get',
        calls: 1,
        bytes: 5_000,
        dollars: expect.closeTo(0.4e-6 + 5e-6 * 0.09, 12) as number,
      },
    ])
  })

  it.each(['sync', 'async'] as const)(
    '2.10-16 is none of the bucket while the bytes are held or wait for a look (%s)',
    async (mode) => {
      const far = signing(paidStore().store)
      let letGo = (): void => {}
      const look = mode === 'sync' ? Promise.resolve() : new Promise<void>((resolve) => (letGo = resolve))
      const scanner: Scanner = {
        name: 'fake',
        async scan() {
          await look
          return { verdict: 'infected', signature: 'worm', engine: 'fake', database: '1' }
        },
        version: async () => ({ engine: 'fake', database: '1' }),
        close: async () => {},
      }
      const { store } = await fixture({
        tiers: [
          { name: 'disk', store: memoryStore({ name: 'disk' }) },
          { name: 'far', store: far.store, prices: PRICES, directUrls: true },
        ],
        tiering: { rules: FAR },
        scanner,
        scanning: { mode },
      })
      const { id, state } = await store.put(Buffer.from('worm'))
      expect(state).toBe(mode === 'sync' ? 'quarantined' : 'pending')
      const url = await store.url(id, { expiresAt: inMinutes(5), direct: true })
      letGo()
      expect(url.host).toBe('media.example')
      expect(far.signed).toEqual([])
    },
  )

  it('never shows in place what could carry script, and is an attachment where that is asked for', async () => {
    const { store, signed } = await farStore()
    const pdf = await store.put(Buffer.from('%PDF-1.7\n%\xe2\xe3\xcf\xd3\n', 'latin1'), { filename: 'a.pdf' })
    const text = await store.put(Buffer.from('plain'), { filename: 'a.txt' })
    await store.url(pdf.id, { expiresAt: inMinutes(1), direct: true })
    await store.url(text.id, { expiresAt: inMinutes(1), direct: true, download: true })
    expect(signed.map(({ options }) => options.response?.disposition)).toEqual([
      'attachment; filename="a.pdf"',
      'attachment; filename="a.txt"',
    ])
  })

  it('is one of our own unless both the caller and the tier want it, and where a nearer copy is', async () => {
    const near = signing(paidStore().store)
    const { store: withNear } = await fixture({
      tiers: [
        { name: 'disk', store: memoryStore() },
        { name: 'far', store: near.store, prices: PRICES, directUrls: true },
      ],
    })
    for (const { store, signed, direct } of [
      { ...(await farStore()), direct: false },
      { ...(await farStore({ directUrls: false })), direct: true },
      { store: withNear, signed: near.signed, direct: true },
    ]) {
      const media = await store.put(Buffer.from('x'))
      const url = await store.url(media.id, { expiresAt: inMinutes(1), direct })
      expect(url.host).toBe('media.example')
      expect(signed).toEqual([])
      expect((await store.tiers.costs()).rows.filter(({ cause }) => cause === 'estimated')).toEqual([])
    }
  })

  it('is one of our own once the day’s budget is spent: that route says when to come again', async () => {
    const { store, signed } = await farStore({ dailyDollars: 1e-5 })
    const media = await store.put(Buffer.alloc(1_000))
    let url = await store.url(media.id, { expiresAt: inMinutes(1), direct: true })
    for (let n = 0; n < 100 && url.host === 'bucket.example'; n++)
      url = await store.url(media.id, { expiresAt: inMinutes(1), direct: true })
    expect(url.host).toBe('media.example')
    expect(signed.length).toBeLessThan(30)
  })

  it('lives for 15 minutes at most, and of what does not exist there is none', async () => {
    const { store } = await farStore()
    const media = await store.put(Buffer.from('x'))
    for (const expiresAt of [new Date(Date.now() + DIRECT_URL_MAX_MS + 60_000), new Date(Date.now() - 1)])
      await expect(store.url(media.id, { expiresAt, direct: true })).rejects.toMatchObject({
        code: 'MEDIA_BAD_INPUT',
        reason: 'bad-expiry',
      })
    await store.delete(media.id)
    await expect(store.url(media.id, { expiresAt: inMinutes(1), direct: true })).rejects.toMatchObject({
      code: 'MEDIA_ABSENT',
    })
  })

  it('reads a bucket that is not ours, and nothing else is signed there', async () => {
    const bucket = foreignBucket()
    bucket.put('web/a.png', 'bytes', 'image/png')
    const theirs = signing(bucket.store)
    const { store } = await fixture({
      tiers: [
        { name: 'disk', store: memoryStore() },
        { name: 'theirs', store: theirs.store, role: 'external', imports: {}, directUrls: true },
      ],
    })
    for await (const _ of store.tiers.importObjects({ tier: 'theirs' })) continue
    const url = await store.url({ key: 'web/a.png' }, { expiresAt: inMinutes(1), direct: true })
    expect(url.pathname).toBe('/web/a.png')
    expect(theirs.signed.map(({ options }) => options.method)).toEqual(['GET'])
    expect(bucket.writes).toEqual([])
  })

  it('copies that are told to leave stay as long as addresses of them live', async () => {
    const far = signing(paidStore().store)
    let nowMs = Date.now()
    const clock = { now: () => nowMs, after: () => () => {} }
    const { store } = await fixture({
      clock,
      catalog: memoryCatalog({ clock }),
      tiers: [
        { name: 'far', store: far.store, prices: PRICES, directUrls: true, capacityBytes: 10_000 },
        { name: 'deep', store: paidStore(undefined, 'deep').store },
      ],
    })
    for (let n = 0; n < 9; n++) await store.put(Buffer.alloc(1_000, n))
    const moved = async (): Promise<number> => {
      for await (const _ of store.tiers.apply()) continue
      return 9 - (await far.store.list()).objects.length
    }
    expect(await moved()).toBe(0)
    nowMs += DIRECT_URL_MAX_MS - 1_000
    expect(await moved()).toBe(0)
    nowMs += 2_000
    expect(await moved()).toBeGreaterThan(0)
  })

  it('a collection without a grace leaves what addresses may be of for 15 minutes, and frees the rest at once', async () => {
    const far = signing(paidStore().store)
    const near = memoryStore()
    let nowMs = Date.now()
    const clock = { now: () => nowMs, after: () => () => {} }
    const { store } = await fixture({
      clock,
      catalog: memoryCatalog({ clock }),
      tiers: [
        { name: 'near', store: near },
        { name: 'far', store: far.store, prices: PRICES, directUrls: true },
      ],
      tiering: { rules: [{ name: 'large', match: { minBytes: 100 }, tiers: ['far'] }] },
    })
    const put = [await store.put(Buffer.alloc(10)), await store.put(Buffer.alloc(1_000))]
    for (const { id } of put) await store.delete(id)
    const left = async (): Promise<readonly number[]> => {
      for await (const _ of store.upkeep.collectGarbage({ graceMs: 0 })) continue
      return Promise.all([near, far.store].map(async (one) => (await one.list()).objects.length))
    }
    expect(await left()).toEqual([0, 1])
    nowMs += DIRECT_URL_MAX_MS - 1_000
    expect(await left()).toEqual([0, 1])
    nowMs += 2_000
    expect(await left()).toEqual([0, 0])
  })

  it.each([
    { reason: 'addresses of them', directUrls: true },
    { reason: 'the grace of evictions', directUrls: false, evictGraceMs: DIRECT_URL_MAX_MS },
    { reason: 'nothing', directUrls: false },
    { reason: 'a store that fails to delete', directUrls: false, fails: true },
  ])(
    'a full tier loses what it is over its low watermark once, also where $reason keeps the bytes',
    async (of) => {
      const far = signing(paidStore().store)
      const deep = paidStore(undefined, 'deep').store
      let nowMs = Date.now()
      const clock = { now: () => nowMs, after: () => () => {} }
      const catalog = memoryCatalog({ clock })
      const { evictGraceMs = 0, directUrls, fails = false } = of
      if (fails)
        far.store.delete = async () => {
          throw new MediaError('MEDIA_UNAVAILABLE', 'not now')
        }
      const sizes = { capacityBytes: 100_000, highWatermarkRatio: 0.9, lowWatermarkRatio: 0.78 }
      const { store } = await fixture({
        clock,
        catalog,
        tiers: [
          { name: 'far', store: far.store, prices: PRICES, directUrls, ...sizes },
          { name: 'deep', store: deep },
        ],
        tiering: { evictGraceMs },
      })
      for (let n = 0; n < 90; n++) await store.put(Buffer.alloc(1_000, n))
      const objects = () =>
        Promise.all([far.store, deep].map(async (one) => (await one.list()).objects.length))
      const relieved = async (): Promise<readonly number[]> => {
        for await (const _ of store.tiers.apply()) continue
        return objects()
      }
      const kept = directUrls || evictGraceMs > 0 || fails
      // The last write began it.
      await untilTrue(async () => (await objects())[1] === 12)
      expect(await relieved()).toEqual([kept ? 90 : 78, 12])
      expect((await store.tiers.plan()).objects, 'nothing more is planned').toBe(0)
      expect(await relieved()).toEqual([kept ? 90 : 78, 12])
      nowMs += DIRECT_URL_MAX_MS - 1_000
      expect(await relieved(), 'the grace is not over').toEqual([kept ? 90 : 78, 12])
      await store.put(Buffer.alloc(1_000, 'one more'))
      expect(await relieved(), 'a full tier takes no more, and loses no more').toEqual(
        kept ? [90, 13] : [79, 12],
      )
      nowMs += 2_000
      expect(await relieved(), 'those whose grace is over are gone').toEqual(
        kept ? [fails ? 90 : 78, 13] : [79, 12],
      )
    },
  )
})
