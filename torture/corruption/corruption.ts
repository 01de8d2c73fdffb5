import { createHash } from 'node:crypto'
import { lstat, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type DamagedCopy, isMediaError, type MediaStore } from '@mediakeep/core'
import { type Random, seededRandom } from '@mediakeep/testkit'
import { openMediaStore } from 'mediakeep'
import type { Part, PartInput, PartResult, Violation } from '../harness/part.ts'
import { SPOILINGS } from './spoilings.ts'

const MEDIA_A_ROUND = 48
const SPOILED_A_ROUND = 40
/** On both sides of every limit that bytes meet: sums, memory, steps of a read. */
const SIZES = [1, 4_096, 65_535, 65_536, 65_537, 262_145, 1_048_577]

/** Ruins copies in ten ways on one of two volumes or on both: all are found, all with a good copy are repaired, no good one is touched. */
export const corruption: Part = {
  name: 'corruption',
  about: 'ruins stored copies; verify finds all, repairs what has a good copy, touches no good one',
  unit: 'corruptions',
  fullCount: 10_000,
  spread: { units: SPOILED_A_ROUND, seeds: 1 },
  run: (input) => ruin(input),
}

/** How a run looks for damage: the real one, or a blind one that a test must see convicted. */
export type FindDamage = (store: MediaStore) => Promise<readonly DamagedCopy[]>

export async function findAndRepair(store: MediaStore): Promise<readonly DamagedCopy[]> {
  const damaged: DamagedCopy[] = []
  for await (const step of store.upkeep.verify({ repair: true })) damaged.push(...step.damaged)
  return damaged
}

export async function ruin(
  { count, seed, signal, folder, progress }: PartInput,
  find: FindDamage = findAndRepair,
): Promise<PartResult> {
  const violations: Violation[] = []
  let done = 0
  for (let round = 0; done < count && !signal.aborted && violations.length === 0; round++) {
    const wanted = Math.min(SPOILED_A_ROUND, count - done)
    const roundFolder = join(folder, String(round))
    const faults = await oneRound(roundFolder, seed + round, wanted, find)
    await rm(roundFolder, { recursive: true, force: true })
    for (const what of faults)
      violations.push({ what, replay: `--seed ${seed + round} --count ${SPOILED_A_ROUND}` })
    done += wanted
    progress(done)
  }
  return { done, violations }
}

interface Spoiled {
  readonly id: string
  readonly how: string
  readonly hasGoodCopy: boolean
}

async function oneRound(folder: string, seed: number, wanted: number, find: FindDamage): Promise<string[]> {
  const random = seededRandom(seed)
  const store = await openMediaStore(join(folder, 'first'), {
    secondDirectory: join(folder, 'second'),
    durability: 'none',
    upkeep: { intervalMs: 0 },
    reads: { cacheBytes: 0, verifiedForMs: 0 },
  })
  try {
    const bodies = new Map<string, Buffer>()
    for (let n = 0; n < MEDIA_A_ROUND; n++) {
      const bytes = Buffer.from(random.bytes((SIZES[n % SIZES.length] ?? 1) + (n >= SIZES.length ? n : 0)))
      // Of 65,536 random bodies some begin like a type that is not taken.
      if (bytes.length > 4) bytes.fill(0, 0, 4)
      bodies.set((await store.put(bytes)).id, bytes)
    }
    const before = await filesOf(folder)
    const spoiled = await spoilSome(folder, before, random, wanted)
    const good = new Map([...before].filter(([path]) => !spoiled.has(path)))
    const damaged = await find(store)
    return [
      ...judgeFound(spoiled, damaged, before),
      ...(await judgeFiles(good)),
      ...(await judgeReads(store, bodies, spoiled, before)),
    ]
  } finally {
    await store.close()
  }
}

/** Path and digest of every object file on both volumes. */
async function filesOf(folder: string): Promise<Map<string, string>> {
  const files = new Map<string, string>()
  for (const disk of ['first', 'second']) {
    const objects = join(folder, disk, 'volume', 'objects')
    for (const shard of await readdir(objects))
      for (const name of await readdir(join(objects, shard))) {
        const path = join(objects, shard, name)
        files.set(path, digestOf(await readFile(path)))
      }
  }
  return files
}

