import { expect, it } from 'vitest'
import { checkKept } from '../checks/kept.ts'
import { programFolder } from '../harness/programs.ts'
import { describeWhereAvailable, itBreaksNothing, useBundledPrograms } from '../harness/short-form.ts'
import { openSubject } from '../subjects/open-subject.ts'
import { cutPower } from './cut-power.ts'
import { withImageFolder } from './image.ts'
import { power } from './part.ts'

const describeHere = await describeWhereAvailable(power)

describeHere('power', () => {
  useBundledPrograms()

  itBreaksNothing(power, { short: 5, long: 30 })

  it('convicts a store that writes its files and syncs nothing', { timeout: 60_000 }, async () => {
    const broken: string[] = []
    await withImageFolder(async (folder) => {
      const cuts = cutPower({
        programs: programFolder(),
        folder,
        subject: 'naive',
        seed: 1,
        cuts: 4,
        signal: new AbortController().signal,
        check: async (store, told) => checkKept(await openSubject('naive', store), told),
      })
      for await (const cut of cuts) broken.push(...cut.broken)
    })
    expect(broken.some((what) => what.startsWith('lost'))).toBe(true)
  })
})
