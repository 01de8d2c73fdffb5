import type { ResourceStates } from '../contracts/resource-states.ts'
import type { TieringOptions } from '../contracts/tiering.ts'
import type { Budget } from '../tiering/budget.ts'
import type { Ledger } from '../tiering/ledger.ts'
import type { VolumeUse } from '../tiering/usage.ts'
import type { UpkeepContext } from '../upkeep/context.ts'
import type { Heat } from './heat.ts'

/** What moving copies between tiers needs of the store it works for. */
export interface TierContext extends UpkeepContext {
  readonly options: TieringOptions
  readonly use: VolumeUse
  readonly heat: Heat
  readonly ledger: Ledger
  readonly budget: Budget
  readonly states: ResourceStates
  /** Ids of every volume of the catalog, of this host or another, whose copies count as home. */
  homeIds(): Promise<readonly string[]>
}
