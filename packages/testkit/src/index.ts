/**
 * Conformance cases, faults, clock and bodies for tests of adapters and of hosts. Needs no test framework.
 * @packageDocumentation
 */

export {
  chunkedSource,
  failingSource,
  type GatedSource,
  gatedSource,
  lyingSource,
  streamSource,
  unhurriedSource,
  type WatchedSource,
} from './bodies.ts'
export { catalogCases } from './catalog/cases.ts'
export type { CatalogCase, CatalogContext } from './catalog/context.ts'
export { type CatalogFixture, type CatalogHarness, catalogConformance } from './catalog/harness.ts'
export { memoryCatalogHarness } from './catalog/memory-harness.ts'
export { type CatalogStep, catalogWalk, walkCatalog } from './catalog/model.ts'
export { type CatalogMutant, catalogMutants } from './catalog/mutants.ts'
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
export { decoratorFaults } from './decorators/decorator-faults.ts'
export {
  type Fault,
  type FaultEffect,
  type FaultPlan,
  type InjectedFault,
  randomFaults,
} from './faults/plan.ts'
export { type FaultyCatalog, withCatalogFaults } from './faults/with-catalog-faults.ts'
export { type FaultyStore, withFaults } from './faults/with-faults.ts'
export { type MemoryMediaStoreOptions, memoryMediaStore } from './media-store.ts'
export { type NameGroup, nastyFilenames, nastyKeys, oddPathKeys } from './names.ts'
export { objectStoreCases } from './object-store/cases.ts'
export type { ObjectStoreCase, ObjectStoreContext } from './object-store/context.ts'
export {
  capabilitiesOf,
  type ObjectStoreFixture,
  type ObjectStoreHarness,
  objectStoreConformance,
} from './object-store/harness.ts'
export { type MemoryHarnessOptions, memoryHarness } from './object-store/memory-harness.ts'
export { type StoreMutant, storeMutants } from './object-store/mutants/index.ts'
export { countOpenFiles, waitUntil } from './object-store/open-files.ts'
export { type Random, seededBytes, seededRandom } from './random.ts'
export { resourceStatesCases } from './resource-states/cases.ts'
export type { ResourceStatesCase, ResourceStatesContext } from './resource-states/context.ts'
export {
  type ResourceStatesFixture,
  type ResourceStatesHarness,
  resourceStatesConformance,
} from './resource-states/harness.ts'
export { type MemoryStatesHarnessOptions, memoryStatesHarness } from './resource-states/memory-harness.ts'
export { type StatesMutant, statesMutants } from './resource-states/mutants/index.ts'
