import { headerIn as header, MediaError, memoryStore, withMeter } from '@mediakeep/core'
import { describe, expect, it } from 'vitest'
import { asked, BYTES, direct, gateFixture, scripted } from './gate.fixture.ts'
import { createGate } from './gate.ts'
import type { GateStore } from './gate-store.ts'

describe('what it remembers', () => {
  it('answers at once, with the same object, without a look, until a change is told', async () => {
    const { store, gate, check } = await gateFixture()
    await store.put(BYTES, { filename: 'a.txt', at: { key: 'a' }, visibility: 'public' })
    const first = await check('/media/k/a')
    const second = gate.check(asked('/media/k/a'))
    expect(second).toBe(first)
    expect(gate.counts).toMatchObject({ looks: 1, hits: 1 })
    await store.update({ key: 'a' }, { visibility: 'private' })
    expect((await check('/media/k/a')).facts.state).toBe('missing')
    await store.update({ key: 'a' }, { visibility: 'public' })
    expect((await check('/media/k/a')).facts.state).toBe('ready')
    await store.delete({ key: 'a' })
    expect((await check('/media/k/a')).facts.state).toBe('missing')
    await store.put(BYTES, { filename: 'a.txt', at: { key: 'a' }, visibility: 'public' })
    expect((await check('/media/k/a')).facts.state).toBe('ready')
  })

  it('forgets that a media was missing when the upload that was given its id before makes it', async () => {
    const { store, check } = await gateFixture()
    const upload = await store.uploads.create({
      door: 'tus',
      sizeBytes: BYTES.length,
      filename: 'a.txt',
      visibility: 'public',
    })
    const target = `/media/${upload.mediaId}/content`
    expect((await check(target)).facts.state).toBe('missing')
    await store.uploads.receive(upload.id, BYTES)
    expect((await check(target)).facts.state).toBe('ready')
  })

  it('keeps what is there through 20,000 names that are not', async () => {
    const { store, gate, check } = await gateFixture({ decisionCache: { maxMissing: 1_000 } })
    await store.put(BYTES, { filename: 'a.txt', at: { key: 'a' }, visibility: 'public' })
    await check('/media/k/a')
    for (let n = 0; n < 20_000; n++) await gate.check(asked(`/media/k/none-${n}`))
    const { looks } = gate.counts
    expect((await check('/media/k/a')).facts.state).toBe('ready')
    expect(gate.counts.looks).toBe(looks)
    expect(gate.counts.entries).toBeLessThanOrEqual(1_001)
  })

  it('gives the last known answer when nobody can be asked, for a while, but never that something is missing', async () => {
    let isDown = false
    const { check, clock } = await scripted(() => {
      if (isDown) throw new MediaError('MEDIA_UNAVAILABLE', 'down')
      return { state: 'ready', tier: 'disk', since: new Date(0) }
    })
    await check('/media/k/a')
    isDown = true
    clock.advance(6_000)
    expect((await check('/media/k/a')).facts.state).toBe('ready')
    clock.advance(30_000)
    expect(direct(await check('/media/k/a'))).toMatchObject({ status: 503, facts: { state: 'failed' } })
    expect(header(direct(await check('/media/k/a')).headers, 'cache-control')).toBe('no-store')
    isDown = false
    clock.advance(1_000)
    expect((await check('/media/k/a')).facts.state).toBe('ready')
  })

  it('answers 503 when a look takes too long, and does not wait for it', async () => {
    const { store, clock } = await gateFixture()
    const hung: GateStore = { ...store, locate: () => new Promise(() => {}) }
    const gate = createGate({ store: hung, authorize: () => true, clock })
    const answer = gate.check(asked('/media/k/a'))
    clock.advance(100)
    expect(direct(await answer)).toMatchObject({ status: 503, facts: { reason: 'unreachable' } })
    gate.close()
  })

  it('does not keep what changed while it was looked at', async () => {
    const base = await gateFixture()
    const media = await base.store.put(BYTES, { filename: 'a.txt', at: { key: 'a' }, visibility: 'public' })
    let tell: (names: readonly string[]) => void = () => {}
    let looks = 0
    const store: GateStore = {
      ...base.store,
      watch(listener) {
        tell = listener
        return () => {}
      },
      async locate() {
        looks += 1
        if (looks === 1) tell(['m'])
        return { media, availability: { state: 'ready', tier: 'x', since: new Date(0) }, names: ['m'] }
      },
    }
    const { check } = await gateFixture({ store, clock: base.clock })
    await check('/media/k/a')
    await check('/media/k/a')
    expect(looks).toBe(2)
    await check('/media/k/a')
    expect(looks).toBe(2)
  })

  it('does not wait in line behind a catalog that hangs', async () => {
    const { store, clock } = await gateFixture()
    let looks = 0
    const hung: GateStore = {
      ...store,
      locate: () => {
        looks += 1
        return new Promise(() => {})
      },
    }
    const gate = createGate({ store: hung, authorize: () => true, clock })
    for (let round = 0; round < 10; round++) {
      const answers = Array.from({ length: 1_000 }, async (_, n) =>
        gate.check(asked(`/media/k/${round}-${n}`)),
      )
      clock.advance(500)
      for (const answer of await Promise.all(answers)) expect(direct(answer).status).toBe(503)
    }
    expect(looks).toBe(2_000)
    gate.close()
  })

  it('is paused by no names that cannot be one', async () => {
    const { store, check } = await gateFixture({
      resourceOf: ({ path }) => ({ ref: { key: path.slice(1) === 'a' ? 'a' : '..' } }),
    })
    await store.put(BYTES, { filename: 'a.txt', at: { key: 'a' }, visibility: 'public' })
    for (let n = 0; n < 10; n++) expect(direct(await check(`/bad-${n}`)).status).toBe(404)
    expect((await check('/a')).kind).toBe('forward')
  })

  it('tells no shared cache what it told somebody in particular', async () => {
    const { check } = await gateFixture()
    const answer = direct(await check('/media/k/a', { headers: { 'x-user': 'bob' } }))
    expect(header(answer.headers, 'cache-control')).toBe('private, no-store')
  })

  it('works with a store of four members', async () => {
    const { store } = await gateFixture()
    await store.put(BYTES, { filename: 'a.txt', at: { key: 'a' }, visibility: 'public' })
    const { availability, warm, stat, url } = store
    const gate = createGate({ store: { availability, warm, stat, url }, authorize: () => true })
    expect((await gate.check(asked('/media/k/a'))).facts.state).toBe('ready')
    expect((await gate.check(asked('/media/k/b'))).facts.state).toBe('missing')
    gate.close()
  })

  it('asks no paid store about 10,000 names that do not exist', async () => {
    const paid = withMeter(memoryStore({ name: 's3' }))
    const attempts: unknown[] = []
    paid.observe?.((attempt) => void attempts.push(attempt))
    const { gate } = await gateFixture({}, { tiers: [{ name: 's3', store: paid }] })
    attempts.length = 0
    for (let n = 0; n < 10_000; n++) await gate.check(asked(`/media/k/none-${n}`))
    expect(attempts).toEqual([])
  })
})
