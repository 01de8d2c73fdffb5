import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bundlePrograms } from './bundle.mjs'
import type { Part } from './part.ts'
import { testProgramFolder } from './programs.ts'

const LONG = process.env['MEDIAKEEP_LONG'] === '1'
const SEEDS = 1_000_000_000

/** Bundles the programs before the tests of a file and removes them after the last. */
export function useBundledPrograms(): void {
  beforeAll(async () => {
    await mkdir(testProgramFolder, { recursive: true })
    await bundlePrograms(testProgramFolder)
  })
  afterAll(() => rm(testProgramFolder, { recursive: true, force: true }))
}

/** `describe` for what needs rights or tools: skipped with a printed reason where they are missing; never in CI. */
export async function describeWhereAvailable({
  name,
  unavailable,
}: Pick<Part, 'name' | 'unavailable'>): Promise<typeof describe.skip> {
  const reason = await unavailable?.()
  if (reason === undefined || process.env['CI'] === 'true') return describe
  process.stderr.write(`torture ${name} skipped: ${reason}\n`)
  return describe.skip
}

/** The short form of a part as one test; more with MEDIAKEEP_LONG=1. */
export function itBreaksNothing(part: Part, counts: { readonly short: number; readonly long: number }): void {
  const count = LONG ? counts.long : counts.short
  it(`${part.name}: breaks nothing in ${count} ${part.unit}`, async () => {
    const folder = await mkdtemp(join(tmpdir(), `mediakeep-torture-${part.name}-`))
    try {
      const result = await part.run({
        count,
        seed: Date.now() % SEEDS,
        signal: new AbortController().signal,
        folder,
        progress: () => {},
        note: () => {},
      })
      expect(result).toMatchObject({ done: count, violations: [] })
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
}
