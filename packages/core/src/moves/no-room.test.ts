import { Readable } from 'node:stream'
import { expect, it } from 'vitest'
import { KiB } from '../bytes/sizes.ts'
import type { Catalog } from '../contracts/catalog.ts'
import type { Clock } from '../contracts/clock.ts'
import type { MediaStore } from '../contracts/media-store.ts'
import { USAGE_FRESH_MS } from '../defaults.ts'
import { MediaError } from '../errors/media-error.ts'
import { bytesOf, fixture, keys, noise } from '../media-store/store.fixture.ts'
import { memoryCatalog } from '../memory/catalog/index.ts'
import { type MemoryStore, memoryStore } from '../memory/object-store/index.ts'
import { systemClock } from '../time/clock.ts'
import { type PaidStore, PRICES, paidStore } from './paid-store.fixture.ts'

interface Asked {
  readonly store: MediaStore
  readonly paid: PaidStore
  readonly disk: MemoryStore
  /** Volumes that puts were to be staged on, one for each call of the catalog. */
  readonly staged: string[]
}

/** @param lost the call of `stagePlacement`, counted from 1, whose answer is lost once it has been done */
async function asked(capacityBytes: number, clock: Clock = systemClock, lost?: number): Promise<Asked> {
  const disk = memoryStore({ name: 'disk' })
  const inner = memoryCatalog({ clock })
  const staged: string[] = []
  const catalog: Catalog = {
    ...inner,
    async stagePlacement(input) {
      staged.push(input.volumeId)
      const answer = await inner.stagePlacement(input)
      if (staged.length !== lost) return answer
      throw new MediaError('MEDIA_UNAVAILABLE', 'the connection was lost', { reason: 'catalog-unreachable' })
    },
  }
  const paid = paidStore()
  const { store } = await fixture({
    catalog,
    clock,
    tiers: [
      { name: 'disk', store: disk, capacityBytes },
      { name: 's3', store: paid.store, prices: PRICES },
    ],
  })
  return { store, paid, disk, staged }
}

it('a body that a volume is known to have no room for asks the catalog once, for the one that has', async () => {
  const { store, disk, staged } = await asked(100 * KiB)
  const bytes = noise(101 * KiB)
  const { id } = await store.put(bytes)
  expect(staged).toHaveLength(1)
  expect(await keys(disk)).toEqual([])
  expect((await bytesOf(store, id)).equals(bytes)).toBe(true)
  await store.put(noise(20 * KiB))
  expect(await keys(disk)).toHaveLength(1)
})

it('room that a staged body has reserved for itself does not count against it', async () => {
  let nowMs = 1_700_000_000_000
  const { store, disk } = await asked(6_000 * KiB, { ...systemClock, now: () => nowMs })
  async function* body() {
    for (let n = 0; n < 64; n++) yield noise(64 * KiB)
    nowMs += 2 * USAGE_FRESH_MS
  }
  await store.put(body(), { sizeBytes: 4_096 * KiB })
  expect(await keys(disk)).toHaveLength(1)
})

it.each([
  ['small', 101 * KiB],
  ['staged', 3_000 * KiB],
])(
  'a %s body that only the bucket has room for is to come again while that is away',
  async (_, sizeBytes) => {
    const { store, paid } = await asked(100 * KiB)
    paid.isDown = true
    for (const options of [{}, { sizeBytes }])
      await expect(store.put(Readable.from([noise(sizeBytes)]), options)).rejects.toMatchObject({
        code: 'MEDIA_UNAVAILABLE',
        reason: 'connection',
      })
  },
)

it('a catalog that fails is no reason to go to the next volume: what it did may count', async () => {
  const { store, staged } = await asked(1_000 * KiB, systemClock, 1)
  await expect(store.put(noise(20 * KiB))).rejects.toMatchObject({
    code: 'MEDIA_UNAVAILABLE',
    reason: 'catalog-unreachable',
  })
  expect(staged).toHaveLength(1)
  await store.put(noise(20 * KiB))
})
