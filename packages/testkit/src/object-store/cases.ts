import { callCases } from './cases/calls.ts'
import { conditionCases } from './cases/conditions.ts'
import { deleteCases } from './cases/delete.ts'
import { directPartsCases } from './cases/direct-parts.ts'
import { factCases } from './cases/facts.ts'
import { fileCases } from './cases/file.ts'
import { getCases } from './cases/get.ts'
import { journalCases } from './cases/journal.ts'
import { keyCases } from './cases/keys.ts'
import { listCases } from './cases/list.ts'
import { localCases } from './cases/local.ts'
import { partialsCases } from './cases/partials.ts'
import { putCases } from './cases/put.ts'
import { stagingCases } from './cases/staging.ts'
import { writerCases } from './cases/writer.ts'
import type { ObjectStoreCase } from './context.ts'

/** Every promise of `ObjectStore`, as data. */
export const objectStoreCases: readonly ObjectStoreCase[] = [
  ...factCases,
  ...putCases,
  ...conditionCases,
  ...getCases,
  ...deleteCases,
  ...listCases,
  ...keyCases,
  ...callCases,
  ...writerCases,
  ...fileCases,
  ...stagingCases,
  ...partialsCases,
  ...directPartsCases,
  ...journalCases,
  ...localCases,
]
