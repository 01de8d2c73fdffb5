import { type GoneLine, headOfLine, parseGone } from '../journal/index.ts'
import type { Volume } from '../tiering/volume.ts'

/** The revision of each media that counts, over the journals of all volumes; media that are gone are not in it. */
export async function newestRevisions(
  volumes: readonly Volume[],
  check: () => void,
): Promise<Map<string, number>> {
  const newest = new Map<string, number>()
  const gone: Pick<GoneLine, 'id' | 'revision'>[] = []
  for await (const { lines } of readJournals(volumes, check)) {
    for (const line of lines) {
      const head = headOfLine(line)
      if (head === undefined) continue
      if (head.kind === 'media') newest.set(head.id, Math.max(head.revision, newest.get(head.id) ?? 0))
      else if (parseGone(line) !== undefined) gone.push({ id: head.id, revision: head.revision })
    }
  }
  // Last, because the line of a deletion may stand before the one that it ends, in the journal of another process.
  for (const { id, revision } of gone) if ((newest.get(id) ?? 0) <= revision) newest.delete(id)
  return newest
}

export async function* readJournals(
  volumes: readonly Volume[],
  check: () => void,
): AsyncGenerator<{ readonly lines: readonly string[]; readonly damaged: number }> {
  for (const { store } of volumes) {
    if (store.journal === undefined) continue
    for await (const piece of store.journal.read()) {
      check()
      yield piece
    }
  }
}
