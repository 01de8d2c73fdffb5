import { type Catalog, mayLeave, standsIn } from '@mediakeep/core'
import { sql } from '../connection/statement.ts'
import type { Database } from '../database.ts'
import { PLACEMENT_AS_JSON, type PlacementRow, placementOf } from '../reads/record.ts'
import { lockBlobs } from './garbage.ts'

const OF_PLACEMENTS = 'SELECT DISTINCT to_jsonb(blob_id) FROM @placements WHERE id = ANY($1::text[])'
const COPIES = `SELECT ${PLACEMENT_AS_JSON} FROM @placements p WHERE p.blob_id = ANY($1::text[])`
const DOMAINS = 'SELECT json_build_array(id, domain) FROM @blobs WHERE id = ANY($1::text[])'
const LEAVE = "UPDATE @placements SET state = 'leaving', left_at = $2::bigint WHERE id = ANY($1::text[])"

/** Each is judged by what the ones before it left. @returns those that leave now */
export function leaveCopies(
  database: Database,
  placementIds: readonly string[],
  options: Parameters<Catalog['leaveCopies']>[1],
): Promise<readonly string[]> {
  return database.transact(
    'let copies leave',
    async (tx) => {
      const [blobs] = await tx.run(sql<string>(OF_PLACEMENTS, placementIds))
      const [, { rows }, found] = await tx.run(
        lockBlobs(blobs.rows),
        sql<PlacementRow>(COPIES, blobs.rows),
        sql<readonly [blobId: string, domain: string]>(DOMAINS, blobs.rows),
      )
      const domains = new Map(found.rows)
      const copies = new Map(rows.map(placementOf).map((copy) => [copy.id, copy]))
      const left: string[] = []
      for (const id of placementIds) {
        const copy = copies.get(id)
        if (copy === undefined || !standsIn(copy, undefined)) continue
        const { blobId } = copy
        const ofBlob = [...copies.values()].filter((one) => one.blobId === blobId)
        if (!mayLeave(copy, ofBlob, domains.get(blobId) ?? '', options)) continue
        copies.set(id, { ...copy, state: 'leaving' })
        left.push(id)
      }
      await tx.commit(sql(LEAVE, left, tx.nowMs))
      return left
    },
    { durable: false },
  )
}
