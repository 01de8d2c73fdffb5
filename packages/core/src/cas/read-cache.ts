/** Least recently used bytes of small objects, bounded by bytes. Entries are verified before they come in and never change. */
export interface ReadCache {
  get(blobId: string): Buffer | undefined
  put(blobId: string, bytes: Buffer): void
  delete(blobId: string): void
  readonly usedBytes: number
}

/** What an entry costs beside its bytes: the map's slot, the key, the buffer object. */
const ENTRY_BYTES = 256

export function createReadCache(maxBytes: number): ReadCache {
  const entries = new Map<string, Buffer>()
  let usedBytes = 0
  const drop = (blobId: string, bytes: Buffer): void => {
    entries.delete(blobId)
    usedBytes -= bytes.length + ENTRY_BYTES
  }
  return {
    get usedBytes() {
      return usedBytes
    },
    get(blobId) {
      const bytes = entries.get(blobId)
      if (bytes === undefined) return undefined
      entries.delete(blobId)
      entries.set(blobId, bytes)
      return bytes
    },
    put(blobId, bytes) {
      const cost = bytes.length + ENTRY_BYTES
      if (cost > maxBytes) return
      const old = entries.get(blobId)
      if (old !== undefined) drop(blobId, old)
      entries.set(blobId, bytes)
      usedBytes += cost
      for (const [oldest, victim] of entries) {
        if (usedBytes <= maxBytes) break
        drop(oldest, victim)
      }
    },
    delete(blobId) {
      const bytes = entries.get(blobId)
      if (bytes !== undefined) drop(blobId, bytes)
    },
  }
}
