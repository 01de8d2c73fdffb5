import { leaseMutants } from './leases.ts'
import type { StatesMutant } from './mutant.ts'
import { readMutants } from './reads.ts'
import { subscriberMutants } from './subscribers.ts'

export type { StatesMutant } from './mutant.ts'

/** States broken on purpose: they prove that each case can fail, and that each break is seen. */
export const statesMutants: readonly StatesMutant[] = [...readMutants, ...leaseMutants, ...subscriberMutants]
