import { MediaError, type VolumeRecord } from '@mediakeep/core'
import type { Database, Transaction } from '../database.ts'
import { readId, type StoredId, storeId } from '../ids.ts'

interface VolumeRow {
  readonly id: StoredId
  readonly tier: string
  readonly hostId: string | null
  readonly layout: number
}

export function registerVolume(tx: Transaction, volume: VolumeRecord): undefined {
  const id = storeId(volume.id)
  const known = tx.sql<VolumeRow>('SELECT id, tier, hostId, layout FROM volumes WHERE id = ?').get(id)
  if (known !== undefined && known.tier !== volume.tier)
    throw new MediaError(
      'MEDIA_CONFLICT',
      `sqlite: volume ${volume.id} belongs to tier ${known.tier}, not ${volume.tier}; give each volume its own folder`,
      { reason: 'volume-tier' },
    )
  tx.sql(
    'INSERT INTO volumes(id, tier, hostId, layout) VALUES (?, ?, ?, ?) ON CONFLICT(id) DO UPDATE SET hostId = excluded.hostId, layout = excluded.layout',
  ).run(id, volume.tier, volume.hostId ?? null, volume.layout)
  return undefined
}

export function listVolumes(database: Database): readonly VolumeRecord[] {
  const rows = database.sql<VolumeRow>('SELECT id, tier, hostId, layout FROM volumes ORDER BY id').all()
  return rows.map((row) => ({
    id: readId(row.id),
    tier: row.tier,
    layout: row.layout,
    ...(row.hostId === null ? {} : { hostId: row.hostId }),
  }))
}
