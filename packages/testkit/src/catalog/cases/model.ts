import type { CatalogCase } from '../context.ts'
import { catalogWalk, walkCatalog } from '../model.ts'

/** Long walks beside a model, with seeds that anyone can run again. */
export const modelCases: readonly CatalogCase[] = [1, 2, 3].map((seed) => ({
  id: `model.walk.${seed}`,
  claim: `120 steps of puts, changes, deletions and collections (seed ${seed}) go as in a naive model`,
  async check({ catalog, advance }) {
    await walkCatalog(catalog, advance, catalogWalk(seed, 120))
  },
}))
