import { describe, expect, it } from 'vitest'
import type { ObjectHint } from '../contracts/tiering.ts'
import {
  imported,
  keysOf,
  mediaAt,
  reconciled,
  TIER,
  untilTrue,
  withForeign,
} from '../media-store/external.fixture.ts'
import { bytesOf } from '../media-store/store.fixture.ts'
import { createMemoryTables, memoryCatalog } from '../memory/catalog/index.ts'
import { systemClock } from '../time/clock.ts'

describe('hint()', () => {
  it('does for one object what reconcile would: new, same, changed, gone', async () => {
    const { store, bucket } = await withForeign()
    const hint = (key: string) => store.tiers.hint({ tier: TIER, key })
    expect(await hint('a')).toBe('unchanged')
    bucket.put('a', 'one', 'image/png')
    expect(await hint('a')).toBe('registered')
    expect(await mediaAt(store, 'a')).toMatchObject({ contentType: 'image/png', sizeBytes: 3 })
    expect(await hint('a')).toBe('unchanged')
    bucket.put('a', 'three')
    expect(await hint('a')).toBe('replaced')
    expect((await bytesOf(store, { key: 'a' })).toString()).toBe('three')
    bucket.delete('a')
    expect(await hint('a')).toBe('forgotten')
    expect(await hint('a')).toBe('unchanged')
    expect(await keysOf(store)).toEqual([])
    bucket.put('folder/', '')
    expect(await hint('folder/')).toBe('refused')
    expect(bucket.writes).toEqual([])
  })

  it('a late hint of a deletion forgets nothing when the object was put again since', async () => {
    const { store, bucket } = await withForeign()
    bucket.put('a', 'one')
    await imported(store)
    const { id } = await mediaAt(store, 'a')
    bucket.delete('a')
    bucket.put('a', 'one')
    expect(await store.tiers.hint({ tier: TIER, key: 'a' })).toBe('unchanged')
    bucket.delete('a')
    bucket.put('a', 'two')
    expect(await store.tiers.hint({ tier: TIER, key: 'a' })).toBe('replaced')
    expect((await mediaAt(store, 'a')).id).toBe(id)
  })

  it('late, double and out of order hints end in what the store has, in any number of processes', async () => {
    const tables = createMemoryTables()
    const one = await withForeign({ catalog: memoryCatalog({ tables }) })
    const other = await withForeign({ catalog: memoryCatalog({ tables }), bucket: one.bucket })
    const { bucket } = one
    let seed = 7
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
      return seed % below
    }
    const pause = async (): Promise<void> => {
      for (let turns = random(6); turns > 0; turns--) await new Promise(setImmediate)
    }
    bucket.before = pause
    bucket.answered = pause
    for (let round = 0; round < 60; round++) {
      const hints: Promise<unknown>[] = []
      for (let step = 0; step < 8; step++) {
        const key = `${random(2)}`
        if (random(3) === 0) bucket.delete(key)
        else bucket.put(key, `${random(3)}`)
        const { store } = random(2) === 0 ? one : other
        for (let times = random(3) + 1; times > 0; times--) hints.push(store.tiers.hint({ tier: TIER, key }))
        if (random(2) === 0) await new Promise(setImmediate)
      }
      // A reconciliation now and then, whose listing is as old.
      if (round % 4 === 0) hints.push(reconciled(one.store))
      await Promise.all(hints)
      for (const key of ['0', '1']) {
        const head = await bucket.store.head(key)
        const media = await one.store.stat({ key })
        expect(media === undefined, `round ${round}, ${key}`).toBe(head === undefined)
        if (head === undefined) continue
        const reader = await bucket.store.get(key)
        const bytes = await reader?.stream().toArray()
        expect((await bytesOf(one.store, { key })).toString(), `round ${round}`).toBe(
          Buffer.concat(bytes ?? []).toString(),
        )
      }
    }
  })

  it('an answer that was slow on its way is mended when another process recorded a newer one meanwhile', async () => {
    const tables = createMemoryTables()
    const one = await withForeign({ catalog: memoryCatalog({ tables }) })
    const other = await withForeign({ catalog: memoryCatalog({ tables }), bucket: one.bucket })
    const { bucket } = one
    const change = { put: () => bucket.put('a', 'new'), delete: () => bucket.delete('a') }
    for (const act of ['put', 'delete'] as const) {
      bucket.put('a', 'first')
      await one.store.tiers.hint({ tier: TIER, key: 'a' })
      bucket.put('a', 'old')
      let letGo = (): void => {}
      const held = new Promise<void>((resolve) => {
        letGo = resolve
      })
      const isAsked = new Promise<void>((resolve) => {
        bucket.answered = () => {
          bucket.answered = undefined
          resolve()
          return held
        }
      })
      const slow = one.store.tiers.hint({ tier: TIER, key: 'a' })
      await isAsked
      change[act]()
      await other.store.tiers.hint({ tier: TIER, key: 'a' })
      letGo()
      await slow
      if (act === 'delete') expect(await keysOf(one.store)).toEqual([])
      else expect((await bytesOf(one.store, { key: 'a' })).toString()).toBe('new')
    }
  })

  it('what changed while it was being recorded is looked at once more', async () => {
    const { store, bucket } = await withForeign()
    bucket.put('a', 'one')
    let heads = 0
    bucket.before = (call) => {
      if (call === 'head' && ++heads === 2) bucket.put('a', 'two')
    }
    expect(await store.tiers.hint({ tier: TIER, key: 'a' })).toBe('replaced')
    expect((await bytesOf(store, { key: 'a' })).toString()).toBe('two')
  })

  it('fails when the store cannot be asked, and forgets nothing then', async () => {
    const { store, bucket } = await withForeign()
    bucket.put('a', 'one')
    await imported(store)
    bucket.delete('a')
    bucket.isDown = true
    await expect(store.tiers.hint({ tier: TIER, key: 'a' })).rejects.toMatchObject({
      code: 'MEDIA_UNAVAILABLE',
    })
    bucket.isDown = false
    bucket.isOther = true
    await expect(store.tiers.hint({ tier: TIER, key: 'a' })).rejects.toMatchObject({
      code: 'MEDIA_UNAVAILABLE',
    })
    expect(await keysOf(store)).toEqual(['a'])
  })
})

