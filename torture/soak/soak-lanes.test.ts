import type { MediaStore } from '@mediakeep/core'
import { memoryMediaStore, seededRandom } from '@mediakeep/testkit'
import { expect, it } from 'vitest'
import type { Journal } from '../writers/journal.ts'
import { runSoakLane } from './soak-lanes.ts'

async function faultsOf(sabotage: (store: MediaStore) => Partial<MediaStore>): Promise<readonly string[]> {
  const faults: string[] = []
  const say = (): void => {}
  const journal: Journal = {
    opened: say,
    putting: say,
    put: say,
    deleting: say,
    deleted: say,
    close: say,
    fault: (text) => faults.push(text),
  }
  await using store = await memoryMediaStore()
  let puts = 0
  await runSoakLane({
    store: Object.assign(Object.create(store) as MediaStore, sabotage(store)),
    journal,
    name: 'lane',
    random: seededRandom(1),
    onPut: () => {
      puts += 1
    },
    isOver: () => puts >= 250,
  })
  return faults
}

it('finds nothing wrong with a store that is right', async () => {
  expect(await faultsOf(() => ({}))).toEqual([])
})

it('convicts a store that gives the bytes of another media', async () => {
  const faults = await faultsOf((store) => ({ open: () => store.open({ key: 'lane/0' }) }))
  expect(faults.length).toBeGreaterThan(0)
})

it('convicts a store that acknowledges a delete it does not do', async () => {
  const faults = await faultsOf(() => ({ delete: async () => true }))
  expect(faults.length).toBeGreaterThan(0)
})
