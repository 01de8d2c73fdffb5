import type { ScanOptions, ScanProgress } from '../contracts/scanning.ts'
import { isMediaError, MediaError } from '../errors/media-error.ts'
import { BATCH } from './batch.ts'
import { callCheck } from './call-check.ts'
import type { UpkeepContext } from './context.ts'

/** Has bytes looked at that wait for it, or that were looked at by an older database. One that fails does not keep the others from it. */
export async function* scan(
  context: UpkeepContext,
  { which = 'pending', cursor, signal }: ScanOptions,
): AsyncGenerator<ScanProgress> {
  const check = callCheck(context, signal)
  const { catalog, scanning, scans } = context
  if (!scanning.isOn)
    throw new MediaError('MEDIA_UNSUPPORTED', 'the store has no scanner', { reason: 'no-scanner' })
  const version = which === 'stale' ? await scanning.version(signal) : undefined
  // A scanner that does not tell by what it looks can only be asked for what it never saw. No look has an engine without a name.
  const wanted = which === 'pending' ? which : (version ?? { engine: '', database: '' })
  const total = { scanned: 0, infected: 0, unscannable: 0, failed: 0, changed: 0 }
  for (let from = cursor; ; ) {
    check()
    const page = await catalog.listUnscanned({
      which: wanted,
      limit: BATCH,
      ...(from === undefined ? {} : { cursor: from }),
    })
    for (const blob of page.blobs) {
      check()
      if (version === undefined && which === 'stale' && blob.verdict !== undefined) continue
      try {
        const { verdict, changed } = await scans.now(blob, signal)
        total.scanned += 1
        total.changed += changed
        if (verdict.verdict === 'infected') total.infected += 1
        if (verdict.verdict === 'unscannable') total.unscannable += 1
      } catch (error) {
        signal?.throwIfAborted()
        if (!isMediaError(error) || isMediaError(error, 'MEDIA_CLOSED')) throw error
        total.failed += 1
      }
    }
    from = page.nextCursor
    yield { ...total, ...(from === undefined ? {} : { cursor: from }) }
    if (from === undefined) return
  }
}
