import type { Call } from '../contracts/call.ts'
import type { JournalProgress } from '../contracts/media-store.ts'
import type { Journal } from '../contracts/object-store.ts'
import { JOURNAL_COMPACT_BYTES, JOURNAL_COMPACT_RATIO } from '../defaults.ts'
import { isMediaError } from '../errors/media-error.ts'
import { tellUpkeepFailed } from '../ingest/upkeep-failed.ts'
import { snapshotLines } from '../journal/index.ts'
import type { Volume } from '../tiering/volume.ts'
import { callCheck } from './call-check.ts'
import type { UpkeepContext } from './context.ts'

/** What a record's line takes, as a first guess: nothing is known of this journal's own yet. */
const LINE_BYTES = 768

/**
 * Compacts every journal that is due.
 * @param compactedBytes what each volume's journal took after its last compaction
 */
export async function* compactJournals(
  context: UpkeepContext,
  { signal }: Call,
  compactedBytes: Map<string, number>,
): AsyncGenerator<JournalProgress> {
  const check = callCheck(context, signal)
  let compacted = 0
  for (const volume of context.volumes.all) {
    const { journal } = volume.store
    if (volume.role !== 'home' || journal === undefined) continue
    check()
    try {
      await volume.checkOnline()
      if (await isDue(context, volume, journal, compactedBytes.get(volume.id))) {
        await compactJournal(context, volume, journal, check)
        compactedBytes.set(volume.id, await journal.size())
        compacted++
      }
    } catch (error) {
      // One volume that is away or full does not keep the others from it.
      if (!isMediaError(error) || isMediaError(error, 'MEDIA_CLOSED')) throw error
      tellUpkeepFailed(context, 'compact-journals', error)
    }
    yield { compacted }
  }
}

async function isDue(
  { catalog, journal: mediaJournal }: UpkeepContext,
  volume: Volume,
  journal: Journal,
  compactedBytes: number | undefined,
): Promise<boolean> {
  if (mediaJournal.debtOf(volume.id) !== undefined) return true
  const sizeBytes = await journal.size()
  if (await journal.isBehind())
    return sizeBytes > 0 || (await catalog.exportMedia({ limit: 1 })).media.length > 0
  if (sizeBytes <= JOURNAL_COMPACT_BYTES) return false
  const usage = await catalog.volumeUsage()
  const objects = usage.reduce((sum, row) => sum + row.objects, 0)
  return sizeBytes > JOURNAL_COMPACT_RATIO * Math.max(compactedBytes ?? 0, objects * LINE_BYTES)
}

async function compactJournal(
  { catalog, clock, journal: mediaJournal }: UpkeepContext,
  volume: Volume,
  journal: Journal,
  check: () => void,
): Promise<void> {
  const debt = mediaJournal.debtOf(volume.id)
  await journal.compact(
    snapshotLines({
      catalog,
      journal,
      nowMs: clock.now(),
      owed: debt?.lines ?? [],
      check,
    }),
  )
  debt?.paid()
}
