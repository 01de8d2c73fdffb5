import { expect, it } from 'vitest'
import { MediaError } from '../errors/media-error.ts'
import { fixture, keys, small } from '../media-store/store.fixture.ts'
import { memoryStore } from '../memory/object-store/index.ts'
import { systemClock } from '../time/clock.ts'

const INTERVAL_MS = 1_000

it('copies that a round made are in the journal of their volume when it ends', async () => {
  const [first, second] = [memoryStore(), memoryStore()]
  const due: (() => void)[] = []
  let isFull = true
  const { store } = await fixture({
    minCopies: 2,
    upkeep: { intervalMs: INTERVAL_MS },
    clock: {
      ...systemClock,
      after(ms, run) {
        if (ms === INTERVAL_MS) due.push(run)
        return () => {}
      },
    },
    tiers: [
      { name: 'first', store: first },
      {
        name: 'second',
        store: {
          ...second,
          async put(...given) {
            if (isFull) throw new MediaError('MEDIA_NO_SPACE', 'full', { reason: 'volume-full' })
            return second.put(...given)
          },
        },
      },
    ],
  })
  await store.put(small)
  expect(await keys(second)).toEqual([])
  isFull = false
  due.splice(0).at(-1)?.()
  while (due.length === 0) await new Promise(setImmediate)
  const [copy = 'none'] = await keys(second)
  expect(second.volume.journal.segments.flat().join('\n')).toContain(copy)
})