/** Hints that are given one by one, and how many were asked for. */
function source() {
  const given: ObjectHint[] = []
  let [asked, isEnded] = [0, false]
  let wake = (): void => {}
  async function* hints(): AsyncGenerator<ObjectHint> {
    for (;;) {
      asked += 1
      while (given.length === 0 && !isEnded) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      const next = given.shift()
      if (next === undefined) return
      yield next
    }
  }
  return {
    hints: hints(),
    asked: () => asked,
    give(...more: ObjectHint[]) {
      given.push(...more)
      wake()
    },
    end() {
      isEnded = true
      wake()
    },
  }
}

describe('followHints()', () => {
  it('works all hints off before it ends, and looks once at a key that is hinted at while it waits', async () => {
    const { store, bucket } = await withForeign()
    let letGo = (): void => {}
    const held = new Promise<void>((resolve) => {
      letGo = resolve
    })
    bucket.before = async (call) => {
      if (call === 'head') await held
    }
    const { hints, give, end } = source()
    const following = store.tiers.followHints(hints, { tier: TIER })
    for (let n = 0; n < 20; n++) bucket.put(`${n}`, 'x')
    for (let times = 0; times < 50; times++) for (let n = 0; n < 20; n++) give({ key: `${n}` })
    end()
    await new Promise(setImmediate)
    letGo()
    await following
    expect(await keysOf(store)).toHaveLength(20)
    // Twice each to register, and once more for those that were being looked at when a hint came.
    expect(bucket.count('head')).toBeLessThanOrEqual(20 * 2 + 8)
  })

  it('a hint that comes while its key is looked at is looked at again', async () => {
    const { store, bucket } = await withForeign()
    bucket.put('a', 'one')
    const { hints, give, end } = source()
    let heads = 0
    bucket.before = (call) => {
      if (call !== 'head') return
      heads += 1
      // After the last answer of the first look was made, before it is recorded.
      if (heads === 2) {
        setImmediate(() => {
          bucket.put('a', 'two')
          give({ key: 'a' })
          end()
        })
      }
    }
    give({ key: 'a' })
    await store.tiers.followHints(hints, { tier: TIER })
    expect((await bytesOf(store, { key: 'a' })).toString()).toBe('two')
  })

  it('after a lost connection everything is looked at', async () => {
    const { store, bucket } = await withForeign()
    bucket.put('a', 'one')
    bucket.put('b', 'one')
    const { hints, give, end } = source()
    give({ type: 'all' })
    end()
    await store.tiers.followHints(hints, { tier: TIER })
    expect(await keysOf(store)).toEqual(['a', 'b'])
  })

  it('what fails is tried again, and told when it goes on failing', async () => {
    const pauses: number[] = []
    const clock = {
      ...systemClock,
      after(ms: number, run: () => void) {
        pauses.push(ms)
        const soon = setImmediate(run)
        return () => clearImmediate(soon)
      },
    }
    const { store, bucket, events } = await withForeign({ clock, upkeep: { intervalMs: 0 } })
    bucket.put('a', 'one')
    let failures = 2
    bucket.before = (call) => {
      bucket.isDown = call === 'head' && failures-- > 0
    }
    const one = source()
    one.give({ key: 'a' })
    one.end()
    await store.tiers.followHints(one.hints, { tier: TIER })
    expect(await keysOf(store)).toEqual(['a'])
    expect(pauses.filter((ms) => ms >= 2_000)).toEqual(expect.arrayContaining([2_000, 4_000]))
    failures = 1_000
    const two = source()
    two.give({ key: 'b' })
    two.end()
    await store.tiers.followHints(two.hints, { tier: TIER })
    expect(events).toContainEqual(expect.objectContaining({ type: 'upkeep.failed', task: 'hint' }))
  })

  it('does not ask for hints that it has no place for', async () => {
    const { store, bucket } = await withForeign()
    let letGo = (): void => {}
    const held = new Promise<void>((resolve) => {
      letGo = resolve
    })
    bucket.before = async (call) => {
      if (call === 'head') await held
    }
    const { hints, give, end, asked } = source()
    for (let n = 0; n < 12_000; n++) give({ key: `${n}` })
    end()
    const following = store.tiers.followHints(hints, { tier: TIER })
    await untilTrue(() => asked() >= 10_000)
    for (let turns = 0; turns < 100; turns++) await new Promise(setImmediate)
    expect(asked()).toBeLessThan(10_100)
    letGo()
    await following
    expect(bucket.count('head')).toBe(12_000)
  })

  it('ends with the reason when it is aborted while it waits for a hint', async () => {
    const { store } = await withForeign()
    const ending = new AbortController()
    const following = store.tiers.followHints(source().hints, { tier: TIER, signal: ending.signal })
    await new Promise(setImmediate)
    const reason = new Error('enough')
    ending.abort(reason)
    await expect(following).rejects.toBe(reason)
  })

  it('fails at once for a tier that is not external, and with the error of its source', async () => {
    const { store } = await withForeign()
    await expect(store.tiers.followHints(source().hints, { tier: 'disk' })).rejects.toMatchObject({
      reason: 'not-external',
    })
    async function* broken(): AsyncGenerator<ObjectHint> {
      yield { key: 'a' }
      throw new Error('the connection broke')
    }
    await expect(store.tiers.followHints(broken(), { tier: TIER })).rejects.toThrow('the connection broke')
  })
})
