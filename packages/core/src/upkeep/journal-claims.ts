import type { Journal } from '../contracts/object-store.ts'
import { headOfLine } from '../journal/index.ts'

/** Within a line of JSON a quote of user text is escaped, so that no text can look like this. */
const KEY = /"key":"([0-9a-f]{2}\/[0-9a-f]{64}\.[0-9a-f]{32})"/g

/**
 * Of these physical keys, those that lines of the newest revision of a media in all these journals name as its bytes: the catalog that
 * does not know them was lost or set back, and a rebuild brings their records back. Two readings, so that memory follows the keys
 * that were asked for and not the journals.
 */
export async function claimedKeys(
  journals: readonly Journal[],
  keys: ReadonlySet<string>,
  signal: AbortSignal | undefined,
): Promise<ReadonlySet<string>> {
  const named = new Map<string, { readonly revision: number; readonly keys: Set<string> }>()
  await forEachLine(journals, signal, (line) => {
    const head = headOfLine(line)
    if (head?.kind !== 'media') return
    const found = [...line.matchAll(KEY)].flatMap(([, key]) =>
      key !== undefined && keys.has(key) ? [key] : [],
    )
    if (found.length === 0) return
    const before = named.get(head.id)
    if (before === undefined || before.revision < head.revision)
      named.set(head.id, { revision: head.revision, keys: new Set(found) })
    // A copy that was made later is in a line of the same revision.
    else if (before.revision === head.revision) for (const key of found) before.keys.add(key)
  })
  if (named.size === 0) return new Set()
  await forEachLine(journals, signal, (line) => {
    const head = headOfLine(line)
    const known = head === undefined ? undefined : named.get(head.id)
    if (head === undefined || known === undefined) return
    const isOver = head.kind === 'gone' ? head.revision >= known.revision : head.revision > known.revision
    if (isOver) named.delete(head.id)
  })
  return new Set([...named.values()].flatMap(({ keys: claimed }) => [...claimed]))
}

async function forEachLine(
  journals: readonly Journal[],
  signal: AbortSignal | undefined,
  use: (line: string) => void,
): Promise<void> {
  for (const journal of journals)
    for await (const { lines } of journal.read(signal === undefined ? {} : { signal }))
      for (const line of lines) use(line)
}
