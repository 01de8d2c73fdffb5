import type { Digest } from '../contracts/bytes.ts'
import type { CallContext } from '../contracts/call.ts'
import type { HeldContent, MediaRecord } from '../contracts/catalog.ts'
import { MediaError } from '../errors/media-error.ts'
import { settleBlob } from '../scanning/background.ts'
import type { Engine } from './engine.ts'
import { settledBy } from './settled.ts'

/**
 * Somebody looked, and lets the bytes out: of the newest content in quarantine, which may wait behind one that serves, or of the
 * one that was named. What nobody has looked at yet goes only by name: it may have come a moment ago.
 * @throws MediaError MEDIA_CONFLICT `not-held`
 */
export async function release(
  engine: Engine,
  { id, namespace }: MediaRecord,
  { digest, context }: { readonly digest?: Digest | undefined; readonly context?: CallContext | undefined },
): Promise<void> {
  const held = (await engine.catalog.heldContents(id)).find((content) => isMeant(content, digest))
  if (held?.digest === undefined)
    throw new MediaError('MEDIA_CONFLICT', 'the media has no such content that is held', {
      reason: 'not-held',
    })
  const known = await engine.catalog.verdictOf(engine.domainOf(namespace), held.digest)
  const verdict = {
    verdict: 'released',
    engine: known?.engine ?? '',
    database: known?.database ?? '',
    ...(known?.signature === undefined ? {} : { signature: known.signature }),
  } as const
  engine.emit({
    type: 'scan.verdict',
    at: new Date(engine.clock.now()),
    digest: held.digest,
    ...verdict,
    ...(context === undefined ? {} : { context }),
  })
  const blob = { blobId: held.blobId, digest: held.digest }
  await settleBlob({ catalog: engine.catalog, settled: settledBy(engine) }, blob, verdict)
}

function isMeant({ state, digest }: HeldContent, named: Digest | undefined): boolean {
  return named === undefined ? state === 'quarantined' : digest === named
}
