import type { Database } from '../database.ts'
import { storeId } from '../ids.ts'

interface VolumeChange {
  storedBytes: number
  objects: number
}

interface OwnerChange {
  readonly namespace: string
  readonly owner: string
  media: number
  logicalBytes: number
}

/**
 * What a transaction changes of the sums of volumes and owners, written once before it commits: the puts of a group
 * share a volume, and often an owner. Every change of what lies on a volume or belongs to an owner goes through here.
 */
export interface TotalChanges {
  addToVolume(volumeId: string, storedBytes: number, objects: number): void
  addToOwner(namespace: string, owner: string, media: number, logicalBytes: number): void
  /** What is not in the database yet. */
  volumeBytes(volumeId: string): number
  ownerBytes(namespace: string, owner: string): number
  write(database: Database): void
}

export function createTotalChanges(): TotalChanges {
  const volumes = new Map<string, VolumeChange>()
  const owners = new Map<string, OwnerChange>()
  return {
    addToVolume(volumeId, storedBytes, objects) {
      const change = volumes.get(volumeId)
      if (change === undefined) volumes.set(volumeId, { storedBytes, objects })
      else {
        change.storedBytes += storedBytes
        change.objects += objects
      }
    },
    addToOwner(namespace, owner, media, logicalBytes) {
      const name = ownerName(namespace, owner)
      const change = owners.get(name)
      if (change === undefined) owners.set(name, { namespace, owner, media, logicalBytes })
      else {
        change.media += media
        change.logicalBytes += logicalBytes
      }
    },
    volumeBytes: (volumeId) => volumes.get(volumeId)?.storedBytes ?? 0,
    ownerBytes: (namespace, owner) => owners.get(ownerName(namespace, owner))?.logicalBytes ?? 0,
    write(database) {
      for (const [volumeId, { storedBytes, objects }] of volumes)
        database.sql(ADD_TO_VOLUME).run(storeId(volumeId), storedBytes, objects)
      for (const { namespace, owner, media, logicalBytes } of owners.values())
        database.sql(ADD_TO_OWNER).run(namespace, owner, media, logicalBytes)
      volumes.clear()
      owners.clear()
    },
  }
}

/** Names that differ stay apart, whatever characters they have. */
function ownerName(namespace: string, owner: string): string {
  return `${namespace.length}:${namespace}${owner}`
}

const ADD_TO_VOLUME = `INSERT INTO volume_totals(volumeId, storedBytes, objects) VALUES (?, ?, ?)
  ON CONFLICT(volumeId) DO UPDATE SET storedBytes = storedBytes + excluded.storedBytes, objects = objects + excluded.objects`
const ADD_TO_OWNER = `INSERT INTO owner_totals(namespace, owner, media, logicalBytes) VALUES (?, ?, ?, ?)
  ON CONFLICT(namespace, owner) DO UPDATE SET media = media + excluded.media, logicalBytes = logicalBytes + excluded.logicalBytes`
