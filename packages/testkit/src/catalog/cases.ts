import { changeCases } from './cases/change.ts'
import { copiesCases } from './cases/copies.ts'
import { copyCases } from './cases/copy.ts'
import { externalCases } from './cases/external.ts'
import { filterListCases } from './cases/filters.ts'
import { garbageCases } from './cases/garbage.ts'
import { garbageVolumeCases } from './cases/garbage-volumes.ts'
import { hostileCases } from './cases/hostile.ts'
import { idempotencyCases } from './cases/idempotency.ts'
import { learnCases } from './cases/learn.ts'
import { leaveCases } from './cases/leave.ts'
import { ledgerCases } from './cases/ledger.ts'
import { lifecycleCases } from './cases/lifecycle.ts'
import { linkCases } from './cases/links.ts'
import { listCases } from './cases/lists.ts'
import { modelCases } from './cases/model.ts'
import { moveCases } from './cases/moves.ts'
import { orphanCases } from './cases/orphans.ts'
import { planCases } from './cases/plan.ts'
import { portableCases } from './cases/portable.ts'
import { raceCases } from './cases/races.ts'
import { reachCases } from './cases/reach.ts'
import { recheckCases } from './cases/recheck.ts'
import { recordCases } from './cases/records.ts'
import { replaceCases } from './cases/replace.ts'
import { reservationCases } from './cases/reservations.ts'
import { searchCases } from './cases/search.ts'
import { sessionCases } from './cases/sessions.ts'
import { stagingCases } from './cases/staging.ts'
import { thinCases } from './cases/thin.ts'
import { uploadCases } from './cases/uploads.ts'
import { usageCases } from './cases/usage.ts'
import { verdictCases } from './cases/verdicts.ts'
import type { CatalogCase } from './context.ts'

/** Every promise of `Catalog`, as data. */
export const catalogCases: readonly CatalogCase[] = [
  ...lifecycleCases,
  ...recordCases,
  ...replaceCases,
  ...changeCases,
  ...sessionCases,
  ...uploadCases,
  ...reservationCases,
  ...stagingCases,
  ...idempotencyCases,
  ...linkCases,
  ...listCases,
  ...filterListCases,
  ...searchCases,
  ...usageCases,
  ...garbageCases,
  ...planCases,
  ...recheckCases,
  ...orphanCases,
  ...copiesCases,
  ...thinCases,
  ...copyCases,
  ...reachCases,
  ...garbageVolumeCases,
  ...leaveCases,
  ...moveCases,
  ...externalCases,
  ...learnCases,
  ...verdictCases,
  ...ledgerCases,
  ...portableCases,
  ...raceCases,
  ...hostileCases,
  ...modelCases,
]
