import type { Journal, ObjectStore } from '@mediakeep/core'
import { over, present, type StoreMutant, sourceOf } from './mutant.ts'

function withJournal(
  store: ObjectStore,
  change: (journal: Journal, store: ObjectStore) => Partial<Journal>,
): ObjectStore {
  const inner = present(store.journal)
  const journal: Journal = {
    append: (line) => inner.append(line),
    read: (options) => inner.read(options),
    size: () => inner.size(),
    isBehind: () => inner.isBehind(),
    compact: (snapshot) => inner.compact(snapshot),
  }
  return over(store, { journal: { ...journal, ...change(inner, store) } })
}

async function gather(lines: AsyncIterable<string>): Promise<string[]> {
  const gathered: string[] = []
  for await (const line of lines) gathered.push(line)
  return gathered
}

async function* given(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines
}

async function allLines(journal: Journal): Promise<string[]> {
  const lines: string[] = []
  for await (const piece of journal.read()) lines.push(...piece.lines)
  return lines
}

export const journalMutants: readonly StoreMutant[] = [
  {
    id: 'journal-keeps-own-lines-in-memory',
    fault: 'lines are kept by the store that appended them, and nobody else reads them',
    convictedBy: ['journal.shared', 'journal.shared.compact', 'journal.closed'],
    break(store) {
      let lines: string[] = []
      return withJournal(store, (inner) => ({
        async append(line) {
          await inner.size()
          lines.push(line)
        },
        async *read() {
          yield { lines, damaged: 0 }
        },
        async compact(snapshot) {
          lines = await gather(snapshot)
        },
      }))
    },
  },
  {
    id: 'journal-newest-first',
    fault: 'read() gives the newest line first',
    convictedBy: ['journal.lines', 'journal.texts'],
    break: (store) =>
      withJournal(store, (inner) => ({
        async *read() {
          yield { lines: (await allLines(inner)).reverse(), damaged: 0 }
        },
      })),
  },
  {
    id: 'journal-cuts-lines',
    fault: 'a line longer than 64 KiB is cut',
    convictedBy: ['journal.texts'],
    break: (store) =>
      withJournal(store, (inner) => ({ append: (line) => inner.append(line.slice(0, 65_536)) })),
  },
  {
    id: 'journal-parts-lines',
    fault: 'a line with a line end becomes two',
    convictedBy: ['journal.bad-line'],
    break: (store) =>
      withJournal(store, (inner) => ({
        async append(line) {
          for (const part of line.split(/[\n\u001e]/)) await inner.append(part)
        },
      })),
  },
  {
    id: 'journal-is-an-object',
    fault: 'the first line makes an object that list() shows',
    convictedBy: ['journal.no-object'],
    break: (store) =>
      withJournal(store, (inner) => ({
        async append(line) {
          await inner.append(line)
          await store.put('journal.log', sourceOf(Buffer.from(line)))
        },
      })),
  },
  {
    id: 'journal-size-of-all-time',
    fault: 'size() counts what a snapshot took the place of',
    convictedBy: ['journal.size'],
    break(store) {
      let sizeBytes = 0
      return withJournal(store, (inner) => ({
        async append(line) {
          await inner.append(line)
          sizeBytes += line.length
        },
        size: async () => sizeBytes,
      }))
    },
  },
  {
    id: 'journal-compacts-nothing',
    fault: 'compact() adds the snapshot and leaves the old lines',
    convictedBy: ['journal.compact', 'journal.compact.whole', 'journal.shared.compact'],
    break: (store) =>
      withJournal(store, (inner) => ({
        async compact(snapshot) {
          const before = await allLines(inner)
          const after = await gather(snapshot)
          await inner.compact(given([...before, ...after]))
        },
      })),
  },
  {
    id: 'journal-compacts-late',
    fault: 'compact() drops what was appended while the snapshot was given',
    convictedBy: ['journal.compact.beside', 'journal.shared.compact'],
    break: (store) =>
      withJournal(store, (inner) => ({
        compact: async (snapshot) => inner.compact(given(await gather(snapshot))),
      })),
  },
  {
    id: 'journal-compacts-at-once',
    fault: 'compact() drops the old lines before the snapshot is whole',
    convictedBy: ['journal.compact.whole', 'journal.compact.fails'],
    break: (store) =>
      withJournal(store, (inner) => ({
        async compact(snapshot) {
          await inner.compact(given([]))
          const lines = await gather(snapshot)
          for (const line of lines) await inner.append(line)
        },
      })),
  },
  {
    id: 'journal-never-behind',
    fault: 'isBehind() is false without a snapshot',
    convictedBy: ['journal.behind', 'journal.compact.fails'],
    break: (store) => withJournal(store, () => ({ isBehind: async () => false })),
  },
]
