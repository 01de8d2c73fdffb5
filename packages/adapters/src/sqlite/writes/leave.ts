import { type Catalog, isKeptBy, standsIn } from '@mediakeep/core'
import type { Transaction } from '../database.ts'
import { storeId } from '../ids.ts'
import { domainOfBlob } from './blobs.ts'
import { leavePlacement, placementById, placementsOfBlob } from './placements.ts'

export interface LeaveInput {
  readonly placementIds: readonly string[]
  readonly options: Parameters<Catalog['leaveCopies']>[1]
}

/** Each is judged by what the ones before it left. @returns those that leave now */
export function leaveCopies(
  tx: Transaction,
  { placementIds, options: { homes, keep } }: LeaveInput,
): readonly string[] {
  const left: string[] = []
  for (const id of placementIds) {
    const placement = placementById(tx, storeId(id))
    if (placement === undefined || !standsIn(placement, undefined)) continue
    const domain = domainOfBlob(tx, storeId(placement.blobId)) ?? ''
    const others = placementsOfBlob(tx, storeId(placement.blobId)).filter(
      (one) => one.volumeId !== placement.volumeId && isKeptBy(one, domain, homes),
    )
    if (new Set(others.map(({ volumeId }) => volumeId)).size < keep) continue
    leavePlacement(tx, placement)
    left.push(id)
  }
  return left
}
