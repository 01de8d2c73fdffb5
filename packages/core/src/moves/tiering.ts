import type { Catalog, MediaRecord } from '../contracts/catalog.ts'
import type { PlacementExplanation, Tiering, TierStatus } from '../contracts/tiering.ts'
import { isMediaError } from '../errors/media-error.ts'
import type { TierOptions } from '../tiering/tier.ts'
import type { TierContext } from './context.ts'
import { priceLedger } from './costs.ts'
import { explainPlacement, planTiers } from './plan.ts'
import { applyTiers } from './tiers.ts'
import { withdrawMoves } from './withdraw.ts'

/** The tiers as all namespaces see them; `explain` is asked for a record, and what is not ours is in a namespace. */
export interface SharedTiering
  extends Omit<Tiering, 'explain' | 'importObjects' | 'reconcile' | 'hint' | 'followHints'> {
  explain(record: MediaRecord): Promise<PlacementExplanation>
}

export function createTiering(context: TierContext): SharedTiering {
  const { catalog, clock } = context
  return {
    status: () => statusOf(context),
    plan: ({ signal } = {}) => planTiers(context, signal),
    apply: ({ signal } = {}) => applyTiers(context, signal),
    withdraw: (options = {}) => withdrawMoves(context, options),
    explain: (record) => explainPlacement(context, record),
    async costs({ fromDay, toDay } = {}) {
      await context.ledger.flush()
      const today = new Date(clock.now()).toISOString().slice(0, 10)
      const rows = await catalog.ledger({ fromDay: fromDay ?? toDay ?? today, toDay: toDay ?? today })
      const report = priceLedger(rows, context.volumes.all)
      const { budget } = context.options
      if (budget === undefined) return report
      const takenTodayDollars = await context.budget.takenTodayDollars()
      return { ...report, budget: { dailyDollars: budget.dailyDollars, takenTodayDollars } }
    },
  }
}

async function statusOf({ catalog, volumes, chooser }: TierContext): Promise<readonly TierStatus[]> {
  const usage = new Map((await catalog.volumeUsage()).map((row) => [row.volumeId, row]))
  return Promise.all(
    volumes.all.map(async (volume): Promise<TierStatus> => {
      const { storedBytes = 0, objects = 0, reservedBytes = 0 } = usage.get(volume.id) ?? {}
      const offline = await volume.checkOnline().then(
        () => undefined,
        (error: unknown) => (isMediaError(error) ? (error.reason ?? error.code) : 'failed'),
      )
      const burst = await chooser.burstOf(volume)
      return {
        name: volume.tier,
        role: volume.role,
        volumes: [
          {
            id: volume.id,
            online: offline === undefined,
            ...(offline === undefined ? {} : { reason: offline }),
            storedBytes,
            objects,
            reservedBytes,
            ...(volume.capacityBytes === undefined ? {} : { capacityBytes: volume.capacityBytes }),
            ...(burst === undefined ? {} : { burst }),
          },
        ],
      }
    }),
  )
}

/** Volumes that count as home, those of other hosts too: hosts that share a catalog name their tiers alike. */
export function homeIdsOf(
  catalog: Pick<Catalog, 'listVolumes'>,
  tiers: readonly TierOptions[],
): () => Promise<readonly string[]> {
  // An object that is not ours is still where its media lives: a copy of it may go.
  const keeps = tiers.filter(({ role }) => role !== 'cache')
  const homes = new Set(
    keeps.filter(({ store }) => store.traits.durability !== 'none').map(({ name }) => name),
  )
  // In tests and toys every tier may be in memory: then they count for each other.
  const counted = homes.size > 0 ? homes : new Set(keeps.map(({ name }) => name))
  return async () => (await catalog.listVolumes()).filter(({ tier }) => counted.has(tier)).map(({ id }) => id)
}
