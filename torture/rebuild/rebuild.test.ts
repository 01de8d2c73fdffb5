import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
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

it('convicts a journal that lost a line', async () => {
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
      const bytes = await readFile(join(journal, name))
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
      await writeFile(join(journal, name), bytes)
    },
  )
  expect(violations.length).toBeGreaterThan(0)
})
