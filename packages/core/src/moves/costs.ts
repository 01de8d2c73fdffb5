import type { LedgerRow } from '../contracts/catalog.ts'
import type { AttemptClass } from '../contracts/object-store.ts'
import type { CostReport, CostRow } from '../contracts/tiering.ts'
import { callDollars, readDollars } from '../tiering/prices.ts'
import type { Volume } from '../tiering/volume.ts'

/** Sums of the ledger, priced by the table of each volume's tier. */
export function priceLedger(
  rows: readonly LedgerRow[],
  volumes: readonly Volume[],
): Omit<CostReport, 'budget'> {
  const byId = new Map(volumes.map((volume) => [volume.id, volume]))
  let [spentDollars, avoidedDollars] = [0, 0]
  const priced = rows.map((row): CostRow => {
    const volume = byId.get(row.volumeId)
    const dollars = dollarsOf(row, volume)
    if (row.class === 'avoided') avoidedDollars += dollars
    else spentDollars += dollars
    return { ...row, tier: volume?.tier ?? '', dollars }
  })
  return { rows: priced, spentDollars, avoidedDollars, allPaidDollars: spentDollars + avoidedDollars }
}

function dollarsOf(row: LedgerRow, volume: Volume | undefined): number {
  // What was avoided is a read of the whole at the volume it was spared.
  if (row.class === 'avoided')
    return row.calls === 0 ? 0 : row.calls * readDollars(volume?.prices, row.bytes / row.calls)
  return callDollars(volume?.prices, {
    class: row.class as AttemptClass,
    calls: row.calls,
    bytes: row.bytes,
  })
}
