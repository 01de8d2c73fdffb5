import { describe, expect, it } from 'vitest'
import type { ObjectStore, SweepUploadsOptions } from '../contracts/object-store.ts'
import { UPLOAD_SWEEP_AFTER_MS } from '../defaults.ts'
import { MediaError } from '../errors/media-error.ts'
import { foreignBucket } from '../external/foreign-bucket.fixture.ts'
import { fixture } from '../media-store/store.fixture.ts'
import { memoryStore } from '../memory/object-store/index.ts'

interface Swept {
  readonly store: ObjectStore
  readonly asked: SweepUploadsOptions[]
}

function sweeping(name: string, answer: () => Promise<number>): Swept {
  const asked: SweepUploadsOptions[] = []
  const store = memoryStore({ name })
  return {
    asked,
    store: Object.assign(store, {
      sweepUploads(options: SweepUploadsOptions) {
        asked.push(options)
        return answer()
      },
    }),
  }
}

async function endedBy(
  store: Awaited<ReturnType<typeof fixture>>['store'],
  options: Parameters<typeof store.upkeep.collectGarbage>[0],
): Promise<number | undefined> {
  let last: number | undefined
  for await (const { endedUploads } of store.upkeep.collectGarbage(options)) last = endedUploads
  return last
}

describe('collectGarbage(), of uploads that nobody finished', () => {
  it('a thorough run ends those of every volume that are older than any upload, and tells how many', async () => {
    const [one, other] = [sweeping('one', async () => 2), sweeping('other', async () => 3)]
    const { store } = await fixture({
      tiers: [
        { name: 'disk', store: memoryStore() },
        { name: 'one', store: one.store },
        { name: 'other', store: other.store },
      ],
    })
    expect(await endedBy(store, { thorough: true })).toBe(5)
    expect(one.asked).toMatchObject([{ olderThanMs: UPLOAD_SWEEP_AFTER_MS, context: { cause: 'gc' } }])
    expect(UPLOAD_SWEEP_AFTER_MS).toBeGreaterThanOrEqual(7 * 24 * 3_600_000)
    expect(other.asked).toHaveLength(1)
    expect(await endedBy(store, { thorough: true, uploadsOlderThanMs: 5 })).toBe(5)
    expect(one.asked[1]).toMatchObject({ olderThanMs: 5 })
  })

  it.each([Number.NaN, -1, 0.5, Number.POSITIVE_INFINITY])(
    'an age of %s is refused before anything is collected, and ends none',
    async (uploadsOlderThanMs) => {
      const { store: objects, asked } = sweeping('one', async () => 1)
      const { store } = await fixture({ tiers: [{ name: 'one', store: objects }] })
      await store.delete((await store.put(Buffer.from('gone'))).id)
      await expect(endedBy(store, { thorough: true, graceMs: 0, uploadsOlderThanMs })).rejects.toMatchObject({
        code: 'MEDIA_BAD_INPUT',
        reason: 'bad-amount',
      })
      expect(asked).toEqual([])
      expect((await objects.list()).objects).toHaveLength(1)
    },
  )

  it('neither a dry run nor one that is not thorough ends any', async () => {
    const { store: objects, asked } = sweeping('one', async () => 1)
    const { store } = await fixture({ tiers: [{ name: 'one', store: objects }] })
    expect(await endedBy(store, { thorough: true, dryRun: true })).toBe(0)
    expect(await endedBy(store, {})).toBe(0)
    expect(asked).toEqual([])
  })

  it('a volume that fails is told of, and keeps the others and the collection from nothing', async () => {
    const bad = sweeping('bad', async () => {
      throw new MediaError('MEDIA_UNAVAILABLE', 'bad: it is down')
    })
    const good = sweeping('good', async () => 4)
    const { store, events } = await fixture({
      tiers: [
        { name: 'bad', store: bad.store },
        { name: 'good', store: good.store },
      ],
    })
    const media = await store.put(Buffer.from('gone'))
    await store.delete(media.id)
    let freed = 0
    let ended = 0
    for await (const step of store.upkeep.collectGarbage({ thorough: true, graceMs: 0 })) {
      freed = step.freedObjects
      ended = step.endedUploads
    }
    expect({ freed, ended }).toEqual({ freed: 1, ended: 4 })
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'upkeep.failed', task: 'sweep-uploads', message: 'bad: it is down' }),
    )
  })

  it('uploads in a store that is not ours are never ended', async () => {
    const asked: SweepUploadsOptions[] = []
    const bucket = foreignBucket()
    const theirs = Object.assign(bucket.store, {
      async sweepUploads(options: SweepUploadsOptions) {
        asked.push(options)
        return 1
      },
    })
    const { store } = await fixture({
      tiers: [
        { name: 'disk', store: memoryStore() },
        { name: 'theirs', store: theirs, role: 'external' },
      ],
    })
    expect(await endedBy(store, { thorough: true, uploadsOlderThanMs: 0 })).toBe(0)
    expect(asked).toEqual([])
  })
})
