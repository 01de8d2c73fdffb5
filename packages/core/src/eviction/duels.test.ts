import { describe, expect, it } from 'vitest'
import { createDuels, type Duels } from './duels.ts'

/** `count` pairs of new ids, each time the one of the two wins. */
function hold(duels: Duels, count: number, winner: 'candidate' | 'resident'): void {
  for (let number = 0; number < count; number++) {
    const pair = { candidate: `c${number}`, resident: `r${number}`, candidateCount: 1, residentCount: 2 }
    duels.offer(pair, 1)
    duels.settle(pair[winner])
  }
}

describe('duels', () => {
  it('favour nobody before there are answers', () => {
    expect(createDuels().favoursResident(1, 2)).toBe(false)
  })

  it('favour residents while they are asked for first, and no longer', () => {
    const duels = createDuels()
    hold(duels, 50, 'resident')
    expect(duels.favoursResident(1, 2)).toBe(true)
    hold(duels, 300, 'candidate')
    expect(duels.favoursResident(1, 2)).toBe(false)
  })

  it('keep apart how often the two were asked for before', () => {
    const duels = createDuels()
    hold(duels, 50, 'resident')
    expect(duels.favoursResident(2, 1)).toBe(false)
    expect(duels.favoursResident(1, 1)).toBe(false)
  })

  it('count one answer of each pair', () => {
    const duels = createDuels()
    for (let number = 0; number < 50; number++) {
      duels.offer({ candidate: `c${number}`, resident: `r${number}`, candidateCount: 1, residentCount: 2 }, 1)
      duels.settle(`c${number}`)
      duels.settle(`r${number}`)
    }
    expect(duels.favoursResident(1, 2)).toBe(false)
  })

  it('forget the oldest pairs when there are too many', () => {
    const duels = createDuels()
    for (let number = 0; number < 3_000; number++)
      duels.offer({ candidate: `c${number}`, resident: `r${number}`, candidateCount: 1, residentCount: 2 }, 1)
    for (let number = 0; number < 1_900; number++) duels.settle(`r${number}`)
    expect(duels.favoursResident(1, 2)).toBe(false)
    for (let number = 2_000; number < 3_000; number++) duels.settle(`r${number}`)
    expect(duels.favoursResident(1, 2)).toBe(true)
  })
})
