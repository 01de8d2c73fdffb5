import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { seededRandom } from '@mediakeep/testkit'
import { checkKept } from '../checks/kept.ts'
import { openSubject, type SubjectName } from '../subjects/open-subject.ts'
import { createJournal, readJournals } from '../writers/journal.ts'
import { runLane } from '../writers/lanes.ts'

const LANES = 4
const ACTS = 30

export interface BesideOptions {
  readonly folder: string
  readonly subject: SubjectName
  readonly seed: number
  readonly signal: AbortSignal
  /** Acknowledged acts after which it is let go. */
  readonly maxAcknowledged: number
}

export interface Conviction {
  /** Cuts, kills or acknowledged acts that it took. */
  readonly after: number
  readonly evidence: string
}

/** Lanes that put while one of them collects, in one process; nothing is killed and no power is cut. */
export async function collectBesidePuts(options: BesideOptions): Promise<Conviction | undefined> {
  const { subject: name, seed, signal } = options
  const folder = join(options.folder, `beside-${name}`)
  const file = `${folder}.journal`
  try {
    for (let round = 0; !signal.aborted; round++) {
      const subject = await openSubject(name, folder)
      const journal = createJournal(file)
      const lanes = Array.from({ length: LANES }, (_, lane) =>
        runLane(subject, journal, {
          name: `${lane}`,
          random: seededRandom((seed + round) * LANES + lane),
          keys: 40,
          acts: ACTS,
          collectEvery: lane === 0 ? 2 : 0,
        }),
      )
      await Promise.all(lanes)
      journal.close()
      const told = readJournals([await readFile(file, 'utf8')])
      const [evidence] = await checkKept(subject, told)
      await subject.close()
      if (evidence !== undefined) return { after: told.acknowledged, evidence }
      if (told.acknowledged >= options.maxAcknowledged) return undefined
    }
    return undefined
  } finally {
    await rm(folder, { recursive: true, force: true })
    await rm(file, { force: true })
  }
}
