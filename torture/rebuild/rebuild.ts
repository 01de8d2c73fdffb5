import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { sqliteCatalog } from '@mediakeep/adapters/sqlite'
import type { Catalog, MediaStore, PortableMedia, RebuildProgress } from '@mediakeep/core'
import { type Random, seededRandom } from '@mediakeep/testkit'
import { openMediaStore } from 'mediakeep'
import type { Part, PartInput, PartResult, Violation } from '../harness/part.ts'

/** Puts that are under way at once. */
const LANES = 32
const MAX_TOLD = 5

/** The catalog is lost and made anew from the volume: what comes back is what was lost. */
export const rebuild: Part = {
  name: 'rebuild',
  about: 'loses the catalog of a store that lived, makes it anew from the volume, compares all of it',
  unit: 'media',
  fullCount: 100_000,
  run: (input) => loseAndRebuild(input),
}

export async function loseAndRebuild(
  { count, seed, signal, folder, progress, note }: PartInput,
  change: (folder: string) => Promise<void> = async () => {},
): Promise<PartResult> {
  const data = join(folder, 'data')
  const store = await openQuiet(data)
  const done = await live(store, seededRandom(seed), { count, signal, progress })
  await store.close()
  const file = join(data, 'catalog.sqlite')
  await rename(file, join(folder, 'lost.sqlite'))
  await change(data)

  const again = await openQuiet(data)
  const startedMs = performance.now()
  let told: RebuildProgress | undefined
  for await (const step of again.upkeep.rebuildCatalog()) told = step
  note(
    `${told?.restored ?? 0} records put back in ${((performance.now() - startedMs) / 1000).toFixed(1)} s, ${told?.lostMedia ?? 0} lost, ${told?.unknownObjects ?? 0} objects that nobody names`,
  )
  await again.close()
  const differences = await compare(join(folder, 'lost.sqlite'), file)
  const violations: Violation[] = differences.map((what) => ({
    what,
    replay: `--seed ${seed} --count ${count}`,
  }))
  return { done, violations }
}

const openQuiet = (folder: string): Promise<MediaStore> =>
  openMediaStore(folder, { durability: 'file', upkeep: { intervalMs: 0 }, reads: { cacheBytes: 0 } })

async function live(
  store: MediaStore,
  random: Random,
  { count, signal, progress }: Pick<PartInput, 'count' | 'signal' | 'progress'>,
): Promise<number> {
  let done = 0
  const lane = async (): Promise<void> => {
    while (done < count && !signal.aborted) {
      const number = done++
      const keyed = random.integer(0, 3) === 0
      const media = await store.put(Buffer.from(`body ${number} of ${random.integer(0, 1e9)}`), {
        filename: `file ${number} naïve 日本.txt`,
        owner: `owner-${random.integer(0, 50)}`,
        tags: random.integer(0, 2) === 0 ? ['tagged', `t${number % 7}`] : [],
        metadata: { number, nested: { list: [1, null, 'x'] } },
        ...(keyed ? { at: { key: `k/${random.integer(0, count)}` } } : {}),
      })
      await changeSome(store, random, media.id)
      progress(done)
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  return done
}

/** Others replace and delete under the same keys: what was just made may be gone. */
async function changeSome(store: MediaStore, random: Random, id: string): Promise<void> {
  const act = random.integer(0, 12)
  if ((await store.stat(id)) === undefined) return
  if (act === 0) await store.delete(id)
  if (act === 1) await store.update(id, { visibility: 'public', tags: ['changed'] })
  if (act === 2) await store.link(id, { kind: 'recipe', target: String(random.integer(0, 100)) })
  if (act === 3) await store.put(Buffer.from(`replaced ${id}`), { at: id })
}

/** Walks both catalogs in step and says where they differ. */
async function compare(lostFile: string, rebuiltFile: string): Promise<string[]> {
  const [lost, rebuilt] = [sqliteCatalog({ file: lostFile }), sqliteCatalog({ file: rebuiltFile })]
  const differences: string[] = []
  try {
    await Promise.all([lost.open(), rebuilt.open()])
    const right = allMedia(rebuilt)
    for await (const before of allMedia(lost)) {
      const { value: after } = (await right.next()) as { value: PortableMedia | undefined }
      if (isDeepStrictEqual(before, after)) continue
      differences.push(`before ${JSON.stringify(before)}, after ${JSON.stringify(after)}`)
      if (differences.length >= MAX_TOLD) return differences
    }
    const more = await right.next()
    if (more.done !== true) differences.push(`came from nowhere: ${JSON.stringify(more.value)}`)
    return differences
  } finally {
    await Promise.all([lost.close(), rebuilt.close()])
  }
}

async function* allMedia(catalog: Catalog): AsyncGenerator<PortableMedia, undefined> {
  let cursor: string | undefined
  do {
    const page = await catalog.exportMedia({ limit: 500, ...(cursor === undefined ? {} : { cursor }) })
    yield* page.media
    cursor = page.cursor
  } while (cursor !== undefined)
  return undefined
}
