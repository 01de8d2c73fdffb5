import { describe, expect, test } from 'vitest'
import { runCase } from '../../conformance/run.ts'
import { resourceStatesCases } from '../cases.ts'
import { resourceStatesConformance } from '../harness.ts'
import { memoryStatesHarness } from '../memory-harness.ts'
import { type StatesMutant, statesMutants } from './index.ts'

async function failuresOf(mutant: StatesMutant, ids: readonly string[]): Promise<readonly string[]> {
  const conformance = resourceStatesConformance(memoryStatesHarness({ wrap: mutant.break, timeoutMs: 4_000 }))
  const cases = resourceStatesCases.filter((entry) => ids.includes(entry.id))
  const results = await Promise.all(cases.map((entry) => runCase(conformance, { type: 'run', case: entry })))
  return results.filter((result) => result.outcome === 'failed').map((result) => result.id)
}

const everyId = resourceStatesCases.map((entry) => entry.id)

describe('resource state mutants', () => {
  test('each has an id of its own and says by which cases it is convicted', () => {
    expect(new Set(statesMutants.map((mutant) => mutant.id)).size).toBe(statesMutants.length)
    for (const mutant of statesMutants) {
      expect(mutant.convictedBy.length, mutant.id).toBeGreaterThan(0)
      expect(everyId, mutant.id).toEqual(expect.arrayContaining([...mutant.convictedBy]))
    }
  })

  test('every case is failed by at least one of them, so that no case is vacuous', () => {
    const convicting = new Set(statesMutants.flatMap((mutant) => mutant.convictedBy))
    expect(everyId.filter((id) => !convicting.has(id))).toEqual([])
  })

  for (const mutant of statesMutants) {
    test(`${mutant.id} is convicted: ${mutant.fault}`, async () => {
      expect(await failuresOf(mutant, mutant.convictedBy)).toEqual(
        everyId.filter((id) => mutant.convictedBy.includes(id)),
      )
    })
  }
})
