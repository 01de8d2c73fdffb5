import type { Catalog } from '@mediakeep/core'

/** One storage, empty, for one case. */
export interface CatalogFixture {
  /** Not opened yet: the kit opens and closes it. */
  readonly catalog: Catalog
  /** Another handle on the same storage, not opened; also after the first was closed. */
  again?(): Catalog | Promise<Catalog>
  /** Lets the catalog's time pass: moves its clock, or waits. */
  advance(ms: number): Promise<void>
  /**
   * Spoils what the storage keeps only to find garbage quickly, behind the catalog's back: every blob without a reference
   * is taken for one in use. Without it the cases of losing it are skipped.
   */
  loseMarks?(): Promise<void>
  /** What is left when the kit has deleted everything and closed all handles: rows, files, connections. */
  leftovers?(): Promise<readonly string[]>
  /** Removes the storage. The kit has closed its handles before. */
  cleanup(): Promise<void>
}
