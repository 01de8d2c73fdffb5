import { type ObjectStore, objectPartials } from '@mediakeep/core'
import { withFaults } from '../faults/with-faults.ts'
import { describeConformance } from '../vitest.ts'
import { type ObjectStoreHarness, objectStoreConformance } from './harness.ts'
import { memoryHarness } from './memory-harness.ts'

/** The store with parts kept as objects of its own. */
function withObjectPartials(store: ObjectStore, pieceBytes: number): ObjectStore {
  const { staging } = store
  if (staging === undefined) return store
  const partials = objectPartials(store, { pieceBytes, sweepAfterMs: 0 })
  return {
    ...store,
    staging: {
      get usedBytes() {
        return staging.usedBytes
      },
      budgetBytes: staging.budgetBytes,
      create: (options) => staging.create(options),
      sweep: async (keep) => (await staging.sweep(keep)) + (await partials.sweep(keep)),
      partials,
    },
  }
}

function describePartials(name: string, harness: ObjectStoreHarness): void {
  const kit = objectStoreConformance(harness)
  describeConformance(name, {
    ...kit,
    cases: kit.cases.filter(({ id }) => id.startsWith('partials.')),
    waivers: [{ id: 'partials.unseen', reason: 'a part is made of objects' }],
  })
}

for (const [words, pieceBytes] of [
  ['smaller than most chunks', 9_973],
  ['larger than any body', 1_000_000],
] as const) {
  describePartials(
    `objectPartials() with pieces ${words}`,
    memoryHarness({ wrap: (store) => withObjectPartials(store, pieceBytes) }),
  )
}

describePartials(
  'objectPartials() with an empty plan of faults',
  memoryHarness({ wrap: (store) => withFaults(withObjectPartials(store, 40_000)).store }),
)
