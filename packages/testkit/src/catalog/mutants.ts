import { changeMutants } from './mutants/changes.ts'
import { copiesMutants } from './mutants/copies.ts'
import { copyMutants } from './mutants/copy.ts'
import { externalMutants } from './mutants/external.ts'
import { garbageMutants } from './mutants/garbage.ts'
import { learnMutants } from './mutants/learn.ts'
import { leaveMutants } from './mutants/leave.ts'
import { ledgerMutants } from './mutants/ledger.ts'
import { listMutants } from './mutants/lists.ts'
import { moveMutants } from './mutants/moves.ts'
import type { CatalogMutant } from './mutants/mutant.ts'
import { orphanMutants } from './mutants/orphans.ts'
import { planMutants } from './mutants/plan.ts'
import { portableMutants } from './mutants/portable.ts'
import { reachMutants } from './mutants/reach.ts'
import { recordMutants } from './mutants/records.ts'
import { sessionMutants } from './mutants/sessions.ts'
import { storageMutants } from './mutants/storage.ts'
import { uploadMutants } from './mutants/uploads.ts'
import { verdictMutants } from './mutants/verdicts.ts'

export type { CatalogMutant } from './mutants/mutant.ts'

/** Catalogs that break one promise each: the kit convicts every one, and every case convicts some. */
export const catalogMutants: readonly CatalogMutant[] = [
  ...recordMutants,
  ...changeMutants,
  ...listMutants,
  ...sessionMutants,
  ...uploadMutants,
  ...garbageMutants,
  ...planMutants,
  ...orphanMutants,
  ...copiesMutants,
  ...copyMutants,
  ...reachMutants,
  ...leaveMutants,
  ...moveMutants,
  ...externalMutants,
  ...learnMutants,
  ...verdictMutants,
  ...ledgerMutants,
  ...portableMutants,
  ...storageMutants,
]
