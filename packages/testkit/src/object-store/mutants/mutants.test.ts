import { describe, expect, test } from 'vitest'
import { runCase } from '../../conformance/run.ts'
import { objectStoreCases } from '../cases.ts'
import { objectStoreConformance } from '../harness.ts'
import { memoryHarness } from '../memory-harness.ts'
import { type StoreMutant, storeMutants } from './index.ts'

// A mutant may answer never; a case that waits is convicted by time. Long enough for a busy machine to pass honest cases.
const MUTANT_TIMEOUT_MS = 3_000

async function failuresOf(mutant: StoreMutant, ids: readonly string[]): Promise<readonly string[]> {
  const conformance = objectStoreConformance(
    memoryHarness({ wrap: mutant.break, local: mutant.local === true, timeoutMs: MUTANT_TIMEOUT_MS }),
  )
  const cases = objectStoreCases.filter((entry) => ids.includes(entry.id))
  const results = await Promise.all(cases.map((entry) => runCase(conformance, { type: 'run', case: entry })))
  return results.filter((result) => result.outcome === 'failed').map((result) => result.id)
}

const everyId = objectStoreCases.map((entry) => entry.id)

describe('object store mutants', () => {
  test('each has an id of its own and says by which cases it is convicted', () => {
    expect(new Set(storeMutants.map((mutant) => mutant.id)).size).toBe(storeMutants.length)
    for (const mutant of storeMutants) {
      expect(mutant.convictedBy.length, mutant.id).toBeGreaterThan(0)
      expect(everyId, mutant.id).toEqual(expect.arrayContaining([...mutant.convictedBy]))
    }
  })

  test('every case is failed by at least one of them, so that no case is vacuous', () => {
    const convicting = new Set(storeMutants.flatMap((mutant) => mutant.convictedBy))
    expect(everyId.filter((id) => !convicting.has(id))).toEqual([])
    const pairs = storeMutants.reduce((sum, mutant) => sum + mutant.convictedBy.length, 0)
    process.stdout.write(`${storeMutants.length} mutants, ${everyId.length} cases, ${pairs} convictions\n`)
  })

  for (const mutant of storeMutants) {
    test(`${mutant.id} is convicted: ${mutant.fault}`, async () => {
      expect(await failuresOf(mutant, mutant.convictedBy)).toEqual(
        everyId.filter((id) => mutant.convictedBy.includes(id)),
      )
    })
  }
})
