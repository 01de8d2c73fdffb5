import type { MediaRecord } from '../contracts/catalog.ts'
import { MediaError } from '../errors/media-error.ts'
import { settleBlob } from '../scanning/background.ts'
import type { Engine } from './engine.ts'
import { settledBy } from './settled.ts'

/** Somebody looked, and lets the bytes of this record out. @throws MediaError MEDIA_CONFLICT `not-held` */
export async function release(engine: Engine, record: MediaRecord): Promise<void> {
  const { state, blobId, digest } = record.content
  if (state !== 'quarantined' || digest === undefined)
    throw new MediaError('MEDIA_CONFLICT', 'the media is not held in quarantine', { reason: 'not-held' })
  const known = await engine.catalog.verdictOf(engine.domainOf(record.namespace), digest)
  const verdict = {
    verdict: 'released',
    engine: known?.engine ?? '',
    database: known?.database ?? '',
    ...(known?.signature === undefined ? {} : { signature: known.signature }),
  } as const
  engine.emit({ type: 'scan.verdict', at: new Date(engine.clock.now()), digest, ...verdict })
  await settleBlob({ catalog: engine.catalog, settled: settledBy(engine) }, blobId, verdict, 'active')
}
