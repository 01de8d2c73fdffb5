/**
 * Binds the conformance kit to node:test.
 * @packageDocumentation
 */
import { describe, test } from 'node:test'
import { type CatalogHarness, catalogConformance } from './catalog/harness.ts'
import type { Conformance } from './conformance/case.ts'
import { selectCases } from './conformance/case.ts'
import { runCase } from './conformance/run.ts'
import { type ObjectStoreHarness, objectStoreConformance } from './object-store/harness.ts'

/** One test per case; skipped and waived ones carry their reason. Await it: capabilities are asked first. */
export async function describeConformance<Context>(
  name: string,
  conformance: Conformance<Context>,
): Promise<void> {
  const selections = selectCases(conformance.cases, await conformance.capabilities(), conformance.waivers)
  await describe(name, () => {
    for (const selection of selections) {
      const { id, claim } = selection.case
      void test(`${id}: ${claim}`, { timeout: 3 * conformance.timeoutMs }, async (context) => {
        const result = await runCase(conformance, selection)
        if (result.outcome === 'failed') throw result.error
        if (result.outcome !== 'passed') context.skip(`${result.outcome}: ${result.reason}`)
      })
    }
  })
}

/** Proves that a store keeps every promise of `ObjectStore` that applies to it. */
export async function describeObjectStore(name: string, harness: ObjectStoreHarness): Promise<void> {
  await describeConformance(name, objectStoreConformance(harness))
}

/** Proves that a catalog keeps every promise of `Catalog` that applies to it. */
export async function describeCatalog(name: string, harness: CatalogHarness): Promise<void> {
  await describeConformance(name, catalogConformance(harness))
}
