import type { MediaRecord } from '../contracts/catalog.ts'
import type { Engine } from './engine.ts'
import { openContent } from './open.ts'

/**
 * Brings an external object to a serving tier that nobody has read whole: reads it once to learn its digest, without which no
 * copy could be verified, and then loads it.
 */
export function warmUnread(engine: Engine, record: MediaRecord): void {
  engine.external.inBackground(`warm ${record.content.blobId}`, async () => {
    const reader = await openContent(engine, record, {})
    if (reader === undefined) return
    for await (const _ of reader.stream()) continue
    const now = await engine.catalog.get(record.namespace, record.id)
    if (now?.content.digest !== undefined) await engine.tiers.warm(now)
  })
}
