import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { checkFolder } from '../checks/folder.ts'
import { withMemoryFolder } from '../harness/memory-folder.ts'
import { programFolder } from '../harness/programs.ts'
import { describeWhereAvailable, itBreaksNothing, useBundledPrograms } from '../harness/short-form.ts'
import { readJournals } from '../writers/journal.ts'
import { callsOf } from './find-points.ts'
import { kills } from './kills.ts'
import { type Point, strike } from './strike.ts'

const describeHere = await describeWhereAvailable(kills)

describeHere('kills', () => {
  useBundledPrograms()
  itBreaksNothing(kills, { short: 8, long: 60 })

  it.each<Point>([
    { type: 'statement', nth: 3 },
    { type: 'syscall', thread: 'all', syscall: 'fdatasync', nth: 1 },
  ])(
    'convicts a put that is acknowledged before it is done, killed at a $type',
    { timeout: 600_000 },
    (point) =>
      withMemoryFolder('kills', async (parent) => {
        const folder = join(parent, 'store')
        const journal = `${folder}.journal`
        const act = 'acknowledged too early'
        const outcome = await strike(
          { programs: programFolder(), folder, journal, act, seed: 1, days: 1 },
          point,
        )
        expect(outcome).toBe('killed')
        const told = readJournals([await readFile(journal, 'utf8')])
        const later = { mayHaveOrphans: false, days: 2 }
        expect(await checkFolder(folder, told, later)).toEqual(['lost: early is not there'])
      }),
  )
})

it('names each call below the folder once, by its thread and its place among calls of its kind', () => {
  const lines = [
    '12 openat(AT_FDCWD</tmp>, "/elsewhere/x") = 3',
    '12 openat(AT_FDCWD</tmp>, "/store/volume/x") = 3</store/volume/x>',
    '10 fsync(4</store/volume>) = 0',
    '12 +++ killed by SIGKILL +++',
  ]
  expect(callsOf(lines, '/store/', [10, 12])).toEqual([
    { type: 'syscall', thread: 1, syscall: 'openat', nth: 2 },
    { type: 'syscall', thread: 0, syscall: 'fsync', nth: 1 },
  ])
})
