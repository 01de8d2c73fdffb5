import {
  newId,
  type PlacementRecord,
  type StagedPlacement,
  type StagePlacement,
  standsIn,
} from '@mediakeep/core'
import { type Answer, type Statement, sql } from '../connection/statement.ts'
import type { Database, Transaction } from '../database.ts'
import { PLACEMENT_AS_JSON, type PlacementRow, placementOf } from '../reads/record.ts'
import { type Begun, begin, lockBegin } from './begin.ts'
import { heldSession, lockSession, sessionOf } from './session-rows.ts'

interface FoundBlob {
  readonly id: string
  readonly sizeBytes: number
}

// Finding, making, forgiving and locking are one statement: a blob that is wanted again is no garbage.
const TAKE_BLOB = `INSERT INTO @blobs AS b (id, domain, digest, size_bytes, state, chunk_sums)
  VALUES ($1, $2, $3, $4, 'live', $5) ON CONFLICT (domain, digest)
  DO UPDATE SET state = 'live', condemned_at = NULL, chunk_sums = coalesce(b.chunk_sums, excluded.chunk_sums)
  RETURNING json_build_object('id', b.id, 'sizeBytes', b.size_bytes)`
const DISTRUST = "UPDATE @placements SET state = 'bad' WHERE id = ANY($1::text[]) AND state = 'live'"
const EXISTING = `SELECT ${PLACEMENT_AS_JSON} FROM @placements p
  WHERE p.blob_id = (SELECT id FROM @blobs WHERE domain = $1 AND digest = $2) AND p.state = 'live' ORDER BY p.id`

type TakeStatements = readonly [Statement<FoundBlob>, Statement, Statement<PlacementRow>]

function takeBlob({ domain, digest, sizeBytes, chunkSums, distrust = [] }: StagePlacement): TakeStatements {
  const stored = storeDigest(digest)
  return [
    sql<FoundBlob>(TAKE_BLOB, newId(), domain, stored, sizeBytes, chunkSums),
    sql(DISTRUST, distrust),
    sql<PlacementRow>(EXISTING, domain, stored),
  ]
}

/** A digest is stored as its 32 bytes. */
export function storeDigest(digest: string): Uint8Array {
  return Buffer.from(digest.slice(7), 'hex')
}

/**
 * Transaction A: the blob's row, a pin, and a placement for bytes that are about to be published.
 * Where another stands in for it, only the pin: the blob cannot be collected until the session ends.
 * A crash of the server may lose it, and then leaves bytes without a row: it does not wait for the disk.
 */
export function stagePlacement(database: Database, input: StagePlacement): Promise<StagedPlacement> {
  return database.transact('stage a placement', (tx) => stage(tx, input), { durable: false })
}

async function stage(tx: Transaction, input: StagePlacement): Promise<StagedPlacement> {
  const { begun, blob, existing } = await lockAndTake(tx, input)
  if (begun.type === 'repeated') return begun
  if (blob === undefined) throw new Error('an insert that answers gave no row')
  const { session, statements } = begun
  const pinned =
    existing.length > 0
      ? [pin(session.id, blob.id)]
      : addStaged(session, blob.id, { ...input, sizeBytes: blob.sizeBytes })
  await tx.commit(...statements, ...pinned)
  return { type: 'staged', session, blobId: blob.id, existing }
}

interface Taken {
  readonly begun: Begun
  readonly blob: FoundBlob | undefined
  readonly existing: readonly PlacementRecord[]
}

/** All locks and reads, in one round trip. */
async function lockAndTake(tx: Transaction, input: StagePlacement): Promise<Taken> {
  const { session } = input
  if ('fence' in session) {
    const [held, taken, , existing] = await tx.run(lockSession(session.id), ...takeBlob(input))
    const begun: Begun = {
      type: 'begun',
      session: sessionOf(heldSession(session, held)),
      statements: [],
    }
    return { begun, blob: taken.rows[0], existing: standIns(existing, input) }
  }
  const [key, holder, outcome, gates, locked, used, taken, , existing] = await tx.run(
    ...lockBegin(session),
    ...takeBlob(input),
  )
  const begun = await begin(tx, session, [key, holder, outcome, gates, locked, used])
  return { begun, blob: taken.rows[0], existing: standIns(existing, input) }
}

function standIns({ rows }: Answer<PlacementRow>, { reachable }: StagePlacement): readonly PlacementRecord[] {
  return rows.map(placementOf).filter((placement) => standsIn(placement, reachable))
}

export interface NewPlacement {
  readonly placementId: string
  readonly volumeId: string
  readonly key: string
  readonly sizeBytes: number
}

const INSERT = `INSERT INTO @placements(id, blob_id, volume_id, key, state, owned, stored_bytes, fence)
  VALUES ($1, $2, $3, $4, 'staged', TRUE, $5, $6)`

/** A placement for bytes that are about to be published, pinned with its blob until the session ends. */
export function addStaged(
  session: { readonly id: string; readonly fence: number },
  blobId: string,
  { placementId, volumeId, key, sizeBytes }: NewPlacement,
): readonly Statement[] {
  return [
    sql(INSERT, placementId, blobId, volumeId, key, sizeBytes, session.fence),
    pin(session.id, blobId, placementId),
  ]
}

function pin(sessionId: string, blobId: string, placementId = ''): Statement {
  return sql(
    'INSERT INTO @pins(session_id, blob_id, placement_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
    sessionId,
    blobId,
    placementId,
  )
}
