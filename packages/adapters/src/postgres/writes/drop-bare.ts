import { sql } from '../connection/statement.ts'
import type { Transaction } from '../database.ts'
import { dropBlobs } from './garbage.ts'
import { heldMedia, lockMedia } from './media-rows.ts'
import { removeRecord } from './records.ts'

interface ServedMedia {
  readonly namespace: string
  readonly id: string
}

const HAS_COPY = `SELECT to_json(EXISTS (SELECT 1 FROM @placements WHERE blob_id = $1 AND state IN ('live', 'bad')))`
const SERVED = `SELECT json_build_object('namespace', m.namespace, 'id', m.id) FROM @contents c
  CROSS JOIN LATERAL (SELECT * FROM @media WHERE id = c.media_id AND content_number = c.number LIMIT 1) m
  WHERE c.blob_id = $1`

/** Where a blob, which is locked, has no copy left, live or bad, the records that it served go. */
export async function dropBare(tx: Transaction, blobId: string): Promise<void> {
  const [copied, served] = await tx.run(sql<boolean>(HAS_COPY, blobId), sql<ServedMedia>(SERVED, blobId))
  if (copied.rows[0] === true) return
  for (const { namespace, id } of served.rows) {
    const held = heldMedia(await tx.run(...lockMedia(namespace, id)))
    if (held !== undefined) await tx.run(...removeRecord(held))
  }
  await tx.run(dropBlobs([blobId]))
}
