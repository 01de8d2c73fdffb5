import type { Database } from '../database.ts'
import { storeId } from '../ids.ts'

export interface VolumeKeys {
  readonly volumeId: string
  readonly keys: readonly string[]
}

// As the index of keys is made: by the end of the key first.
const KNOWS = `SELECT EXISTS(SELECT 1 FROM placements
  WHERE volumeId = ? AND substr(key, -36) = substr(?, -36) AND key = ?) AS found`

/** Those that no row names. */
export function unknownKeys(database: Database, { volumeId, keys }: VolumeKeys): readonly string[] {
  const volume = storeId(volumeId)
  const knows = database.sql<{ readonly found: number }>(KNOWS)
  return keys.filter((key) => knows.get(volume, key, key)?.found !== 1)
}
