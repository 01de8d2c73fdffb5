import { mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { type Random, seededRandom } from '@mediakeep/testkit'
import { readJournals, type Told } from '../writers/journal.ts'
import { startWriter, type Writer } from '../writers/start-writer.ts'

export const CROWD = 4
const LANES = 2

export interface CrowdOptions {
  readonly programs: string
  /** The store's; told apart from it, their journals lie beside it. */
  readonly folder: string
  readonly subject: string
  readonly seed: number
  readonly signal: AbortSignal
}

/**
 * Four processes at work on one folder, each putting, replacing, deleting and collecting, each killed at a moment of
 * its own: while it opens, or soon after. The others go on beside what it leaves.
 * @returns what all processes of this folder were told so far, also in earlier rounds
 */
export async function killCrowd(options: CrowdOptions): Promise<Told> {
  const random = seededRandom(options.seed)
  await mkdir(dirname(options.folder), { recursive: true })
  const journals = Array.from({ length: CROWD }, (_, at) => `${options.folder}.${at}.journal`)
  const moments = journals.map(() => momentOf(random))
  const writers = journals.map((journal, at) =>
    startWriter({ ...options, journal, name: `w${at}`, seed: options.seed * CROWD + at, lanes: LANES }),
  )
  await Promise.all(
    writers.map((writer, at) => killAt(writer, journals[at] ?? '', moments[at], options.signal)),
  )
  return readJournals(await Promise.all(journals.map(readIfThere)))
}

/** Milliseconds after it was started, or after it has opened the store. */
interface Moment {
  readonly after: 'start' | 'open'
  readonly ms: number
}

function momentOf(random: Random): Moment {
  const isEarly = random.integer(0, 4) === 0
  return isEarly
    ? { after: 'start', ms: random.integer(30, 400) }
    : { after: 'open', ms: random.integer(0, 250) }
}

async function killAt(
  writer: Writer,
  journal: string,
  { after, ms }: Moment = { after: 'start', ms: 0 },
  signal: AbortSignal,
): Promise<void> {
  const openings = openingsIn(await readIfThere(journal))
  while (after === 'open' && !signal.aborted && writer.child.exitCode === null) {
    if (openingsIn(await readIfThere(journal)) > openings) break
    await setTimeout(5)
  }
  await setTimeout(ms)
  await writer.kill()
}

const openingsIn = (text: string): number => text.split('opened\n').length

function readIfThere(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '')
}
