import type { Catalog } from '@mediakeep/core'
import { isMediaError } from '@mediakeep/core'
import type { Conformance, Waiver } from '../conformance/case.ts'
import { catalogCases } from './cases.ts'
import { type CatalogContext, createCatalogContext } from './context.ts'
import type { CatalogFixture } from './fixture.ts'
import { purge } from './purge.ts'

/** Longest time for one case on a local catalog; a live one says its own. */
const CASE_TIMEOUT_MS = 30_000

/** How the kit gets at a catalog: give it to `describeCatalog`, or to `catalogConformance` and a runner of your own. */
export interface CatalogHarness {
  /** Makes an empty storage for one case. */
  create(): CatalogFixture | Promise<CatalogFixture>
  /** `fake`: `advance` may be asked for days. `real`: it waits, so it is asked for milliseconds only. */
  readonly clock: 'fake' | 'real'
  /** Whether what was written is there again after every handle was closed. Needs `again`. */
  readonly persists: boolean
  readonly waivers?: readonly Waiver[]
  /** Default 30 s. */
  readonly timeoutMs?: number
}

/** The cases of `Catalog` bound to one kind of storage. */
export function catalogConformance(harness: CatalogHarness): Conformance<CatalogContext> {
  return {
    cases: catalogCases,
    waivers: harness.waivers ?? [],
    timeoutMs: harness.timeoutMs ?? CASE_TIMEOUT_MS,
    async capabilities() {
      const found = new Set<string>()
      const fixture = await harness.create()
      if (fixture.again !== undefined) found.add('second-handle')
      if (fixture.again !== undefined && harness.persists) found.add('reopen')
      if (fixture.loseMarks !== undefined) found.add('lost-marks')
      if (harness.clock === 'fake') found.add('clock')
      await fixture.catalog.close()
      await fixture.cleanup()
      return found
    },
    async open() {
      const fixture = await harness.create()
      const { context, current, closeAll } = await createCatalogContext(fixture)
      return {
        context,
        async leftovers() {
          const faults: string[] = []
          const catalog = await openOne(current(), context, fixture)
          if (catalog !== undefined) faults.push(...(await purge(catalog, context.advance)))
          await closeAll()
          if (catalog !== undefined) faults.push(...((await fixture.leftovers?.()) ?? []))
          return faults
        },
        async cleanup() {
          try {
            await closeAll()
          } finally {
            await fixture.cleanup()
          }
        },
      }
    },
  }
}

/** The handle, or another where the case has closed it; none where there is no other. */
async function openOne(
  catalog: Catalog,
  context: CatalogContext,
  fixture: CatalogFixture,
): Promise<Catalog | undefined> {
  try {
    await catalog.ping()
    return catalog
  } catch (error) {
    if (!isMediaError(error, 'MEDIA_CLOSED')) throw error
    return fixture.again === undefined ? undefined : context.second()
  }
}

export type { CatalogFixture }
