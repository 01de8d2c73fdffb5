/** Residents of a volume, those that were used longest ago first. */
export interface UseOrder {
  access(id: string): void
  insert(id: string, sizeBytes: number): void
  remove(id: string): void
  has(id: string): boolean
  /** Residents that together have at least so many bytes, in order. */
  victims(bytesWanted: number): readonly string[]
}

export function createUseOrder(): UseOrder {
  const sizes = new Map<string, number>()
  return {
    access(id) {
      const sizeBytes = sizes.get(id)
      if (sizeBytes === undefined) return
      sizes.delete(id)
      sizes.set(id, sizeBytes)
    },
    insert(id, sizeBytes) {
      sizes.delete(id)
      sizes.set(id, sizeBytes)
    },
    remove(id) {
      sizes.delete(id)
    },
    has: (id) => sizes.has(id),
    victims(bytesWanted) {
      const found: string[] = []
      let bytes = 0
      for (const [id, sizeBytes] of sizes) {
        if (bytes >= bytesWanted) break
        bytes += sizeBytes
        found.push(id)
      }
      return found
    },
  }
}
