import { describe, expect, it } from 'vitest'
import type { MediaEvent } from '../contracts/observer.ts'
import type { ObjectHint } from '../contracts/tiering.ts'
import { FOLLOW_RETRY_MAX_MS, FOLLOW_RETRY_MS } from '../defaults.ts'
import { MediaError } from '../errors/media-error.ts'
import { TIER, untilTrue } from '../media-store/external.fixture.ts'
import { fixture } from '../media-store/store.fixture.ts'
import { memoryStore } from '../memory/object-store/index.ts'
import { followByItself } from './follow-by-itself.ts'
import { foreignBucket } from './foreign-bucket.fixture.ts'

/** Waits that were asked for; the test ends them. */
function steppedClock() {
  const waits: { readonly ms: number; end(): void }[] = []
  let nowMs = 0
  return {
    waits,
    clock: {
      now: () => nowMs,
      after(ms: number, run: () => void) {
        const wait = {
          ms,
          end() {
            waits.splice(waits.indexOf(wait), 1)
            nowMs += ms
            run()
          },
        }
        waits.push(wait)
        return () => void (waits.includes(wait) && waits.splice(waits.indexOf(wait), 1))
      },
    },
    advance(ms: number) {
      nowMs += ms
    },
  }
}

async function* nothing(): AsyncGenerator<ObjectHint> {}

const tier = { name: TIER, store: memoryStore(), role: 'external', imports: { namespace: 'n' } } as const

describe('following hints in the background', () => {
  it('asks a source that ends or fails anew, after pauses that double, and tells of the failure', async () => {
    const { clock, waits, advance } = steppedClock()
    const events: MediaEvent[] = []
    let asked = 0
    let lastsMs = 0
    const stop = followByItself(
      { clock, emit: (event) => void events.push(event) },
      {
        async followHints(namespace, _hints, { tier: name }) {
          expect([namespace, name]).toEqual(['n', TIER])
          asked += 1
          advance(lastsMs)
          if (asked > 1) throw new MediaError('MEDIA_UNAVAILABLE', 'refused')
        },
      },
      () => Promise.reject(new Error('there is no other tier')),
      [
        { ...tier, hints: nothing },
        { ...tier, name: 'quiet' },
      ],
    )
    const pauses: number[] = []
    for (let times = 1; times <= 12; times++) {
      await untilTrue(() => waits.length === 1)
      expect(asked).toBe(times)
      pauses.push(waits[0]?.ms ?? 0)
      waits[0]?.end()
    }
    expect(pauses.slice(0, 4)).toEqual([1, 2, 4, 8].map((n) => n * FOLLOW_RETRY_MS))
    expect(pauses.at(-1)).toBe(FOLLOW_RETRY_MAX_MS)
    expect(events[0]).toMatchObject({ type: 'upkeep.failed', task: 'follow', message: 'refused' })
    // A connection that held is begun again soon.
    lastsMs = FOLLOW_RETRY_MAX_MS + 1
    await untilTrue(() => waits.length === 1)
    waits[0]?.end()
    await untilTrue(() => waits.length === 1)
    expect(waits[0]?.ms).toBe(FOLLOW_RETRY_MS)
    await stop()
    expect(waits).toEqual([])
  })

  it('a store follows the hints of a tier by itself, and closing it ends them', async () => {
    const bucket = foreignBucket()
    bucket.put('a', 'one')
    let ended: (() => void) | undefined
    const end = new Promise<void>((resolve) => {
      ended = resolve
    })
    const { store } = await fixture({
      upkeep: { intervalMs: 3_600_000 },
      tiers: [
        { name: 'disk', store: memoryStore() },
        {
          name: TIER,
          store: bucket.store,
          role: 'external',
          imports: {},
          async *hints({ signal }) {
            yield { key: 'a' }
            await new Promise((resolve) => signal.addEventListener('abort', resolve))
            ended?.()
          },
        },
      ],
    })
    await untilTrue(async () => (await store.stat({ key: 'a' })) !== undefined)
    expect(bucket.count('list')).toBe(0)
    await store.close()
    await end
  })

  it('a round that fails for another reason than its source leaves no listener open, and closing ends the last', async () => {
    const { clock, waits } = steppedClock()
    const bucket = foreignBucket()
    bucket.put('a', 'one')
    let [opened, ended] = [0, 0]
    const { store, events } = await fixture({
      upkeep: { intervalMs: 3_600_000 },
      tiers: [
        { name: 'disk', store: memoryStore() },
        {
          name: TIER,
          store: bucket.store,
          role: 'external',
          imports: {
            keyOf() {
              throw new Error('a fault of the host')
            },
          },
          async *hints({ signal }) {
            opened += 1
            signal.addEventListener('abort', () => {
              ended += 1
            })
            yield { key: 'a' }
            await new Promise((resolve) => signal.addEventListener('abort', resolve))
          },
        },
      ],
      clock,
    })
    for (let times = 1; times <= 4; times++) {
      await untilTrue(() => opened === times && ended === times)
      await untilTrue(() => waits.some(({ ms }) => ms === FOLLOW_RETRY_MS * 2 ** (times - 1)))
      waits.find(({ ms }) => ms === FOLLOW_RETRY_MS * 2 ** (times - 1))?.end()
    }
    expect(events.filter((event) => event.type === 'upkeep.failed' && event.task === 'follow').length).toBe(4)
    await store.close()
    expect(ended).toBe(opened)
  })

  it('a hint of a key that the store cannot have is refused, and those behind it are followed', async () => {
    const bucket = foreignBucket()
    bucket.put('a', 'one')
    bucket.before = (call, key) => {
      if (call === 'head' && key === '')
        throw new MediaError('MEDIA_BAD_INPUT', 'an empty key', { reason: 'bad-key' })
    }
    let opened = 0
    const { store, events } = await fixture({
      upkeep: { intervalMs: 3_600_000 },
      tiers: [
        { name: 'disk', store: memoryStore() },
        {
          name: TIER,
          store: bucket.store,
          role: 'external',
          imports: {},
          async *hints({ signal }) {
            opened += 1
            yield { key: '' }
            for (let turns = 0; turns < 20; turns++) await new Promise(setImmediate)
            yield { key: 'a' }
            await new Promise((resolve) => signal.addEventListener('abort', resolve))
          },
        },
      ],
    })
    await untilTrue(async () => (await store.stat({ key: 'a' })) !== undefined)
    expect(await store.tiers.hint({ tier: TIER, key: '' })).toBe('refused')
    expect(opened).toBe(1)
    expect(events.filter(({ type }) => type === 'upkeep.failed')).toEqual([])
    await store.close()
  })

  it('hints of a tier that has no imports are refused', async () => {
    await expect(
      fixture({ tiers: [{ name: 'disk', store: memoryStore(), hints: nothing }] }),
    ).rejects.toMatchObject({
      reason: 'bad-composition',
      message: expect.stringContaining('hints') as string,
    })
  })
})
