import type { BackgroundContext } from '../scanning/background.ts'
import { findingOf } from '../scanning/finding.ts'
import type { UpkeepContext } from '../upkeep/context.ts'

/** What follows when states of contents were settled: their lines, and word of it to all who watch. */
export function settledBy({
  journal,
  emit,
  clock,
}: Pick<UpkeepContext, 'journal' | 'emit' | 'clock'>): BackgroundContext['settled'] {
  return async (records, { state, digest, verdict }) => {
    for (const record of records) {
      await journal.changed(record)
      emit({
        type: 'media.settled',
        at: new Date(clock.now()),
        namespace: record.namespace,
        mediaId: record.id,
        ...(record.key === undefined ? {} : { key: record.key }),
        owner: record.owner,
        revision: record.revision,
        state,
        digest,
        ...findingOf(verdict),
      })
    }
  }
}
