import { randomBytes } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { digestOf } from '../bytes/digest.ts'
import type { MediaStore } from '../contracts/media-store.ts'
import type { MediaEvent } from '../contracts/observer.ts'
import type { Scanner, ScanVerdict } from '../contracts/scanner.ts'
import type { ScanProgress } from '../contracts/scanning.ts'
import { isMediaError, MediaError } from '../errors/media-error.ts'
import type { MediaStoreOptions } from '../media-store/index.ts'
import { bytesOf, expectNothing, type Fixture, fixture, large } from '../media-store/store.fixture.ts'
import { memoryCatalog } from '../memory/catalog/index.ts'
import { systemClock } from '../time/clock.ts'

const BAD = Buffer.from('a small note with a worm in it')
const GOOD = Buffer.from('a small note without')

interface FakeScanner extends Scanner {
  database: string
  fails: boolean
  looks: number
  /** Names that are found by the database of now. */
  signatures: string[]
  release?: Promise<void>
}

/** Finds words in bytes, by a list that may change. */
function fakeScanner(): FakeScanner {
  const scanner: FakeScanner = {
    name: 'fake',
    database: '1',
    fails: false,
    looks: 0,
    signatures: ['worm'],
    async scan(source, { signal }): Promise<ScanVerdict> {
      scanner.looks += 1
      await scanner.release
      signal?.throwIfAborted()
      if (scanner.fails)
        throw new MediaError('MEDIA_UNAVAILABLE', 'the scanner is away', { reason: 'scanner-unreachable' })
      const text = (await buffer(source.open())).toString('latin1')
      const about = { engine: 'fake', database: scanner.database }
      if (text.includes('locked')) return { verdict: 'unscannable', reason: 'encrypted', ...about }
      const signature = scanner.signatures.find((name) => text.includes(name))
      return signature === undefined
        ? { verdict: 'clean', ...about }
        : { verdict: 'infected', signature, ...about }
    },
    version: async () => ({ engine: 'fake', database: scanner.database }),
    close: async () => {},
  }
  return scanner
}

const settled = (events: readonly MediaEvent[]): MediaEvent[] =>
  events.filter(({ type }) => type === 'media.settled')
