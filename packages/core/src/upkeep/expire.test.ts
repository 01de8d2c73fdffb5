import { Readable } from 'node:stream'
import { expect, it } from 'vitest'
import { MediaError } from '../errors/media-error.ts'
import { bytesOf, fixture, large } from '../media-store/store.fixture.ts'
import { memoryStore } from '../memory/object-store/index.ts'
import { systemClock } from '../time/clock.ts'

it('expire() leaves what a live session stages', async () => {
  const { store, objects } = await fixture()
  const body = new Readable({ read() {} })
  body.push(large.subarray(0, 2_000_000))
  const put = store.put(body, { filename: 'large.bin' })
  while (objects.staging?.usedBytes === 0) await new Promise(setImmediate)
  let removed = 0
  for await (const { removedStagingFiles } of store.upkeep.expire()) removed += removedStagingFiles
  expect(removed).toBe(0)
  body.push(large.subarray(2_000_000))
  body.push(null)
  expect(large.equals(await bytesOf(store, (await put).id))).toBe(true)
  expect(objects.staging?.usedBytes).toBe(0)
})

it('expire() passes over a volume that is away, tells it, and sweeps the others', async () => {
  const [away, here] = [memoryStore(), memoryStore()]
  let isAway = false
  let swept = 0
  let nowMs = Date.now()
  const { store, events } = await fixture({
    clock: { ...systemClock, now: () => (nowMs += 10_000) },
    tiers: [
      {
        name: 'away',
        store: {
          ...away,
          async identity() {
            if (isAway) throw new MediaError('MEDIA_UNAVAILABLE', 'unmounted', { reason: 'volume-offline' })
            return away.volume.identity
          },
        },
      },
      {
        name: 'here',
        store: {
          ...here,
          ...(here.staging === undefined
            ? {}
            : { staging: { ...here.staging, sweep: async () => Promise.resolve(++swept) } }),
        },
      },
    ],
  })
  isAway = true
  for await (const _ of store.upkeep.expire()) continue
  expect(swept).toBe(1)
  expect(events).toContainEqual(expect.objectContaining({ type: 'upkeep.failed', task: 'expire' }))
})
