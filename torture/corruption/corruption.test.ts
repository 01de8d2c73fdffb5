import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { corruption, findAndRepair, ruin } from './corruption.ts'

const LONG = process.env['MEDIAKEEP_LONG'] === '1'
let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediakeep-corruption-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const input = (count: number, seed: number) => ({
  count,
  seed,
  folder,
  signal: new AbortController().signal,
  progress: () => {},
  note: () => {},
})

const COUNT = LONG ? 500 : 80

it(`finds each of ${COUNT} corruptions, repairs all that have a good copy, and touches no good one`, async () => {
  expect(await corruption.run(input(COUNT, 1))).toEqual({ done: COUNT, violations: [] })
})

it('convicts a check that looks at sizes alone', async () => {
  const blind = async (store: Parameters<typeof findAndRepair>[0]) =>
    (await findAndRepair(store)).filter(({ fault }) => fault !== 'content')
  const { violations } = await ruin(input(40, 2), blind)
  expect(violations.map(({ what }) => what).join()).toContain('was not found')
})

it('convicts a check that finds damage where there is none', async () => {
  const { violations } = await ruin(input(40, 3), async (store) => {
    const found = await findAndRepair(store)
    return found.map((copy) => ({ ...copy, repaired: true }))
  })
  expect(violations.map(({ what }) => what).join()).toContain('repaired is true')
})