async function scanned(
  options: Partial<MediaStoreOptions> = {},
): Promise<Fixture & { readonly scanner: FakeScanner }> {
  const scanner = fakeScanner()
  return { ...(await fixture({ scanner, ...options })), scanner }
}
/** @returns what came of a look at all that an older database looked at */
async function rescan(store: MediaStore): Promise<ScanProgress | undefined> {
  let last: ScanProgress | undefined
  for await (const progress of store.upkeep.scan({ which: 'stale' })) last = progress
  return last
}
async function until(is: () => Promise<boolean>): Promise<void> {
  for (let turn = 0; !(await is()); turn++) {
    if (turn > 1000) throw new Error('it did not come to pass')
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

describe('a store with a scanner', () => {
  test('2.10-02 serves what is clean, and keeps from everybody what is not', async () => {
    const { store, events } = await scanned()
    const good = await store.put(GOOD)
    const bad = await store.put(BAD, { owner: 'ann' })
    expect([good.state, bad.state]).toEqual(['active', 'quarantined'])
    expect(await bytesOf(store, good.id)).toEqual(GOOD)
    await expect(store.open(bad.id)).rejects.toMatchObject({ code: 'MEDIA_HELD', reason: 'quarantined' })
    expect(await store.availability(bad.id)).toEqual({ state: 'held', reason: 'quarantined' })
    expect(events.filter(({ type }) => type === 'scan.verdict')).toMatchObject([
      { verdict: 'clean' },
      { verdict: 'infected', signature: 'worm', digest: bad.digest },
    ])
  })

  test('2.10-03 looks at equal bytes once, and holds them back for the next owner too', async () => {
    const { store, scanner } = await scanned()
    await Promise.all([1, 2, 3].map((owner) => store.put(GOOD, { owner: `owner ${owner}` })))
    expect(scanner.looks).toBe(1)
    await store.put(BAD)
    expect((await store.put(BAD, { owner: 'bob' })).state).toBe('quarantined')
    expect(scanner.looks).toBe(2)
  })

  test('2.10-06 keeps nothing when the scanner cannot look', async () => {
    const now = await scanned()
    now.scanner.fails = true
    for (const body of [GOOD, large])
      await expect(now.store.put(body)).rejects.toMatchObject({ code: 'MEDIA_UNAVAILABLE' })
    await expectNothing(now)
  })

  test('keeps nothing of what is rejected', async () => {
    const now = await scanned({ scanning: { onInfected: 'reject', onUnscannable: 'reject' } })
    await expect(now.store.put(BAD)).rejects.toMatchObject({ code: 'MEDIA_INVALID', reason: 'infected' })
    await expect(now.store.put(Buffer.from('it is locked'))).rejects.toMatchObject({
      code: 'MEDIA_INVALID',
      reason: 'unscannable',
    })
    await expectNothing(now)
  })

  test('tells of what is held or refused: who, what, by which door, and what was found by what', async () => {
    const found = { verdict: 'infected', engine: 'fake', database: '1', signature: 'worm' }
    const digest = digestOf(BAD)
    const context = { requestId: 'r', principalId: 'ann' }
    const held = await scanned()
    const one = await held.store.put(BAD, { owner: 'ann', at: { key: 'k' }, context })
    const other = await held.store.put(BAD, { owner: 'bob' })
    const what = { namespace: 'default', door: 'put', digest, ...found }
    expect(held.events.filter(({ type }) => type === 'upload.held')).toEqual([
      {
        type: 'upload.held',
        at: expect.any(Date),
        mediaId: one.id,
        key: 'k',
        owner: 'ann',
        context,
        ...what,
      },
      { type: 'upload.held', at: expect.any(Date), mediaId: other.id, owner: 'bob', ...what },
    ])
    await held.store.release(one.id, { context })
    expect(held.events.filter(({ type }) => type === 'scan.verdict').at(-1)).toMatchObject({
      ...found,
      verdict: 'released',
      digest,
      context,
    })
    expect(settled(held.events)).toMatchObject([
      { mediaId: one.id, owner: 'ann', state: 'active', digest, ...found, verdict: 'released' },
      { mediaId: other.id, owner: 'bob', state: 'active', digest, verdict: 'released' },
    ])

    const refusing = await scanned({ scanning: { onInfected: 'reject' } })
    await expect(refusing.store.put(BAD, { owner: 'ann', context })).rejects.toThrow()
    const upload = await refusing.store.uploads.create({
      door: 'chunked',
      owner: 'bob',
      sizeBytes: BAD.length,
      chunkBytes: 262_144,
    })
    await refusing.store.uploads.putChunk(upload.id, BAD, { index: 0 })
    const completing = refusing.store.uploads.complete(upload.id, { context })
    await expect(completing).rejects.toMatchObject({ reason: 'infected' })
    const why = { code: 'MEDIA_INVALID', reason: 'infected', digest, receivedBytes: BAD.length, context }
    expect(refusing.events.filter(({ type }) => type === 'upload.refused')).toMatchObject([
      { owner: 'ann', door: 'put', ...why },
      { owner: 'bob', door: 'chunked', ...why },
    ])
  })

  test('2.10-12 takes what cannot be looked into only where it was told to', async () => {
    const locked = Buffer.from('it is locked')
    expect((await (await scanned()).store.put(locked)).state).toBe('quarantined')
    const { store } = await scanned({ scanning: { onUnscannable: 'accept' } })
    expect((await store.put(locked)).state).toBe('active')
  })

  test('serves the old content of a media whose new one is held back', async () => {
    const { store } = await scanned()
    const { id } = await store.put(GOOD, { at: { key: 'a' } })
    const after = await store.put(BAD, { at: { key: 'a' } })
    expect(after).toMatchObject({ id, state: 'active' })
    expect(await bytesOf(store, id)).toEqual(GOOD)
  })

  test('2.10-08 ends a look that takes too long, and keeps nothing', async () => {
    const now = await scanned({ scanning: { timeoutMs: 20 } })
    let release = (): void => {}
    now.scanner.release = new Promise((resolve) => {
      release = resolve
    })
    const put = now.store.put(GOOD)
    setTimeout(() => release(), 200)
    await expect(put).rejects.toMatchObject({ code: 'MEDIA_TIMEOUT', reason: 'scan-timeout' })
    await expectNothing(now)
  })
})

describe('a store that looks later', () => {
  test('serves nothing before the look, and by itself after it', async () => {
    const { store, events } = await scanned({ scanning: { mode: 'async' } })
    const [good, bad] = [await store.put(GOOD), await store.put(BAD)]
    expect([good.state, bad.state]).toEqual(['pending', 'pending'])
    await until(async () => settled(events).length === 2)
    expect(await bytesOf(store, good.id)).toEqual(GOOD)
    expect((await store.stat(bad.id))?.state).toBe('quarantined')
  })

  test('refuses readers while it waits', async () => {
    const now = await scanned({ scanning: { mode: 'async' } })
    let release = (): void => {}
    now.scanner.release = new Promise((resolve) => {
      release = resolve
    })
    const { id } = await now.store.put(GOOD)
    await expect(now.store.open(id)).rejects.toSatisfy(
      (error) => isMediaError(error, 'MEDIA_NOT_READY') && error.reason === 'pending',
    )
    expect(await now.store.availability(id)).toEqual({ state: 'held', reason: 'pending' })
    release()
    await until(async () => (await now.store.stat(id))?.state === 'active')
  })

  test('2.10-07 leaves a look that failed to the next round, and goes on serving the old content', async () => {
    const { store, scanner } = await scanned({ scanning: { mode: 'async' } })
    const first = await store.put(GOOD, { at: { key: 'a' } })
    await until(async () => (await store.stat(first.id))?.state === 'active')
    scanner.fails = true
    const replaced = randomBytes(2_000_000)
    await store.put(replaced, { at: { key: 'a' } })
    for await (const { failed } of store.upkeep.scan()) expect(failed).toBe(1)
    expect(await bytesOf(store, first.id)).toEqual(GOOD)
    scanner.fails = false
    for await (const { scanned: looked, changed } of store.upkeep.scan())
      expect([looked, changed]).toEqual([1, 1])
    expect(replaced.equals(await bytesOf(store, first.id))).toBe(true)
  })
})

describe('a new database', () => {
  test('2.10-05 has all looked at again, and takes back what it finds from all who have it', async () => {
    const { store, scanner, events } = await scanned()
    const old = await store.put(Buffer.from('a small note with a bug'), { owner: 'ann' })
    const same = await store.put(Buffer.from('a small note with a bug'), { owner: 'bob' })
    await store.put(GOOD)
    scanner.database = '2'
    scanner.signatures.push('bug')
    let last: unknown
    for await (const progress of store.upkeep.scan({ which: 'stale' })) last = progress
    expect(last).toMatchObject({ scanned: 2, infected: 1, changed: 2, failed: 0 })
    for (const { id } of [old, same])
      await expect(store.open(id)).rejects.toMatchObject({ code: 'MEDIA_HELD' })
    expect(settled(events)).toMatchObject([{ state: 'quarantined' }, { state: 'quarantined' }])
    for await (const progress of store.upkeep.scan({ which: 'stale' })) last = progress
    expect(last).toMatchObject({ scanned: 0 })
  })
})

test('2.10-15 bytes that a new database finds bad when somebody brings them again are held wherever they are', async () => {
  let aheadMs = 0
  const clock = { ...systemClock, now: () => Date.now() + aheadMs }
  const { store, scanner } = await scanned({ clock })
  const text = Buffer.from('a small note with a bug')
  const old = await store.put(text, { owner: 'ann' })
  expect(old.state).toBe('active')
  scanner.database = '2'
  scanner.signatures.push('bug')
  aheadMs = 20_000
  expect((await store.put(text, { owner: 'bob' })).state).toBe('quarantined')
  expect((await store.stat(old.id))?.state).toBe('quarantined')
  await expect(store.open(old.id)).rejects.toMatchObject({ code: 'MEDIA_HELD' })
})

describe('a release', () => {
  test('lets all media of the same bytes out, also those that come later', async () => {
    const { store, scanner } = await scanned()
    const [one, other] = [await store.put(BAD, { owner: 'ann' }), await store.put(BAD, { owner: 'bob' })]
    expect((await store.release(one.id)).state).toBe('active')
    expect(await bytesOf(store, other.id)).toEqual(BAD)
    expect((await store.put(BAD)).state).toBe('active')
    scanner.database = '2'
    for await (const _ of store.upkeep.scan({ which: 'stale' })) continue
    expect((await store.stat(one.id))?.state).toBe('active')
    await expect(store.release(one.id)).rejects.toMatchObject({ code: 'MEDIA_CONFLICT', reason: 'not-held' })
  })
})

describe('a release of what is to replace another content', () => {
  const at = { key: 'a' }
  test('makes it serve, though the old one served until then', async () => {
    const { store } = await scanned()
    const { id } = await store.put(GOOD, { at })
    const held = await store.put(BAD, { at })
    expect((await store.release(id)).revision).toBe(held.revision + 1)
    expect(await bytesOf(store, id)).toEqual(BAD)
    await expect(store.release(id)).rejects.toMatchObject({ code: 'MEDIA_CONFLICT', reason: 'not-held' })
  })

  test('does not bring back what a newer content replaced', async () => {
    const { store } = await scanned()
    const { id } = await store.put(GOOD, { at })
    await store.put(BAD, { at })
    const newer = Buffer.from('a newer note')
    await store.put(newer, { at })
    await expect(store.release(id)).rejects.toMatchObject({ code: 'MEDIA_CONFLICT', reason: 'not-held' })
    expect(await bytesOf(store, id)).toEqual(newer)
  })

  test('lets out the newest one held, or the one that was named', async () => {
    const { store } = await scanned()
    const { id } = await store.put(GOOD, { at })
    const [first, last] = [Buffer.from('the first worm'), Buffer.from('the last worm')]
    for (const body of [first, last]) await store.put(body, { at })
    await store.release(id, { digest: digestOf(first) })
    expect(await bytesOf(store, id)).toEqual(first)
    await expect(store.release(id, { digest: digestOf(GOOD) })).rejects.toMatchObject({ reason: 'not-held' })
    await store.release(id)
    expect(await bytesOf(store, id)).toEqual(last)
  })

  test('takes what nobody looked at yet only by its name', async () => {
    const { store, scanner } = await scanned({ scanning: { mode: 'async' } })
    scanner.fails = true
    const { id } = await store.put(GOOD)
    await expect(store.release(id)).rejects.toMatchObject({ code: 'MEDIA_CONFLICT', reason: 'not-held' })
    expect((await store.release(id, { digest: digestOf(GOOD) })).state).toBe('active')
  })
})

describe('a look that ends after a newer one', () => {
  for (const [slow, newer] of [
    ['2', '10'],
    ['of spring', 'of summer'],
  ] as const) {
    test(`takes nothing back of what that one found (database ${slow} and ${newer})`, async () => {
      const catalog = memoryCatalog()
      const one = await scanned({ catalog })
      const text = Buffer.from('a small note with a bug')
      const { id } = await one.store.put(text)
      one.scanner.database = slow
      let go = (): void => {}
      one.scanner.release = new Promise((resolve) => {
        go = resolve
      })
      const late = rescan(one.store)
      await until(async () => one.scanner.looks === 2)
      const later = { ...systemClock, now: () => Date.now() + 1_000 }
      const tiers = [{ name: 'memory', store: one.objects }]
      const other = await scanned({ catalog, tiers, clock: later })
      other.scanner.database = newer
      other.scanner.signatures.push('bug')
      expect(await rescan(other.store)).toMatchObject({ scanned: 1, infected: 1, changed: 1 })
      go()
      expect(await late).toMatchObject({ scanned: 1, infected: 1, changed: 0 })
      expect((await one.store.stat(id))?.state).toBe('quarantined')
      expect((await one.store.put(text, { owner: 'bob' })).state).toBe('quarantined')
    })
  }
})

test('a look that ends after a release takes nothing back', async () => {
  const { store, scanner } = await scanned()
  const { id } = await store.put(BAD)
  scanner.database = '2'
  let go = (): void => {}
  scanner.release = new Promise((resolve) => {
    go = resolve
  })
  const late = rescan(store)
  await until(async () => scanner.looks === 2)
  await store.release(id)
  go()
  expect(await late).toMatchObject({ infected: 0, changed: 0 })
  expect(await bytesOf(store, id)).toEqual(BAD)
  expect((await store.put(BAD, { owner: 'bob' })).state).toBe('active')
})

test('a store without a scanner says so', async () => {
  const { store } = await fixture()
  const first = store.upkeep.scan()[Symbol.asyncIterator]().next()
  await expect(first).rejects.toMatchObject({ code: 'MEDIA_UNSUPPORTED', reason: 'no-scanner' })
})