const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

async function spoilSome(
  folder: string,
  files: ReadonlyMap<string, string>,
  random: Random,
  wanted: number,
): Promise<Map<string, Spoiled>> {
  const spoiled = new Map<string, Spoiled>()
  const isOn = (disk: string, path: string): boolean => path.startsWith(join(folder, disk, 'volume'))
  const left = [...files.keys()].sort(() => random.next() - 0.5)
  for (const path of left) {
    if (spoiled.size >= wanted) break
    const digest = files.get(path) ?? ''
    const twin = left.find((other) => other !== path && files.get(other) === digest)
    // One in three loses both copies where the twin is ruined already; else the twin stays good.
    const bothMayGo = random.integer(0, 3) === 0
    if (twin !== undefined && spoiled.has(twin) && !bothMayGo) continue
    const kind = SPOILINGS[random.integer(0, SPOILINGS.length)]
    const { size } = await lstat(path)
    if (kind === undefined || size < kind.minBytes) continue
    const other = left.find(
      (candidate) =>
        candidate !== path &&
        files.get(candidate) !== digest &&
        !spoiled.has(candidate) &&
        isOn('first', candidate) === isOn('first', path),
    )
    if (other === undefined || !(await kind.spoil(path, other, random))) continue
    spoiled.set(path, { id: digest, how: kind.name, hasGoodCopy: true })
  }
  return new Map(
    [...spoiled].map(([path, one]) => {
      const twins = left.filter((other) => other !== path && files.get(other) === one.id)
      return [path, { ...one, hasGoodCopy: twins.some((twin) => !spoiled.has(twin)) }]
    }),
  )
}

function judgeFound(
  spoiled: ReadonlyMap<string, Spoiled>,
  damaged: readonly DamagedCopy[],
  files: ReadonlyMap<string, string>,
): string[] {
  const faults: string[] = []
  const byKey = new Map(damaged.map((copy) => [copy.key, copy]))
  const keyOf = (path: string): string => path.split('/').slice(-2).join('/')
  for (const [path, { how, hasGoodCopy }] of spoiled) {
    const found = byKey.get(keyOf(path))
    if (found === undefined) faults.push(`${how} was not found: ${keyOf(path)}`)
    else if (found.repaired !== hasGoodCopy)
      faults.push(
        `${how}: repaired is ${found.repaired}, a good copy ${hasGoodCopy ? 'was there' : 'was not there'}`,
      )
  }
  for (const path of files.keys())
    if (!spoiled.has(path) && byKey.has(keyOf(path)))
      faults.push(`a good copy was called damaged: ${keyOf(path)}`)
  return faults
}

async function judgeFiles(good: ReadonlyMap<string, string>): Promise<string[]> {
  const faults: string[] = []
  for (const [path, digest] of good) {
    const now = await readFile(path).then(digestOf, () => 'gone')
    if (now !== digest) faults.push(`a good file was touched: ${path.split('/').slice(-2).join('/')}`)
  }
  return faults
}

async function judgeReads(
  store: MediaStore,
  bodies: ReadonlyMap<string, Buffer>,
  spoiled: ReadonlyMap<string, Spoiled>,
  files: ReadonlyMap<string, string>,
): Promise<string[]> {
  const faults: string[] = []
  const lost = new Set([...spoiled.values()].filter(({ hasGoodCopy }) => !hasGoodCopy).map(({ id }) => id))
  const known = new Set(files.values())
  for (const [id, bytes] of bodies) {
    const digest = digestOf(bytes)
    if (!known.has(digest)) faults.push(`${id} had no file`)
    try {
      const reader = await store.open(id)
      const read = await reader.bytes({ maxBytes: 1e9 })
      if (!bytes.equals(read)) faults.push(`${id}: wrong bytes were given as good`)
      else if (lost.has(digest)) faults.push(`${id}: was read though both copies were ruined`)
    } catch (error) {
      if (!isMediaError(error, 'MEDIA_CORRUPT')) faults.push(`${id}: ${String(error)}`)
      else if (!lost.has(digest)) faults.push(`${id}: cannot be read though a good copy is there`)
    }
  }
  return faults
}
