import { readFile, rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { checkFolder } from '../checks/folder.ts'
import { withMemoryFolder } from '../harness/memory-folder.ts'
import type { Part, PartInput, PartResult, Violation } from '../harness/part.ts'
import { programFolder } from '../harness/programs.ts'
import { hasTool } from '../harness/tools.ts'
import { readJournals } from '../writers/journal.ts'
import { ACT_NAMES, type ActName } from './acts.ts'
import { findPoints } from './find-points.ts'
import { type Point, type StrikeOptions, strike } from './strike.ts'

/** Strikes on one folder: what each leaves meets the next, and the checks stay quick. */
const STRIKES_OF_A_LIFE = 40
/** Each is one process at work, and one that waits for it. */
const LANES = Math.max(2, availableParallelism())
/** Of one act, so that a short run need not look at all of them first. */
const KILLS_IN_A_ROW = 4

export const kills: Part = {
  name: 'kills',
  about: 'kills a process at each of its system calls and SQL statements',
  unit: 'kills',
  fullCount: 6_000,
  unavailable: async () =>
    (await hasTool('strace')) ? undefined : 'killing at a system call needs strace, which is Linux only',
  run: (input) => withMemoryFolder('kills', (folder) => strikeMany(folder, input)),
}

/** One folder with what happened to it so far. */
interface Life {
  readonly folder: string
  readonly journal: string
  strikes: number
  /** A broken promise is found by the process after the one that was killed. */
  lastSeed: number
}

async function strikeMany(folder: string, input: PartInput): Promise<PartResult> {
  const { count, seed, signal, progress, note } = input
  const points = pointFinder(folder)
  const violations: Violation[] = []
  const places = new Set<string>()
  let begun = 0
  let killed = 0
  let survived = 0

  const strikeOnce = async (life: Life, current: number): Promise<void> => {
    const { act, point } = await points.choose(current)
    const days = life.strikes + 1
    const options = { programs: programFolder(), ...life, act, seed: current, days }
    const outcome = await strike(options, point)
    life.strikes += 1
    if (outcome === 'killed') killed += 1
    else survived += 1
    places.add(`${act} ${JSON.stringify(point)}`)
    progress(killed)
    const { faults } = readJournals([await readFile(life.journal, 'utf8').catch(() => '')])
    for (const what of faults) violations.push({ what, replay: `--seed ${life.lastSeed} --count 1` })
    if (faults.length > 0) await endLife(life)
    life.lastSeed = current
    if (act === 'create' || life.strikes === STRIKES_OF_A_LIFE) await finishLife(life)
  }
  const finishLife = async (life: Life): Promise<void> => {
    if (life.strikes === 0) return
    const told = readJournals([await readFile(life.journal, 'utf8').catch(() => '')])
    const rules = { days: life.strikes + 1 }
    for (const what of await checkFolder(life.folder, told, rules))
      violations.push({ what, replay: `--seed ${life.lastSeed} --count 1` })
    await endLife(life)
  }
  const lane = async (name: number): Promise<void> => {
    const at = join(folder, `life-${name}`)
    const life: Life = { folder: at, journal: `${at}.journal`, strikes: 0, lastSeed: seed }
    // An act that is over before its point comes up is no kill: another one takes its place.
    while (killed + (LANES - 1) < count + LANES - 1 && begun < count + survived && !signal.aborted) {
      const current = seed + begun++
      if ((await points.choose(current)).act === 'create') await finishLife(life)
      await strikeOnce(life, current)
    }
    await finishLife(life)
  }
  await Promise.all(Array.from({ length: LANES }, (_, name) => lane(name)))
  note(`${places.size} different points, ${survived} acts that ended before theirs`)
  return { done: killed, violations }
}

async function endLife(life: Life): Promise<void> {
  await rm(life.folder, { recursive: true, force: true })
  await rm(life.journal, { force: true })
  life.strikes = 0
}

interface Choice {
  readonly act: ActName
  readonly point: Point
}

/** Consecutive seeds choose every act in turn, and in time every point of each. */
function pointFinder(folder: string): { choose(seed: number): Promise<Choice> } {
  const found = new Map<ActName, Promise<readonly Point[]>>()
  const pointsOf = (act: ActName): Promise<readonly Point[]> => {
    const at = join(folder, `look-${ACT_NAMES.indexOf(act)}`)
    const options: StrikeOptions = {
      programs: programFolder(),
      folder: at,
      journal: `${at}.journal`,
      act,
      seed: 0,
      days: 1,
    }
    let points = found.get(act)
    if (points === undefined) {
      points = findPoints(options)
      found.set(act, points)
    }
    return points
  }
  return {
    async choose(seed) {
      const turn = Math.floor(seed / KILLS_IN_A_ROW)
      const act = ACT_NAMES[turn % ACT_NAMES.length] ?? 'new'
      const points = await pointsOf(act)
      const visit = Math.floor(turn / ACT_NAMES.length) * KILLS_IN_A_ROW + (seed % KILLS_IN_A_ROW)
      const point = points[(visit * strideOf(points.length)) % points.length]
      if (point === undefined) throw new Error(`${act} has no point to be killed at`)
      return { act, point }
    },
  }
}

/** Shares no divisor with `length`, and is far from 1: neighbouring seeds fall far apart. */
function strideOf(length: number): number {
  const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b))
  let stride = Math.max(1, Math.round(length * 0.618))
  while (divisor(length, stride) !== 1) stride += 1
  return stride
}
