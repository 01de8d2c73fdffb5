import { existsSync } from 'node:fs'
import { expect, it } from 'vitest'
import type { Part } from './part.ts'
import { runParts } from './run-parts.ts'

const part = (over: Partial<Part>): Part => ({
  name: 'sample',
  about: 'a sample',
  unit: 'seeds',
  fullCount: 600,
  run: async ({ count }) => ({ done: count, violations: [] }),
  ...over,
})

async function run(
  parts: readonly Part[],
  over: { share?: number; count?: number; signal?: AbortSignal } = {},
) {
  const lines: string[] = []
  const reports = await runParts(parts, {
    share: 1,
    seed: 7,
    signal: new AbortController().signal,
    print: (line) => lines.push(line),
    ...over,
  })
  return { lines, reports }
}

it('does its share of each count and prints it with the whole', async () => {
  const { lines, reports } = await run([part({})], { share: 1 / 6 })
  expect(reports[0]).toMatchObject({ done: 100, fullCount: 600 })
  expect(lines.join('\n')).toContain('100 of 600 seeds, 0 violations')
})

it('says "all" of a whole run only, and says what was asked for when it was cut short', async () => {
  const stop = new AbortController()
  const cut = part({
    run: async () => {
      stop.abort()
      return { done: 37, violations: [] }
    },
  })
  const told = async (...given: Parameters<typeof run>): Promise<string> =>
    (await run(...given)).lines.join('\n')
  expect(await told([part({})])).toContain('600 of 600 seeds (all), 0 violations')
  expect(await told([cut], { signal: stop.signal, share: 1 / 6 })).toContain(
    '37 of 600 seeds (interrupted; 100 were asked for), 0 violations',
  )
  const short = part({ run: async () => ({ done: 599, violations: [] }) })
  expect(await told([short])).toContain('599 of 600 seeds (600 were asked for), 0 violations')
})

it('does exactly the count that is asked for', async () => {
  const { reports } = await run([part({})], { count: 3 })
  expect(reports[0]?.done).toBe(3)
})

it('prints what was broken and how to see it again', async () => {
  const violations = [{ what: 'a byte was lost', replay: '--seed 9 --count 1' }]
  const { lines } = await run([part({ run: async () => ({ done: 1, violations }) })])
  expect(lines).toContain('  BROKEN: a byte was lost')
  expect(lines).toContain('    again: npm run torture -- --only sample --seed 9 --count 1')
})

it('says why a part cannot run here and goes on with the next', async () => {
  const { lines, reports } = await run([part({ unavailable: async () => 'needs root' }), part({})])
  expect(lines[0]).toBe('sample: cannot run here: needs root')
  expect(reports.map(({ unavailable, done }) => [unavailable, done])).toEqual([
    ['needs root', 0],
    [undefined, 600],
  ])
})

it('removes the folder of a part, also of one that throws', async () => {
  let folder = ''
  const failing = part({
    run: async (input) => {
      folder = input.folder
      expect(existsSync(folder)).toBe(true)
      throw new Error('broke')
    },
  })
  await expect(run([failing])).rejects.toThrow('broke')
  expect(existsSync(folder)).toBe(false)
})

it('starts no further part once it is interrupted', async () => {
  const { reports } = await run([part({})], { signal: AbortSignal.abort() })
  expect(reports).toEqual([])
})
