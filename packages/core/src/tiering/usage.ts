import type { Catalog } from '../contracts/catalog.ts'
import type { Clock } from '../contracts/clock.ts'
import { USAGE_FRESH_MS } from '../defaults.ts'

/** Bytes on each volume, stored and reserved: the catalog's sums, a second old at most, and what was written here since. */
export interface VolumeUse {
  usedBytes(volumeId: string): Promise<number>
  /** Bytes of ours that came or went since the catalog was asked. */
  changed(volumeId: string, bytes: number): void
  /** The catalog is asked again the next time. */
  forget(): void
}

export function createVolumeUse(catalog: Pick<Catalog, 'volumeUsage'>, clock: Clock): VolumeUse {
  let known = new Map<string, number>()
  let askedAtMs = Number.NEGATIVE_INFINITY
  let asking: Promise<void> | undefined

  const ask = async (): Promise<void> => {
    const startedMs = clock.now()
    const rows = await catalog.volumeUsage()
    known = new Map(rows.map((row) => [row.volumeId, row.storedBytes + row.reservedBytes]))
    askedAtMs = startedMs
  }
  return {
    async usedBytes(volumeId) {
      if (Math.abs(clock.now() - askedAtMs) >= USAGE_FRESH_MS) {
        asking ??= ask().finally(() => {
          asking = undefined
        })
        await asking
      }
      return known.get(volumeId) ?? 0
    },
    changed(volumeId, bytes) {
      known.set(volumeId, Math.max(0, (known.get(volumeId) ?? 0) + bytes))
    },
    forget() {
      askedAtMs = Number.NEGATIVE_INFINITY
    },
  }
}
