import type { Catalog } from '../contracts/catalog.ts'
import type { Clock } from '../contracts/clock.ts'
import { USAGE_FRESH_MS } from '../defaults.ts'

/** Bytes on each volume, stored and reserved: the catalog's sums, a second old at most, and what was written here since. */
export interface VolumeUse {
  usedBytes(volumeId: string): Promise<number>
  /** Of the stored ones, those of copies that were told to leave and are there until their grace is over. */
  leavingBytes(volumeId: string): Promise<number>
  /** Bytes of ours that came or went since the catalog was asked. */
  changed(volumeId: string, bytes: number): void
  /** A copy of so many bytes was told to leave. */
  left(volumeId: string, bytes: number): void
  /** Bytes that were told to leave are gone: the catalog is asked again which are still to go. */
  freed(volumeId: string): void
  /** The catalog is asked again the next time. */
  forget(): void
}

/** More than there are: what the catalog left out would be taken for bytes that stay. */
const ALL = 0x7f_ff_ff_ff

export function createVolumeUse(
  catalog: Pick<Catalog, 'volumeUsage' | 'claimGarbage'>,
  clock: Clock,
): VolumeUse {
  let known = new Map<string, number>()
  let askedAtMs = Number.NEGATIVE_INFINITY
  let asking: Promise<void> | undefined
  const leaving = new Map<string, { bytes: number; readonly askedAtMs: number }>()

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
    async leavingBytes(volumeId) {
      const last = leaving.get(volumeId)
      if (last !== undefined && Math.abs(clock.now() - last.askedAtMs) < USAGE_FRESH_MS) return last.bytes
      const askedAtMs = clock.now()
      // What leaves already is claimed as it is: nothing changes by it.
      const rows = await catalog.claimGarbage({
        graceMs: 0,
        limit: ALL,
        volumeIds: [volumeId],
        kind: 'leaving',
      })
      const bytes = rows.reduce((sum, { storedBytes }) => sum + storedBytes, 0)
      leaving.set(volumeId, { bytes, askedAtMs })
      return bytes
    },
    left(volumeId, bytes) {
      const last = leaving.get(volumeId)
      if (last !== undefined) last.bytes += bytes
    },
    freed(volumeId) {
      leaving.delete(volumeId)
    },
    changed(volumeId, bytes) {
      known.set(volumeId, Math.max(0, (known.get(volumeId) ?? 0) + bytes))
    },
    forget() {
      askedAtMs = Number.NEGATIVE_INFINITY
    },
  }
}
