import { MediaError, type VolumeRecord } from '@mediakeep/core'
import { sql } from '../connection/statement.ts'
import type { Database } from '../database.ts'

const KNOWN = 'SELECT to_json(tier) FROM @volumes WHERE id = $1 FOR UPDATE'
const UPDATE = 'UPDATE @volumes SET host_id = $3, layout = $4 WHERE id = $1 AND tier = $2'
const INSERT = 'INSERT INTO @volumes(id, tier, host_id, layout) VALUES ($1, $2, $3, $4)'

export function registerVolume(
  database: Database,
  { id, tier, hostId, layout }: VolumeRecord,
): Promise<void> {
  return database.transact('register a volume', async (tx) => {
    const [{ rows }] = await tx.run(sql<string>(KNOWN, id))
    const [known] = rows
    if (known !== undefined && known !== tier)
      throw new MediaError(
        'MEDIA_CONFLICT',
        `postgres: volume ${id} belongs to tier ${known}, not ${tier}; give each volume its own folder`,
        { reason: 'volume-tier' },
      )
    await tx.commit(sql(known === undefined ? INSERT : UPDATE, id, tier, hostId ?? null, layout))
  })
}
