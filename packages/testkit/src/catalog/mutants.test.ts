import { createMemoryTables, memoryCatalog } from '@mediakeep/core'
import { describe, expect, test } from 'vitest'
import { fakeClock } from '../clock.ts'
import { catalogCases } from './cases.ts'
import type { CatalogCase } from './context.ts'
import { catalogConformance } from './harness.ts'
import { loseMarks } from './memory-harness.ts'
import { type CatalogMutant, catalogMutants } from './mutants.ts'

const HANG_MS = 5_000

/** How a case takes a mutant: its own check fails, it leaves something behind, or it notices nothing. */
async function verdict(
  entry: CatalogCase,
  { mutate }: CatalogMutant,
): Promise<'check' | 'leftovers' | 'nothing'> {
  const { open } = catalogConformance({
    clock: 'fake',
    persists: true,
    create() {
      const clock = fakeClock()
      const tables = createMemoryTables()
      const make = () => mutate(memoryCatalog({ clock, tables }), tables)
      return {
        catalog: make(),
        again: make,
        async advance(ms) {
          clock.advance(ms)
        },
        loseMarks: async () => loseMarks(tables),
        async cleanup() {},
      }
    },
  })
  const { context, leftovers } = await open()
  try {
    await entry.check(context)
  } catch {
    return 'check'
  }
  try {
    return (await leftovers()).length > 0 ? 'leftovers' : 'nothing'
  } catch {
    return 'leftovers'
  }
}

describe('the mutants of catalogs', () => {
  const cases = new Map(catalogCases.map((entry) => [entry.id, entry]))
  const convicted = new Set<string>()

  for (const mutant of catalogMutants) {
    test(`${mutant.id} (${mutant.breaks}) is convicted`, { timeout: HANG_MS }, async () => {
      expect(mutant.convicts.length).toBeGreaterThan(0)
      for (const id of mutant.convicts) {
        const entry = cases.get(id)
        if (entry === undefined) throw new Error(`${id} is no case`)
        const found = await verdict(entry, mutant)
        expect(found, id).not.toBe('nothing')
        if (found === 'check') convicted.add(id)
      }
    })
  }

  test('every case can fail: some mutant fails its own check', () => {
    expect(catalogCases.map(({ id }) => id).filter((id) => !convicted.has(id))).toEqual([])
  })

  test('no two mutants share a name', () => {
    expect(new Set(catalogMutants.map(({ id }) => id)).size).toBe(catalogMutants.length)
  })
})
