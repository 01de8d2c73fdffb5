import { bodyMutants } from './bodies.ts'
import { callMutants, closeMutants } from './calls.ts'
import { conditionMutants } from './conditions.ts'
import { directPartsMutants } from './direct-parts.ts'
import { headMutants } from './heads.ts'
import { journalMutants } from './journal.ts'
import { keyMutants } from './keys.ts'
import { deleteMutants, listMutants } from './listing.ts'
import { localMutants } from './local.ts'
import type { StoreMutant } from './mutant.ts'
import { partialsMutants } from './partials.ts'
import { fileMutants, identityMutants, stagingMutants, writerMutants } from './parts.ts'
import { rangeMutants, readerMutants } from './readers.ts'

export type { StoreMutant } from './mutant.ts'

/** Stores broken on purpose: they prove that each case can fail, and that each break is seen. */
export const storeMutants: readonly StoreMutant[] = [
  ...headMutants,
  ...bodyMutants,
  ...conditionMutants,
  ...rangeMutants,
  ...readerMutants,
  ...deleteMutants,
  ...listMutants,
  ...keyMutants,
  ...callMutants,
  ...closeMutants,
  ...writerMutants,
  ...fileMutants,
  ...stagingMutants,
  ...partialsMutants,
  ...directPartsMutants,
  ...journalMutants,
  ...identityMutants,
  ...localMutants,
]
