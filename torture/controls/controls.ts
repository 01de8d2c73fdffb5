import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { checkKept } from '../checks/kept.ts'
import { whyNoImages } from '../harness/image.ts'
import { withMemoryFolder } from '../harness/memory-folder.ts'
import type { Part, PartInput, PartResult, Violation } from '../harness/part.ts'
import { programFolder } from '../harness/programs.ts'
import { CROWD, killCrowd } from '../kills/crowd.ts'
import { cutPower } from '../power/cut-power.ts'
import { openSubject, type SubjectName } from '../subjects/open-subject.ts'
import type { Subject } from '../subjects/subject.ts'
import type { Told } from '../writers/journal.ts'
import { type Conviction, collectBesidePuts } from './beside.ts'

interface Trial {
  readonly folder: string
  readonly seed: number
  readonly signal: AbortSignal
}

/** A store that is known to be wrong, and how it is tormented. */
interface Control {
  readonly name: string
  readonly unit: 'cuts' | 'kills' | 'acknowledged acts'
  convict(trial: Trial): Promise<Conviction | undefined>
}

const MAX_CUTS = 20
const MAX_KILLS = 300
const MAX_ACKNOWLEDGED = 20_000

/** The same writers and the same checks that our own store meets: whoever convicts none of these sees nothing. */
const CONTROLS: readonly Control[] = [
  {
    name: 'our own files without a sync, power cut',
    unit: 'cuts',
    convict: (trial) => byCuts('unsynced', trial),
  },
  { name: 'a stream to the final name, power cut', unit: 'cuts', convict: (trial) => byCuts('naive', trial) },
  { name: 'a stream to the final name, killed', unit: 'kills', convict: (trial) => byKills('naive', trial) },
  { name: 'cacache put, power cut', unit: 'cuts', convict: (trial) => byCuts('cacache', trial) },
  {
    name: 'cacache.verify beside put',
    unit: 'acknowledged acts',
    convict: (trial) => byActs('cacache', trial),
  },
  {
    name: 'mark and sweep without grace beside put',
    unit: 'acknowledged acts',
    convict: (trial) => byActs('mark-sweep', trial),
  },
]

const REPETITIONS = 5

export const controls: Part = {
  name: 'controls',
  about: 'convicts stores that are known to be wrong',
  unit: 'trials',
  fullCount: CONTROLS.length * REPETITIONS,
  unavailable: whyNoImages,
  run: (input) => withMemoryFolder('controls', (folder) => tryAll(folder, input)),
}

async function tryAll(
  folder: string,
  { count, seed, signal, progress, note }: PartInput,
): Promise<PartResult> {
  const violations: Violation[] = []
  const taken = new Map<Control, number[]>()
  let done = 0
  for (; done < count && !signal.aborted; done++) {
    const trial = { folder, seed: seed + done, signal }
    const control = CONTROLS[trial.seed % CONTROLS.length]
    if (control === undefined) continue
    const conviction = await control.convict(trial)
    progress(done)
    if (conviction !== undefined) taken.set(control, [...(taken.get(control) ?? []), conviction.after])
    else if (!signal.aborted)
      violations.push({ what: `not convicted: ${control.name}`, replay: `--seed ${trial.seed} --count 1` })
  }
  for (const [{ name, unit }, counts] of taken) note(`${name}: convicted after ${medianOf(counts)} ${unit}`)
  return { done, violations }
}

function medianOf(counts: readonly number[]): string {
  const sorted = [...counts].sort((a, b) => a - b)
  const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  return sorted.length === 1 ? `${median}` : `${median} (${sorted[0]} to ${sorted.at(-1)})`
}

async function checkSubject(name: SubjectName, folder: string, told: Told): Promise<readonly string[]> {
  let subject: Subject
  try {
    subject = await openSubject(name, folder)
  } catch (error) {
    return [`it cannot be opened any more: ${String(error)}`]
  }
  try {
    return await checkKept(subject, told)
  } finally {
    await subject.close()
  }
}

async function byCuts(subject: SubjectName, trial: Trial): Promise<Conviction | undefined> {
  const cuts = cutPower({
    ...trial,
    programs: programFolder(),
    subject,
    cuts: MAX_CUTS,
    check: (folder, told) => checkSubject(subject, folder, told),
  })
  let after = 0
  for await (const { broken } of cuts) {
    after += 1
    const [evidence] = broken
    if (evidence !== undefined) return { after, evidence }
  }
  return undefined
}

async function byKills(subject: SubjectName, { seed, ...trial }: Trial): Promise<Conviction | undefined> {
  const home = join(trial.folder, `${subject}-${seed}`)
  const folder = join(home, 'store')
  try {
    for (let after = CROWD; after <= MAX_KILLS && !trial.signal.aborted; after += CROWD) {
      const told = await killCrowd({
        ...trial,
        programs: programFolder(),
        folder,
        subject,
        seed: seed + after,
      })
      const [evidence] = await checkSubject(subject, folder, told)
      if (evidence !== undefined) return { after, evidence }
    }
    return undefined
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}

function byActs(subject: SubjectName, trial: Trial): Promise<Conviction | undefined> {
  return collectBesidePuts({ ...trial, subject, maxAcknowledged: MAX_ACKNOWLEDGED })
}
