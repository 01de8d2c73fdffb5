import { describe, expect, test } from 'vitest'
import type { Conformance, ConformanceCase, Waiver } from './case.ts'
import { selectCases } from './case.ts'
import { runConformance } from './run.ts'

const pass: ConformanceCase<string> = { id: 'pass', claim: 'passes', check: async () => {} }
const fail: ConformanceCase<string> = {
  id: 'fail',
  claim: 'fails',
  check: async () => Promise.reject(new Error('broken')),
}
const needy: ConformanceCase<string> = {
  id: 'needy',
  claim: 'needs',
  needs: ['wings'],
  check: async () => {},
}

function suite(
  cases: readonly ConformanceCase<string>[],
  overrides: Partial<Conformance<string>> = {},
): Conformance<string> {
  return {
    cases,
    waivers: [],
    timeoutMs: 500,
    capabilities: async () => new Set(),
    open: async () => ({ context: 'context', leftovers: async () => [], cleanup: async () => {} }),
    ...overrides,
  }
}

async function outcomes(conformance: Conformance<string>): Promise<readonly (readonly string[])[]> {
  const found: string[][] = []
  for await (const result of runConformance(conformance)) {
    found.push([result.id, result.outcome, result.error?.message ?? result.reason ?? ''])
  }
  return found
}

describe('runConformance()', () => {
  test('tells passed, failed and skipped apart, with the reason', async () => {
    expect(await outcomes(suite([pass, fail, needy]))).toEqual([
      ['pass', 'passed', ''],
      ['fail', 'failed', 'broken'],
      ['needy', 'skipped', 'needs wings'],
    ])
  })

  test('takes a case that is waived by chance either way, and one that is waived only when it fails', async () => {
    const waivers: readonly Waiver[] = [
      { id: 'pass', reason: 'now and then', byChance: true },
      { id: 'fail', reason: 'now and then', byChance: true },
    ]
    expect(await outcomes(suite([pass, fail], { waivers }))).toEqual([
      ['pass', 'waived', 'now and then'],
      ['fail', 'waived', 'now and then'],
    ])
  })

  test('fails a case that leaves something behind', async () => {
    const leaving = suite([pass], {
      open: async () => ({ context: '', leftovers: async () => ['a file'], cleanup: async () => {} }),
    })
    expect(await outcomes(leaving)).toEqual([['pass', 'failed', 'pass: left behind: a file']])
  })

  test('fails a case that does not end, and cleans up after it', async () => {
    let cleaned = 0
    const stuck = suite([{ ...pass, check: () => new Promise(() => {}) }], {
      timeoutMs: 20,
      open: async () => ({ context: '', leftovers: async () => [], cleanup: async () => void cleaned++ }),
    })
    expect(await outcomes(stuck)).toEqual([['pass', 'failed', 'pass: no end within 20 ms']])
    expect(cleaned).toBe(1)
  })

  test('fails a case whose backend cannot be opened or cleaned up, and goes on', async () => {
    const closed = suite(
      [pass, pass].map((entry, index) => ({ ...entry, id: `${index}` })),
      {
        open: async () => Promise.reject(new Error('no backend')),
      },
    )
    expect(await outcomes(closed)).toEqual([
      ['0', 'failed', 'no backend'],
      ['1', 'failed', 'no backend'],
    ])
    const dirty = suite([pass, fail], {
      open: async () => ({
        context: '',
        leftovers: async () => [],
        cleanup: async () => Promise.reject(new Error('stays')),
      }),
    })
    expect(await outcomes(dirty)).toEqual([
      ['pass', 'failed', 'stays'],
      ['fail', 'failed', 'broken'],
    ])
  })

  test('waives a case that fails, and fails a waiver that no longer applies', async () => {
    const waivers: Waiver[] = ['pass', 'fail'].map((id) => ({ id, reason: 'the backend cannot' }))
    expect(await outcomes(suite([pass, fail], { waivers }))).toEqual([
      ['pass', 'failed', 'pass is waived (the backend cannot) but passes: remove the waiver'],
      ['fail', 'waived', 'the backend cannot'],
    ])
  })
})

describe('selectCases()', () => {
  const select =
    (waivers: Waiver[], capabilities: string[] = []) =>
    () =>
      selectCases([pass, needy], new Set(capabilities), waivers)

  test('refuses waivers without a reason, of no case, and of a case that is skipped anyway', () => {
    expect(select([{ id: 'pass', reason: ' ' }])).toThrow('gives no reason')
    expect(select([{ id: 'gone', reason: 'x' }])).toThrow('which is no case')
    expect(select([{ id: 'needy', reason: 'x' }])).toThrow('is not needed')
    expect(select([{ id: 'needy', reason: 'x' }], ['wings'])).not.toThrow()
  })

  test('refuses two cases of one id', () => {
    expect(() => selectCases([pass, pass], new Set())).toThrow('two cases are called pass')
  })
})
