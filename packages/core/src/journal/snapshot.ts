import type { Catalog } from '../contracts/catalog.ts'
import type { Journal } from '../contracts/object-store.ts'
import { GONE_LINE_MS } from '../defaults.ts'
import { pagesOf } from '../pages.ts'
import { encodeMedia, headOfLine, parseGone } from './line.ts'

/** Records of one page of the catalog. */
const PAGE_RECORDS = 200

interface SnapshotContext {
  readonly catalog: Pick<Catalog, 'exportMedia'>
  readonly journal: Journal
  readonly nowMs: number
  /** Lines that the journal could not take when they were due. */
  readonly owed: readonly string[]
  /** Throws when the store is closing, or the call is over. */
  check(): void
}

/**
 * What a journal must say so that nothing it knew is lost: every record of the catalog; deletions that a line still to come
 * might contradict; and media the catalog does not know and nothing says were deleted. The last are why a compaction beside
 * a lost or restored catalog does no harm: what can be rebuilt stays.
 *
 * Begins to read when it is first asked, which is after the lines it will take the place of were ended. Memory grows with the
 * media that the journal names: an id and a number each.
 */
export async function* snapshotLines(context: SnapshotContext): AsyncGenerator<string> {
  const { catalog, journal, check } = context
  const { media, gone, kept } = await readHeads(context)
  const pages = pagesOf((from) => {
    check()
    return catalog.exportMedia({ limit: PAGE_RECORDS, ...from })
  })
  for await (const page of pages)
    for (const record of page.media) {
      if ((media.get(record.id) ?? 0) <= record.revision) media.delete(record.id)
      yield encodeMedia(record)
    }
  yield* kept
  for (const [id, revision] of gone) if ((media.get(id) ?? 0) <= revision) media.delete(id)
  if (media.size === 0) return
  for await (const { lines } of journal.read()) {
    check()
    for (const line of lines) {
      const head = headOfLine(line)
      if (head?.kind !== 'media' || media.get(head.id) !== head.revision) continue
      media.delete(head.id)
      yield line
    }
  }
}

interface Heads {
  /** Highest revision of each media. */
  readonly media: Map<string, number>
  readonly gone: ReadonlyMap<string, number>
  /** Lines of deletions that go into the snapshot. */
  readonly kept: readonly string[]
}

async function readHeads({ journal, nowMs, owed, check }: SnapshotContext): Promise<Heads> {
  const media = new Map<string, number>()
  const gone = new Map<string, number>()
  const kept = new Set<string>()
  const take = (line: string): void => {
    const head = headOfLine(line)
    if (head === undefined) return
    const revisions = head.kind === 'media' ? media : gone
    if ((revisions.get(head.id) ?? -1) < head.revision) revisions.set(head.id, head.revision)
    if (head.kind === 'gone' && isStillNeeded(line, nowMs)) kept.add(line)
  }
  for (const line of owed) take(line)
  for await (const { lines } of journal.read()) {
    check()
    for (const line of lines) take(line)
  }
  return { media, gone, kept: [...kept] }
}

/**
 * Every line from before the snapshot is gone with it, so only two kinds of lines can still name the media: one that a process
 * committed before the deletion and has not appended yet, and those of a volume that was away.
 */
function isStillNeeded(line: string, nowMs: number): boolean {
  const gone = parseGone(line)
  if (gone === undefined) return false
  return gone.missed !== undefined || nowMs - gone.at.getTime() < GONE_LINE_MS
}
