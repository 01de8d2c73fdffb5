/**
 * Binds the conformance kit to vitest.
 * @packageDocumentation
 */
import { describe, test } from 'vitest'
import { type CatalogHarness, catalogConformance } from './catalog/harness.ts'
import type { Conformance } from './conformance/case.ts'
import { selectCases } from './conformance/case.ts'
import { runCase } from './conformance/run.ts'
import { type ObjectStoreHarness, objectStoreConformance } from './object-store/harness.ts'

/** One test per case; skipped and waived ones carry their reason. */
export function describeConformance<Context>(name: string, conformance: Conformance<Context>): void {
  describe(name, async () => {
    const selections = selectCases(conformance.cases, await conformance.capabilities(), conformance.waivers)
    for (const selection of selections) {
      const { id, claim } = selection.case
      test(`${id}: ${claim}`, { timeout: 3 * conformance.timeoutMs }, async (context) => {
        const result = await runCase(conformance, selection)
        if (result.outcome === 'failed') throw result.error
        if (result.outcome !== 'passed') context.skip(`${result.outcome}: ${result.reason}`)
      })
    }
  })
}

/** Proves that a store keeps every promise of `ObjectStore` that applies to it. */
export function describeObjectStore(name: string, harness: ObjectStoreHarness): void {
  describeConformance(name, objectStoreConformance(harness))
}

/** Proves that a catalog keeps every promise of `Catalog` that applies to it. */
export function describeCatalog(name: string, harness: CatalogHarness): void {
  describeConformance(name, catalogConformance(harness))
}
