import {
  MAX_OPEN_UPLOADS,
  MAX_RUNNING_DIGESTS,
  UPLOAD_LEASE_MS,
  UPLOAD_LOCK_WAIT_MS,
  UPLOAD_STALL_MS,
} from '../defaults.ts'
import type { Money } from '../tiering/money.ts'
import { callDollars } from '../tiering/prices.ts'
import type { KeyedLock } from '../time/keyed-lock.ts'
import type { UpkeepContext } from '../upkeep/context.ts'
import type { UploadContext } from '../uploads/context.ts'
import { createHolds } from '../uploads/hold.ts'
import { createRunningDigests } from '../uploads/running-digests.ts'
import { createSpools } from '../uploads/spools.ts'
import type { LimitOptions } from './options.ts'
import { tellPut, tellRefused } from './put.ts'
import { snapshotOf } from './snapshot.ts'

/** What uploads in pieces share in one store. */
export function createUploadContext(
  context: UpkeepContext,
  digestLock: KeyedLock,
  { maxOpenUploads = MAX_OPEN_UPLOADS }: LimitOptions,
  { ledger, budget }: Pick<Money, 'ledger' | 'budget'>,
): UploadContext {
  const limits = {
    maxOpen: maxOpenUploads,
    leaseMs: UPLOAD_LEASE_MS,
    stallMs: UPLOAD_STALL_MS,
    lockWaitMs: UPLOAD_LOCK_WAIT_MS,
  }
  return {
    ...context,
    digestLock,
    limits,
    spools: createSpools(context.volumes, context.clock),
    digests: createRunningDigests(MAX_RUNNING_DIGESTS),
    holds: createHolds(context, limits),
    snapshotOf,
    wroteElsewhere({ id, store, prices }, of, calls, bytes) {
      if (!store.traits.paid) return
      ledger.estimated(id, { class: of, calls, bytes })
      budget.spent(callDollars(prices, { class: of, calls, bytes }))
    },
    committed: (outcome, put) => tellPut(context, outcome, put),
    refused: (error, call) => tellRefused(context, error, call),
  }
}
