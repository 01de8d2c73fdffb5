import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fsStore } from '@mediakeep/adapters/fs'
import { sqliteCatalog } from '@mediakeep/adapters/sqlite'
import {
  type CaseResult,
  type CatalogHarness,
  catalogConformance,
  type ObjectStoreHarness,
  objectStoreConformance,
  runConformance,
} from '@mediakeep/testkit'
import { withMemoryFolder } from '../harness/memory-folder.ts'
import type { Part, PartInput, PartResult, Violation } from '../harness/part.ts'

const LANES = Math.max(2, availableParallelism())

/** The conformance kits on the file-system store and the SQLite catalog: what each call promises, told apart from the others. */
export const kits: Part = {
  name: 'kits',
  about: 'the conformance cases, on the file-system store and the SQLite catalog',
  unit: 'runs',
  fullCount: 1,
  run: (input) => withMemoryFolder('kits', (folder) => runKits(folder, input)),
}

async function runKits(folder: string, { count, signal, progress, note }: PartInput): Promise<PartResult> {
  const violations: Violation[] = []
  let done = 0
  for (; done < count && !signal.aborted && violations.length === 0; progress(++done)) {
    let cases = 0
    const lane = async (results: AsyncIterable<CaseResult>): Promise<void> => {
      for await (const { id, claim, outcome, error } of results) {
        cases++
        if (outcome === 'failed')
          violations.push({ what: `${id}: ${claim}: ${error?.message ?? ''}`, replay: '--count 1' })
        if (violations.length > 0 || signal.aborted) return
      }
    }
    await Promise.all(Array.from({ length: LANES }, (_, nth) => lane(everyNth(folder, nth))))
    note(`${cases} cases`)
  }
  return { done, violations }
}

/** The cases of one lane: each has a folder of its own, and most of its time it waits for threads to start. */
async function* everyNth(folder: string, nth: number): AsyncGenerator<CaseResult> {
  const isOwn = (_: unknown, at: number): boolean => at % LANES === nth
  const catalog = catalogConformance(sqliteHarness(folder))
  yield* runConformance({ ...catalog, cases: catalog.cases.filter(isOwn) })
  const store = objectStoreConformance(fsHarness(folder))
  yield* runConformance({ ...store, cases: store.cases.filter(isOwn) })
}

function sqliteHarness(folder: string): CatalogHarness {
  return {
    clock: 'fake',
    persists: true,
    async create() {
      const own = await mkdtemp(join(folder, 'catalog-'))
      let offsetMs = 0
      const clock = { now: () => Date.now() + offsetMs }
      const open = () => sqliteCatalog({ file: join(own, 'catalog.sqlite'), clock })
      return {
        catalog: open(),
        again: open,
        async advance(ms) {
          offsetMs += ms
        },
        cleanup: () => rm(own, { recursive: true, force: true }),
      }
    },
  }
}

function fsHarness(folder: string): ObjectStoreHarness {
  return {
    create: async () => {
      const own = await mkdtemp(join(folder, 'store-'))
      const root = join(own, 'volume')
      const open = async () => {
        // Without a wait, as every case about sweeping needs it.
        const store = fsStore({ root, sweepAfterMs: 0 })
        await store.open()
        return store
      }
      const store = await open()
      return {
        store,
        second: open,
        openHandles: () => store.openCount,
        directory: own,
        leftovers: async () => (await readdir(join(root, 'staging'))).map((name) => `staging/${name}`),
        cleanup: () => rm(own, { recursive: true, force: true }),
      }
    },
  }
}
