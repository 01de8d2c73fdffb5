import { mkdtemp, readdir, rm } from 'node:fs/promises'
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
import type { Part, PartInput, PartResult, Violation } from '../harness/part.ts'

/** The conformance kits on the file-system store and the SQLite catalog: what each call promises, told apart from the others. */
export const kits: Part = {
  name: 'kits',
  about: 'the conformance cases, on the file-system store and the SQLite catalog',
  unit: 'runs',
  fullCount: 1,
  run: (input) => runKits(input),
}

async function runKits({ count, signal, folder, progress, note }: PartInput): Promise<PartResult> {
  const violations: Violation[] = []
  let done = 0
  for (; done < count && !signal.aborted && violations.length === 0; progress(++done)) {
    let cases = 0
    for await (const { id, claim, outcome, error } of allCases(folder)) {
      cases++
      if (outcome !== 'failed') continue
      violations.push({ what: `${id}: ${claim}: ${error?.message ?? ''}`, replay: '--count 1' })
      break
    }
    note(`${cases} cases`)
  }
  return { done, violations }
}

async function* allCases(folder: string): AsyncGenerator<CaseResult> {
  yield* runConformance(catalogConformance(sqliteHarness(folder)))
  yield* runConformance(objectStoreConformance(fsHarness(folder)))
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
