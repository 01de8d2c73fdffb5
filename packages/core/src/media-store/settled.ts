import type { MediaRecord } from '../contracts/catalog.ts'
import type { MediaState } from '../contracts/media.ts'
import type { UpkeepContext } from '../upkeep/context.ts'

/** What follows when states of contents were settled: their lines, and word of it to all who watch. */
export function settledBy({
  journal,
  emit,
  clock,
}: Pick<UpkeepContext, 'journal' | 'emit' | 'clock'>): (
  records: readonly MediaRecord[],
  state: MediaState,
) => Promise<void> {
  return async (records, state) => {
    for (const record of records) {
      await journal.changed(record)
      emit({
        type: 'media.settled',
        at: new Date(clock.now()),
        namespace: record.namespace,
        mediaId: record.id,
        ...(record.key === undefined ? {} : { key: record.key }),
        revision: record.revision,
        state,
      })
    }
  }
}
