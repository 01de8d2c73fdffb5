import { newId } from '../../bytes/id.ts'
import { addPlacement, createBlob } from './blobs.ts'
import { compositeKey, type MemoryTables } from './tables.ts'

export function unknownKeys(tables: MemoryTables, volumeId: string, keys: readonly string[]): string[] {
  return keys.filter((key) => !tables.physicalKeys.has(compositeKey(volumeId, key)))
}

/** Gives objects without a row one that is on its way out. @returns the keys taken. */
export function leaveOrphans(
  tables: MemoryTables,
  volumeId: string,
  objects: readonly { readonly key: string; readonly storedBytes: number }[],
  nowMs: number,
): string[] {
  const taken: string[] = []
  for (const { key, storedBytes } of objects) {
    if (tables.physicalKeys.has(compositeKey(volumeId, key))) continue
    const blob = createBlob(tables, {
      domain: '',
      digest: undefined,
      sizeBytes: storedBytes,
      chunkSums: undefined,
    })
    blob.condemnedAtMs = nowMs
    addPlacement(tables, {
      id: newId(),
      blob,
      volumeId,
      key,
      owned: true,
      state: 'leaving',
      storedBytes,
      etag: undefined,
      leavingSinceMs: nowMs,
      verifiedAtMs: undefined,
    })
    taken.push(key)
  }
  return taken
}
