import { describe, expect, it } from 'vitest'
import { createEvictionPolicy, type EvictionPolicy } from './policy.ts'
import type { EvictionSetting } from './setting.ts'

/** One request as a store makes it; true for a hit. */
function read(policy: EvictionPolicy, id: string, sizeBytes = 1): boolean {
  if (policy.access(id)) return true
  const { admit, victims } = policy.admit(id, sizeBytes)
  if (!admit) return false
  for (const victim of victims) policy.remove(victim)
  policy.insert(id, sizeBytes)
  return false
}

const times = (count: number, act: (index: number) => void): void => {
  for (let index = 0; index < count; index++) act(index)
}

describe('lru', () => {
  it('victims() go from what was used longest ago to what was used last', () => {
    const policy = createEvictionPolicy({ capacityBytes: 3, setting: 'lru' })
    for (const id of ['a', 'b', 'c', 'a']) read(policy, id)
    expect(policy.victims(2)).toEqual(['b', 'c'])
    read(policy, 'd')
    expect(policy.victims(3)).toEqual(['c', 'a', 'd'])
  })

  it('admit() takes in everything that fits the room', () => {
    const policy = createEvictionPolicy({ capacityBytes: 100, setting: 'lru' })
    times(100, (index) => read(policy, `small-${index}`))
    const { admit, victims } = policy.admit('large', 100)
    expect([admit, victims.length]).toEqual([true, 100])
    expect(policy.admit('too large', 101).admit).toBe(false)
  })
})

describe.each<EvictionSetting>(['balanced', 'requests', 'bytes'])('%s', (setting) => {
  it('keeps what is read again and again through a scan of ten times the room', () => {
    const policy = createEvictionPolicy({ capacityBytes: 1_000, setting })
    times(5, () => times(500, (index) => read(policy, `popular-${index}`)))
    times(10_000, (index) => read(policy, `scan-${index}`))
    let kept = 0
    times(500, (index) => (kept += policy.has(`popular-${index}`) ? 1 : 0))
    expect(kept).toBeGreaterThan(450)
  })

  it('keeps a part of a loop longer than the room, of which LRU keeps nothing', () => {
    const policy = createEvictionPolicy({ capacityBytes: 500, setting })
    let hits = 0
    times(40, () => times(1_000, (index) => (hits += read(policy, `loop-${index}`) ? 1 : 0)))
    expect(hits / 40_000).toBeGreaterThan(0.25)
  })

  it('lets what is popular now take the place of what was', () => {
    const policy = createEvictionPolicy({ capacityBytes: 200, setting })
    times(50, () => times(200, (index) => read(policy, `old-${index}`)))
    times(50, () => times(200, (index) => read(policy, `new-${index}`)))
    let kept = 0
    times(200, (index) => (kept += policy.has(`new-${index}`) ? 1 : 0))
    expect(kept).toBeGreaterThan(190)
  })

  it('does not give up all that is read for one huge object', () => {
    const policy = createEvictionPolicy({ capacityBytes: 1_000, setting })
    times(5, () => times(1_000, (index) => read(policy, `small-${index}`)))
    read(policy, 'huge', 900)
    expect(policy.has('huge')).toBe(false)
    expect(policy.residentCount).toBe(1_000)
  })
})

describe('what a setting prefers', () => {
  /** As many bytes of small objects as of large ones, all read equally often, twice what there is room for. */
  const shareOfSmall = (setting: EvictionSetting): number => {
    const policy = createEvictionPolicy({ capacityBytes: 100_000, setting })
    times(10, () => {
      times(1_000, (index) => read(policy, `small-${index}`, 100))
      times(10, (index) => read(policy, `large-${index}`, 10_000))
    })
    let small = 0
    times(1_000, (index) => (small += policy.has(`small-${index}`) ? 1 : 0))
    return small / 1_000
  }

  it('requests keeps the small ones, bytes has no preference for them', () => {
    expect(shareOfSmall('requests')).toBe(1)
    expect(shareOfSmall('bytes')).toBeLessThan(0.95)
  })

  it('prices decide it: requests alone are `requests`, bytes alone are `bytes`', () => {
    const choices = (setting: EvictionSetting): readonly string[] => {
      const policy = createEvictionPolicy({ capacityBytes: 5_000, setting })
      times(5_000, (index) => read(policy, `object-${(index * index) % 97}`, 10 + ((index * index) % 97) * 5))
      return policy.victims(Number.POSITIVE_INFINITY)
    }
    expect(choices({ prices: { perRequest: 1, perByte: 0 } })).toEqual(choices('requests'))
    expect(choices({ prices: { perRequest: 0, perByte: 1 } })).toEqual(choices('bytes'))
    expect(choices({ exponent: 0.5 })).toEqual(choices('balanced'))
    expect(choices('requests')).not.toEqual(choices('bytes'))
  })

  it.each([20_000, 40_000])(
    'what nobody asks for any more gives way, whatever was learned before: %d bytes',
    (capacityBytes) => {
      const policy = createEvictionPolicy({ capacityBytes, setting: { exponent: 0 } })
      times(4_000, (at) => {
        for (const age of [0, 2, 4])
          if (at >= age) read(policy, `news-${at - age}`, 1_000 + ((at - age) % 7) * 500)
      })
      times(8_000, (at) => read(policy, `loop-${at % 60}`, 1_000))
      let there = 0
      times(60, (index) => (there += policy.has(`loop-${index}`) ? 1 : 0))
      expect(there).toBeGreaterThan(capacityBytes / 1_000 - 5)
    },
  )

  it('refuses exponents and prices that say nothing', () => {
    const bad: EvictionSetting[] = [
      { exponent: -0.1 },
      { exponent: 1.1 },
      { exponent: Number.NaN },
      { prices: { perRequest: 0, perByte: 0 } },
      { prices: { perRequest: -1, perByte: 2 } },
      { prices: { perRequest: Number.POSITIVE_INFINITY, perByte: 0 } },
    ]
    for (const setting of bad)
      expect(() => createEvictionPolicy({ capacityBytes: 1, setting })).toThrow(
        expect.objectContaining({ code: 'MEDIA_BAD_INPUT', reason: 'bad-eviction-setting' }),
      )
  })
})

describe('memory', () => {
  it('slots are used again: objects that come and go need no more room than those that are there', () => {
    const policy = createEvictionPolicy({ capacityBytes: 100, setting: 'lru' })
    times(200_000, (index) => read(policy, `object-${index}`))
    expect([policy.residentCount, policy.residentBytes]).toEqual([100, 100])
  })

  it('another seed gives another memory, not another accounting', () => {
    const counts = [0, 1].map((seed) => {
      const policy = createEvictionPolicy({ capacityBytes: 100, seed, maxMemoryBytes: 0 })
      times(5_000, (index) => read(policy, `object-${(index * 11) % 301}`))
      return policy.residentBytes
    })
    expect(counts).toEqual([100, 100])
  })
})
