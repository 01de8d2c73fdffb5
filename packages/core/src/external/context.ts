import type { ResourceStates } from '../contracts/resource-states.ts'
import type { UpkeepContext } from '../upkeep/context.ts'

/** What keeping in step with stores that are not ours needs of the store it works for. */
export interface ExternalContext
  extends Pick<
    UpkeepContext,
    'catalog' | 'volumes' | 'clock' | 'activity' | 'journal' | 'emit' | 'cache' | 'domainOf'
  > {
  readonly states: Pick<ResourceStates, 'invalidate'>
}
