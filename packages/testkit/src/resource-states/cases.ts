import { claimCases } from './cases/claim.ts'
import { leaseCases } from './cases/lease.ts'
import { readCases } from './cases/read.ts'
import { subscribeCases } from './cases/subscribe.ts'
import type { ResourceStatesCase } from './context.ts'

/** Every promise of `ResourceStates`, as data. */
export const resourceStatesCases: readonly ResourceStatesCase[] = [
  ...readCases,
  ...claimCases,
  ...leaseCases,
  ...subscribeCases,
]
