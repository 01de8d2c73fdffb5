import { mkdtemp, readdir, rm, stat, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { itBreaksNothing } from '../harness/short-form.ts'
import { loseAndRebuild, rebuild } from './rebuild.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediakeep-rebuild-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

itBreaksNothing(rebuild, { short: 300, long: 5_000 })

it('convicts a journal that lost its end', async () => {
  const { violations } = await loseAndRebuild(
    {
      count: 60,
      seed: 5,
      folder,
      signal: new AbortController().signal,
      progress: () => {},
      note: () => {},
    },
    async (data) => {
      const journal = join(data, 'volume/journal')
      const [name = ''] = await readdir(journal)
      const { size } = await stat(join(journal, name))
      await truncate(join(journal, name), size >> 1)
    },
  )
  expect(violations.length).toBeGreaterThan(0)
})
