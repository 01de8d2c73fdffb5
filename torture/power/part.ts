import { checkFolder } from '../checks/folder.ts'
import { whyNoImages } from '../harness/image.ts'
import { withMemoryFolder } from '../harness/memory-folder.ts'
import type { Part, PartInput, PartResult, Violation } from '../harness/part.ts'
import { programFolder } from '../harness/programs.ts'
import { cutPower } from './cut-power.ts'

/** Cuts of one writer: enough for it to fold its log into the catalog, few enough that most cuts see a young store. */
const CUTS_OF_A_LIFE = 8

export const power: Part = {
  name: 'power',
  about: 'cuts the power of a real ext4 under a writer',
  unit: 'cuts',
  fullCount: 400,
  spread: { units: CUTS_OF_A_LIFE, seeds: CUTS_OF_A_LIFE },
  unavailable: whyNoImages,
  run: (input) => withMemoryFolder('power', (folder) => cutMany(folder, input)),
}

async function cutMany(folder: string, { count, seed, signal, progress }: PartInput): Promise<PartResult> {
  const violations: Violation[] = []
  let done = 0
  let acknowledged = 0
  while (done < count && !signal.aborted) {
    const life = { seed: seed + done, cuts: Math.min(CUTS_OF_A_LIFE, count - done), acknowledged: 0 }
    const cuts = cutPower({
      ...life,
      programs: programFolder(),
      folder,
      subject: 'mediakeep',
      signal,
      check: (folder, told) => checkFolder(folder, told, { isPowerCut: true }),
    })
    let cut = 0
    for await (const { broken, acknowledged } of cuts) {
      cut += 1
      done += 1
      life.acknowledged = acknowledged
      for (const what of broken) violations.push({ what, replay: `--seed ${life.seed} --count ${cut}` })
      progress(done)
    }
    acknowledged += life.acknowledged
  }
  return { done, violations, figures: { 'acknowledged puts and deletes': acknowledged } }
}
