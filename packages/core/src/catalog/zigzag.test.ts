import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { zigzag } from './zigzag.ts'

/** Postings over arrays in descending order, counting what is read. */
function reader(lists: Readonly<Record<string, readonly string[]>>) {
  const counted = { reads: 0, ids: 0 }
  const read = (term: string, before: string | undefined, count: number): readonly string[] => {
    const found = (lists[term] ?? []).filter((id) => before === undefined || id < before).slice(0, count)
    counted.reads += 1
    counted.ids += found.length
    return found
  }
  return { read, counted }
}

const idOf = (n: number): string => n.toString(16).padStart(8, '0')
const descending = (ids: Iterable<number>): string[] => [...new Set(ids)].map(idOf).sort().reverse()

describe('zigzag()', () => {
  test('gives exactly the ids that are in every list, newest first, in steps of any work and size', () => {
    const list = fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 120 }).map(descending)
    fc.assert(
      fc.property(
        fc.array(list, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 20 }),
        (lists, maxWork, firstRead) => {
          const terms = lists.map((_, at) => `t${at}`)
          const { read } = reader(Object.fromEntries(lists.map((ids, at) => [`t${at}`, ids])))
          const found: string[] = []
          let before: string | undefined
          for (let step = 0; ; step++) {
            if (step > 1_000) throw new Error('the walk does not end')
            const end = zigzag({
              terms,
              read,
              before,
              maxWork,
              firstRead,
              onId(id) {
                found.push(id)
                return found.length % 7 !== 0
              },
            })
            if (end.type === 'end') break
            expect(end.lastId, 'each step goes on').toBeDefined()
            before = end.lastId
          }
          const [first = [], ...others] = lists
          expect(found).toEqual(first.filter((id) => others.every((ids) => ids.includes(id))))
        },
      ),
      { numRuns: 500 },
    )
  })

  test('keeps to its bounds', () => {
    const { read } = reader({ t: descending(Array.from({ length: 50 }, (_, n) => n)) })
    const found: string[] = []
    const options = { terms: ['t'], read, before: idOf(40), from: idOf(37), maxWork: 1_000 }
    const end = zigzag({ ...options, onId: (id) => found.push(id) > 0 })
    expect(found).toEqual([idOf(39), idOf(38), idOf(37)])
    expect(end.type).toBe('end')
  })

  test('stops when its work is spent, whatever the lists', () => {
    const even = descending(Array.from({ length: 100_000 }, (_, n) => 2 * n))
    const odd = descending(Array.from({ length: 100_000 }, (_, n) => 2 * n + 1))
    let ids = 0
    const lists: Record<string, readonly string[]> = { even, odd }
    const end = zigzag({
      terms: ['even', 'odd'],
      maxWork: 1_000,
      onId: () => true,
      read(term, before, count) {
        const list = lists[term] ?? []
        const at = before === undefined ? 0 : list.findIndex((id) => id < before)
        const found = at < 0 ? [] : list.slice(at, at + count)
        ids += found.length
        return found
      },
    })
    expect(end.type).toBe('spent')
    expect(end.lastId).toBeDefined()
    expect(ids).toBeLessThan(1_200)
  })

  test('reads a short list little beside a long one', () => {
    const long = descending(Array.from({ length: 20_000 }, (_, n) => n))
    const { read, counted } = reader({ long, short: [idOf(15_000), idOf(7_000), idOf(3)] })
    const found: string[] = []
    zigzag({ terms: ['long', 'short'], read, maxWork: 4_096, onId: (id) => found.push(id) > 0 })
    expect(found).toEqual([idOf(15_000), idOf(7_000), idOf(3)])
    expect(counted.reads + counted.ids).toBeLessThan(60)
  })
})
