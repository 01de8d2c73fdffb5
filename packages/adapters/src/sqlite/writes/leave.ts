import { type Catalog, mayLeave, standsIn } from '@mediakeep/core'
import type { Transaction } from '../database.ts'
import { storeId } from '../ids.ts'
import { domainOfBlob } from './blobs.ts'
import { leavePlacement, placementById, placementsOfBlob } from './placements.ts'

export interface LeaveInput {
  readonly placementIds: readonly string[]
  readonly options: Parameters<Catalog['leaveCopies']>[1]
}

/** Each is judged by what the ones before it left. @returns those that leave now */
export function leaveCopies(tx: Transaction, { placementIds, options }: LeaveInput): readonly string[] {
  const left: string[] = []
  for (const id of placementIds) {
    const placement = placementById(tx, storeId(id))
    if (placement === undefined || !standsIn(placement, undefined)) continue
    const domain = domainOfBlob(tx, storeId(placement.blobId)) ?? ''
    if (!mayLeave(placement, placementsOfBlob(tx, storeId(placement.blobId)), domain, options)) continue
    leavePlacement(tx, placement)
    left.push(id)
  }
  return left
}
