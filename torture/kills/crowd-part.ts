import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { checkFolder } from '../checks/folder.ts'
import { withMemoryFolder } from '../harness/memory-folder.ts'
import type { Part, PartInput, PartResult, Violation } from '../harness/part.ts'
import { programFolder } from '../harness/programs.ts'
import { CROWD, killCrowd } from './crowd.ts'

/** Rounds on one folder: what the killed left meets those after them. */
const ROUNDS_OF_A_LIFE = 6

export const crowd: Part = {
  name: 'crowd',
  about: 'kills four writing and collecting processes at random moments',
  unit: 'kills',
  fullCount: 4_000,
  spread: { units: ROUNDS_OF_A_LIFE * CROWD, seeds: ROUNDS_OF_A_LIFE },
  run: (input) => withMemoryFolder('crowd', (folder) => killMany(folder, input)),
}

async function killMany(parent: string, { count, seed, signal, progress }: PartInput): Promise<PartResult> {
  const violations: Violation[] = []
  let done = 0
  let acknowledged = 0
  for (let round = 0; done < count && !signal.aborted; round++) {
    const life = Math.floor(round / ROUNDS_OF_A_LIFE) * ROUNDS_OF_A_LIFE
    const folder = join(parent, `life-${life}`, 'store')
    const told = await killCrowd({
      programs: programFolder(),
      folder,
      subject: 'mediakeep',
      seed: seed + round,
      signal,
    })
    const broken = await checkFolder(folder, told)
    const replay = `--seed ${seed + life} --count ${(round - life + 1) * CROWD}`
    for (const what of broken) violations.push({ what, replay })
    done += CROWD
    progress(done)
    const isLast = round === life + ROUNDS_OF_A_LIFE - 1 || done >= count
    if (isLast) acknowledged += told.acknowledged
    if (isLast) await rm(join(parent, `life-${life}`), { recursive: true, force: true })
  }
  return {
    done: Math.min(done, count),
    violations,
    figures: { 'acknowledged puts and deletes': acknowledged },
  }
}
