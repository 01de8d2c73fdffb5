import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { checkFolder } from '../checks/folder.ts'
import { whyNoImages } from '../harness/image.ts'
import { withMemoryFolder } from '../harness/memory-folder.ts'
import type { Part, PartInput, PartResult, Violation } from '../harness/part.ts'
import { programFolder } from '../harness/programs.ts'
import { SMALL_DISKS, type SmallDisk } from '../harness/small-disks.ts'
import { readJournals } from '../writers/journal.ts'

/** Room that is left, in steps that are no multiple of a block: from nothing to what two large bodies need. */
const OFFSETS = 64
const STEP_BYTES = 5_003

export const smallDisk: Part = {
  name: 'small-disk',
  about: 'fills small file systems to the byte, then puts, reads, deletes and collects',
  unit: 'fills',
  fullCount: OFFSETS * SMALL_DISKS.length,
  spread: { units: SMALL_DISKS.length, seeds: SMALL_DISKS.length },
  unavailable: whyNoImages,
  run: (input) => withMemoryFolder('small-disk', (folder) => fillMany(folder, input)),
}

async function fillMany(parent: string, { count, seed, signal, progress }: PartInput): Promise<PartResult> {
  const violations: Violation[] = []
  let done = 0
  let acknowledged = 0
  for (; done < count && !signal.aborted; done++) {
    const fill = seed + done
    const disk = SMALL_DISKS[fill % SMALL_DISKS.length]
    if (disk === undefined) continue
    const offset = Math.floor(fill / SMALL_DISKS.length) % OFFSETS
    const result = await fillOnce(join(parent, `${done}`), disk, offset)
    acknowledged += result.acknowledged
    for (const what of result.broken)
      violations.push({
        what: `${disk.name}, ${offset * STEP_BYTES} bytes free: ${what}`,
        replay: `--seed ${fill} --count 1`,
      })
    progress(done)
  }
  return { done, violations, figures: { 'acknowledged puts and deletes': acknowledged } }
}

async function fillOnce(
  folder: string,
  disk: SmallDisk,
  offset: number,
): Promise<{ readonly acknowledged: number; readonly broken: readonly string[] }> {
  await mkdir(folder)
  const mounted = await disk.mount(folder)
  const journal = join(folder, 'journal')
  try {
    const program = join(programFolder(), 'small-disk.program.js')
    const isOpenedWhenFull = offset % 2 === 1 ? 'yes' : ''
    const args = [program, mounted.folder, journal, `${offset * STEP_BYTES}`, isOpenedWhenFull]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
    await once(child, 'exit')
    const told = readJournals([await readFile(journal, 'utf8')])
    const { exitCode, signalCode } = child
    const ended = exitCode === 0 ? [] : [`the process ended with ${signalCode ?? exitCode}`]
    return {
      acknowledged: told.acknowledged,
      broken: [...ended, ...(await checkFolder(join(mounted.folder, 'store'), told))],
    }
  } finally {
    await mounted.unmount()
    await rm(folder, { recursive: true, force: true })
  }
}
