import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { useBundledPrograms } from '../harness/short-form.ts'
import { parts } from '../parts.ts'
import { convict } from './convict.ts'
import { MUTATIONS } from './mutations.ts'

const LONG = process.env['MEDIAKEEP_LONG'] === '1'
const root = join(import.meta.dirname, '../..')

describe('mutations', () => {
  useBundledPrograms()

  it.each(MUTATIONS)('$id: the line it takes out stands exactly once in its file', async (mutation) => {
    for (const { file, find, replace } of [
      mutation,
      ...(mutation.also === undefined ? [] : [mutation.also]),
    ]) {
      expect((await readFile(join(root, file), 'utf8')).split(find)).toHaveLength(2)
      expect(replace).not.toBe(find)
    }
  })

  it('every mutation names a part that exists, and no two share a name', () => {
    for (const { by } of MUTATIONS) if ('part' in by) expect(parts.map(({ name }) => name)).toContain(by.part)
    expect(new Set(MUTATIONS.map(({ id }) => id)).size).toBe(MUTATIONS.length)
  })

  // Others each run: all of them take too long here, and `npm run torture` does all.
  const first = Math.floor(Date.now() / 1000) % MUTATIONS.length
  const chosen = [...MUTATIONS, ...MUTATIONS].slice(first, first + (LONG ? 4 : 1))
  it.each(chosen)('$id is convicted', { timeout: 600_000 }, async (mutation) => {
    const { median } = await convict(mutation, {
      seed: Date.now() % 1_000_000_000,
      runs: 1,
      signal: new AbortController().signal,
    })
    expect(median, mutation.about).toBeGreaterThan(0)
  })
})
