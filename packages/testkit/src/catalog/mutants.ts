import { changeMutants } from './mutants/changes.ts'
import { garbageMutants } from './mutants/garbage.ts'
import { listMutants } from './mutants/lists.ts'
import type { CatalogMutant } from './mutants/mutant.ts'
import { recordMutants } from './mutants/records.ts'
import { sessionMutants } from './mutants/sessions.ts'
import { storageMutants } from './mutants/storage.ts'

export type { CatalogMutant } from './mutants/mutant.ts'

/** Catalogs that break one promise each: the kit convicts every one, and every case convicts some. */
export const catalogMutants: readonly CatalogMutant[] = [
  ...recordMutants,
  ...changeMutants,
  ...listMutants,
  ...sessionMutants,
  ...garbageMutants,
  ...storageMutants,
]
