import type { Catalog } from '@mediakeep/core'
import type { ConformanceCase } from '../conformance/case.ts'
import type { CatalogFixture } from './fixture.ts'

/** What a case of `Catalog` gets: one empty, open catalog with the volumes of `VOLUMES`. */
export interface CatalogContext {
  readonly catalog: Catalog
  /**
   * Lets the catalog's own time pass. A catalog whose time is real (a database server's) waits that long:
   * cases that need minutes or days ask for `clock`.
   */
  advance(ms: number): Promise<void>
  /** Another open handle on the same storage, as of another process. Only for cases that need `second-handle`. */
  second(): Promise<Catalog>
  /** The storage forgets which blobs lost their last reference or are condemned. Only for cases that need `lost-marks`. */
  loseMarks(): Promise<void>
  /** Closes every handle and opens the storage again. Only for cases that need `reopen`. */
  reopen(): Promise<Catalog>
}

export type CatalogCase = ConformanceCase<CatalogContext>

/** Registered before each case; `cold` is of another tier. */
export const VOLUMES = [
  { id: 'kit-disk', tier: 'disk', layout: 1 },
  { id: 'kit-cold', tier: 'cold', layout: 1 },
] as const

/** Cases keep to these namespaces, so that all they made can be taken away afterwards. */
export const NAMESPACES = ['alpha', 'beta'] as const

export interface CreatedContext {
  readonly context: CatalogContext
  /** The handle that is open now. */
  current(): Catalog
  closeAll(): Promise<void>
}

export async function createCatalogContext(fixture: CatalogFixture): Promise<CreatedContext> {
  const handles: Catalog[] = []
  let current = fixture.catalog
  const open = async (catalog: Catalog): Promise<Catalog> => {
    handles.push(catalog)
    await catalog.open()
    return catalog
  }
  const closeAll = async (): Promise<void> => {
    const failures: unknown[] = []
    // One after the other: of two that close in the same moment neither is the last, which is who tidies up.
    for (const handle of handles.splice(0))
      await handle.close().catch((error: unknown) => failures.push(error))
    if (failures.length > 0) throw failures[0]
  }
  const again = (): Promise<Catalog> => {
    if (fixture.again === undefined) throw new Error('the harness gives no other handle')
    return Promise.resolve(fixture.again()).then(open)
  }
  await open(current)
  for (const volume of VOLUMES) await current.registerVolume(volume)
  return {
    current: () => current,
    closeAll,
    context: {
      catalog: current,
      advance: (ms) => fixture.advance(ms),
      second: again,
      async loseMarks() {
        if (fixture.loseMarks === undefined) throw new Error('the harness cannot lose marks')
        await fixture.loseMarks()
      },
      async reopen() {
        await closeAll()
        current = await again()
        return current
      },
    },
  }
}
