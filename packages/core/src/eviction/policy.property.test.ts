import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createEvictionPolicy, type EvictionPolicy } from './policy.ts'
import type { EvictionSetting } from './setting.ts'

const RUNS = 300
const HUGE = 2 ** 40

const settings: fc.Arbitrary<EvictionSetting> = fc.oneof(
  fc.constantFrom<EvictionSetting[]>('balanced', 'requests', 'bytes', 'lru'),
  fc.double({ min: 0, max: 1, noNaN: true }).map((exponent) => ({ exponent })),
  fc.constant({ prices: { perRequest: 0.4e-6, perByte: 0.09e-9 } }),
)
const ids = fc.integer({ min: 0, max: 30 }).map((number) => `id-${number}`)
const sizes = fc
  .oneof(
    { weight: 5, arbitrary: fc.integer({ min: 0, max: 100 }) },
    { weight: 1, arbitrary: fc.constantFrom(0, 1, 999, 1_000, 1_001, HUGE, Number.MAX_SAFE_INTEGER / 64) },
  )
  .map(Math.floor)

type Act = {
  readonly act: 'read' | 'force' | 'remove' | 'relieve'
  readonly id: string
  readonly sizeBytes: number
}
const acts = (kinds: readonly Act['act'][]): fc.Arbitrary<Act[]> =>
  fc.array(fc.record({ act: fc.constantFrom(...kinds), id: ids, sizeBytes: sizes }), { maxLength: 400 })

/** What is resident, told by a map; every answer of the policy is checked against it. */
function createModel(policy: EvictionPolicy) {
  const resident = new Map<string, number>()
  const total = (): number => Array.from(resident.values()).reduce((sum, bytes) => sum + bytes, 0)
  const bytesOf = (victims: readonly string[]): number =>
    victims.reduce((sum, id) => sum + (resident.get(id) ?? Number.NaN), 0)
  const drop = (victims: readonly string[]): void => {
    expect(new Set(victims).size).toBe(victims.length)
    for (const victim of victims) {
      expect(policy.remove(victim)).toBe(true)
      expect(resident.delete(victim)).toBe(true)
    }
  }
  return {
    total,
    read(id: string, sizeBytes: number): void {
      expect(policy.access(id)).toBe(resident.has(id))
      const own = resident.get(id) ?? 0
      const { admit, victims } = policy.admit(id, sizeBytes)
      if (sizeBytes > policy.capacityBytes) expect(admit).toBe(false)
      if (!admit) {
        expect(victims).toEqual([])
        return
      }
      expect(victims).not.toContain(id)
      expect(total() - own - bytesOf(victims) + sizeBytes).toBeLessThanOrEqual(policy.capacityBytes)
      drop(victims)
      policy.insert(id, sizeBytes)
      resident.set(id, sizeBytes)
    },
    force(id: string, sizeBytes: number): void {
      policy.insert(id, sizeBytes)
      resident.set(id, sizeBytes)
    },
    remove(id: string): void {
      expect(policy.remove(id)).toBe(resident.delete(id))
    },
    relieve(bytesWanted: number): void {
      const victims = policy.victims(bytesWanted)
      const found = bytesOf(victims)
      if (found < bytesWanted) expect(found).toBe(total())
      else expect(found - (resident.get(victims.at(-1) ?? '') ?? 0)).toBeLessThanOrEqual(bytesWanted)
      drop(victims)
    },
    check(): void {
      expect(policy.residentBytes).toBe(total())
      expect(policy.residentCount).toBe(resident.size)
      for (let number = 0; number <= 30; number++)
        expect(policy.has(`id-${number}`)).toBe(resident.has(`id-${number}`))
      if (total() > policy.capacityBytes)
        expect(bytesOf(policy.victims(total() - policy.capacityBytes))).toBeGreaterThan(0)
    },
  }
}

describe('any mix of calls', () => {
  it('counts exactly what is resident, whatever comes, goes and changes its size', () => {
    fc.assert(
      fc.property(settings, acts(['read', 'force', 'remove', 'relieve']), (setting, list) => {
        const model = createModel(createEvictionPolicy({ capacityBytes: 1_000, setting }))
        for (const { act, id, sizeBytes } of list) {
          if (act === 'relieve') model.relieve(sizeBytes)
          else model[act](id, sizeBytes)
          model.check()
        }
      }),
      { numRuns: RUNS },
    )
  })

  it('never goes beyond the capacity when only what is admitted comes in', () => {
    fc.assert(
      fc.property(
        settings,
        fc.integer({ min: 0, max: 500 }),
        acts(['read', 'remove']),
        (setting, capacityBytes, list) => {
          const policy = createEvictionPolicy({ capacityBytes, setting })
          const model = createModel(policy)
          for (const { act, id, sizeBytes } of list) {
            if (act === 'remove') model.remove(id)
            else model.read(id, sizeBytes)
            expect(policy.residentBytes).toBeLessThanOrEqual(capacityBytes)
          }
        },
      ),
      { numRuns: RUNS },
    )
  })

  it('gives the same answers to the same calls', () => {
    fc.assert(
      fc.property(settings, acts(['read', 'force', 'remove', 'relieve']), (setting, list) => {
        const replay = (): unknown[] => {
          const policy = createEvictionPolicy({ capacityBytes: 1_000, setting })
          return list.map(({ act, id, sizeBytes }) => {
            if (act === 'force') return policy.insert(id, sizeBytes)
            if (act === 'remove') return policy.remove(id)
            if (act === 'relieve') return policy.victims(sizeBytes)
            const decision = [policy.access(id), policy.admit(id, sizeBytes)]
            if (!policy.has(id)) policy.insert(id, sizeBytes)
            return decision
          })
        }
        expect(replay()).toEqual(replay())
      }),
      { numRuns: 100 },
    )
  })

  it('never names what may not leave, and names the others all the same', () => {
    fc.assert(
      fc.property(settings, acts(['read', 'force']), fc.uniqueArray(ids), (setting, list, kept) => {
        const policy = createEvictionPolicy({ capacityBytes: 1_000, setting })
        const mayLeave = (id: string): boolean => !kept.includes(id)
        for (const { act, id, sizeBytes } of list) {
          if (act === 'force') {
            policy.insert(id, sizeBytes)
            continue
          }
          policy.access(id)
          for (const victim of policy.admit(id, sizeBytes, mayLeave).victims)
            expect(kept).not.toContain(victim)
        }
        const all = policy.victims(Number.POSITIVE_INFINITY)
        expect(policy.victims(Number.POSITIVE_INFINITY, mayLeave)).toEqual(all.filter(mayLeave))
        expect(all).toHaveLength(policy.residentCount)
      }),
      { numRuns: RUNS },
    )
  })

  it('refuses a size that is no number of bytes', () => {
    const policy = createEvictionPolicy({ capacityBytes: 10 })
    for (const bad of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
      expect(() => policy.admit('a', bad)).toThrow(expect.objectContaining({ reason: 'bad-size' }))
      expect(() => policy.insert('a', bad)).toThrow(expect.objectContaining({ reason: 'bad-size' }))
      expect(() => createEvictionPolicy({ capacityBytes: bad })).toThrow(
        expect.objectContaining({ reason: 'bad-size' }),
      )
    }
    expect(policy.residentCount).toBe(0)
  })
})
