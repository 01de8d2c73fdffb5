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
import { type ResourceStatesHarness, resourceStatesConformance } from './resource-states/harness.ts'

/** One test per case that applies. A waived one passes for as long as its promise is broken. */
export function describeConformance<Context>(name: string, conformance: Conformance<Context>): void {
  describe(name, async () => {
    const selections = selectCases(conformance.cases, await conformance.capabilities(), conformance.waivers)
    for (const selection of selections) {
      // What a backend does not claim is no test of it, not even a skipped one.
      if (selection.type === 'skip') continue
      const { id, claim } = selection.case
      test(selection.type === 'waived' ? `${id} (waived: ${selection.reason})` : `${id}: ${claim}`, {
        timeout: 3 * conformance.timeoutMs,
      }, async () => {
        const result = await runCase(conformance, selection)
        if (result.outcome === 'failed') throw result.error
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

/** Proves that a backend of states keeps every promise of `ResourceStates` that applies to it. */
export function describeResourceStates(name: string, harness: ResourceStatesHarness): void {
  describeConformance(name, resourceStatesConformance(harness))
}
