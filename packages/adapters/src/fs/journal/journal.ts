import { type Call, type CallScope, JOURNAL_SYNC_MS, type Journal, MediaError } from '@mediakeep/core'
import type { Volume } from '../volume-state.ts'
import { createSegmentWriter } from './append.ts'
import { compactSegments } from './compact.ts'
import { readSegments } from './read.ts'
import { isJournalBehind, sizeOfSegments } from './segments.ts'

export interface FsJournal extends Journal {
  /** Syncs what is not yet; nothing may be under way. */
  close(): Promise<void>
}

/** How the store runs one call: open, counted, its errors in words that callers know. */
type RunCall = <T>(
  act: string,
  options: Call | undefined,
  work: (scope: CallScope) => Promise<T>,
) => Promise<T>

/** Lines in files below `journal/`. Nothing is made there before the first line. */
export function createFsJournal(volume: Volume, run: RunCall): FsJournal {
  const writer = createSegmentWriter(volume, JOURNAL_SYNC_MS)
  return {
    append: (line) =>
      run('append to the journal', undefined, async () => {
        checkLine(volume.storeName, line)
        await writer.append(line)
      }),
    async *read(options) {
      // Each piece is a call of its own: between two of them the store may be closed.
      let check = (): void => {}
      const pieces = readSegments(volume, () => check())
      try {
        for (;;) {
          const next = await run('read the journal', options, (scope) => {
            check = () => scope.check()
            return pieces.next()
          })
          if (next.done === true) return
          yield next.value
        }
      } finally {
        await pieces.return(undefined)
      }
    },
    size: () => run('look at the journal', undefined, () => sizeOfSegments(volume)),
    isBehind: () => run('look at the journal', undefined, () => isJournalBehind(volume)),
    compact: (snapshot) =>
      run('compact the journal', undefined, (scope) =>
        compactSegments(volume, snapshot, () => scope.check()),
      ),
    close: () => writer.close(),
  }
}

/** @throws MediaError MEDIA_BAD_INPUT `bad-line` */
function checkLine(storeName: string, line: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (!/[\u0000-\u001f]/.test(line)) return
  throw new MediaError('MEDIA_BAD_INPUT', `${storeName}: a line of a journal has no control characters`, {
    reason: 'bad-line',
  })
}
