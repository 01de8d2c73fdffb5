import type { PlacementRecord } from '../contracts/catalog.ts'
import type { IngestContext } from './context.ts'

/** Tells that a copy was found damaged or gone, by whoever found it. */
export function tellCorrupt(
  { clock, emit }: Pick<IngestContext, 'clock' | 'emit'>,
  { blobId, volumeId, key }: Pick<PlacementRecord, 'blobId' | 'volumeId' | 'key'>,
): void {
  emit({ type: 'blob.corrupt', at: new Date(clock.now()), blobId, volumeId, key })
}
