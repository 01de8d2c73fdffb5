/**
 * Conformance cases, faults, clock and bodies for tests of adapters and of hosts. Needs no test framework.
 * @packageDocumentation
 */
export { type FakeClock, fakeClock } from './clock.ts'
export {
  type Conformance,
  type ConformanceCase,
  type OpenedContext,
  type Selection,
  selectCases,
  type Waiver,
} from './conformance/case.ts'
export { type CaseOutcome, type CaseResult, runCase, runConformance } from './conformance/run.ts'
export { type ObjectStoreCase, objectStoreCases } from './object-store/cases.ts'
export type { ObjectStoreContext } from './object-store/context.ts'
export {
  capabilitiesOf,
  type ObjectStoreFixture,
  type ObjectStoreHarness,
  objectStoreConformance,
} from './object-store/harness.ts'
export { countOpenFiles, waitUntil } from './object-store/open-files.ts'
export { type Random, seededBytes, seededRandom } from './random.ts'
export { catalogCases } from './catalog/cases.ts'
export type { CatalogCase, CatalogContext } from './catalog/context.ts'
export { type CatalogFixture, type CatalogHarness, catalogConformance } from './catalog/harness.ts'
export { memoryCatalogHarness } from './catalog/memory-harness.ts'
