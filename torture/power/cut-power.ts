import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { type Random, seededRandom } from '@mediakeep/testkit'
import { copyImage, makeExt4, mountImage } from '../harness/image.ts'
import type { Told } from '../writers/journal.ts'
import { readJournals } from '../writers/journal.ts'
import { startWriter, type Writer } from '../writers/start-writer.ts'

const IMAGE_BYTES = 256 * 1024 * 1024
const LANES = 4

export interface CutOptions {
  /** Where the bundled programs are. */
  readonly programs: string
  /** For images; in memory if possible. */
  readonly folder: string
  readonly subject: string
  readonly seed: number
  /** Cuts of one writer, one after the other. */
  readonly cuts: number
  readonly signal: AbortSignal
  /** Looks at the file system as it is when power is back. @returns what is broken */
  check(folder: string, told: Told): Promise<readonly string[]>
}

export interface Cut {
  readonly acknowledged: number
  readonly broken: readonly string[]
}

/**
 * One writer on an ext4 image, cut off several times: it is stopped, the image is copied, and the copy is mounted,
 * which replays its journal as after a loss of power. What the page cache of the mounted file system held is lost with
 * it. The writer goes on meanwhile: each cut is later in the same life.
 */
export async function* cutPower(options: CutOptions): AsyncGenerator<Cut> {
  const { folder, seed, cuts } = options
  const random = seededRandom(seed)
  const image = join(folder, `${seed}.img`)
  const journal = join(folder, `${seed}.journal`)
  await makeExt4(image, IMAGE_BYTES)
  const mounted = await mountImage(image)
  const writer = startWriter({
    programs: options.programs,
    subject: options.subject,
    folder: join(mounted.folder, 'store'),
    journal,
    name: 'w',
    seed,
    lanes: LANES,
  })
  try {
    for (let cut = 0; cut < cuts && !options.signal.aborted; cut++)
      yield await cutOnce(options, random, writer, image, journal)
  } finally {
    writer.resume()
    await writer.kill()
    await mounted.unmount()
    await rm(image, { force: true })
    await rm(journal, { force: true })
  }
}

async function cutOnce(
  { check }: CutOptions,
  random: Random,
  writer: Writer,
  image: string,
  journal: string,
): Promise<Cut> {
  const copy = `${image}.cut`
  try {
    await setTimeout(random.integer(20, 700))
    await writer.stop()
    const told = readJournals([await readFile(journal, 'utf8').catch(() => '')])
    await copyImage(image, copy)
    writer.resume()
    const after = await mountImage(copy)
    try {
      const broken = await check(join(after.folder, 'store'), told)
      return { acknowledged: told.acknowledged, broken }
    } finally {
      await after.unmount()
    }
  } finally {
    await rm(copy, { force: true })
  }
}
