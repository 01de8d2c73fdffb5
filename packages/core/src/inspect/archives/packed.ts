import { createGunzip } from 'node:zlib'
import type { MediaFacts } from '../../contracts/media.ts'
import { type Inspection, NO_FACTS } from '../inspection.ts'
import { doubtful, invalid } from '../refusals.ts'
import { createArchiveMeter, unsafe } from './entries.ts'

/** A gzip file tells its length itself, by its last four bytes, and may lie: it is unpacked to be counted, up to its limits. */
export async function lookAtGzip({ window, limits, contentType }: Inspection): Promise<MediaFacts> {
  const { archives } = limits
  if (archives === 'unchecked') return NO_FACTS
  if (archives === 'refuse') throw doubtful('archives-refused', `${contentType} is an archive`)
  const meter = createArchiveMeter(archives, false)
  const most = Math.min(archives.maxTotalBytes, Math.max(window.sizeBytes * archives.maxRatio, 1_048_576))
  let unpackedBytes = 0
  const unpacker = createGunzip()
  const isOver = (): boolean => unpackedBytes > most
  const done = new Promise<void>((resolve, reject) => {
    unpacker.on('data', (bytes: Buffer) => {
      unpackedBytes += bytes.length
      if (isOver()) resolve()
    })
    unpacker.once('end', resolve)
    unpacker.once('error', reject)
  })
  done.catch(() => {}) // waited for below
  try {
    for (let at = 0; at < window.sizeBytes && !isOver() && !unpacker.destroyed; ) {
      const bytes = await window.scan(at)
      at += bytes.length
      if (!unpacker.write(bytes))
        await Promise.race([new Promise((resolve) => unpacker.once('drain', resolve)), done])
    }
    unpacker.end()
    await done
  } catch (error) {
    if (
      typeof (error as NodeJS.ErrnoException).code !== 'string' ||
      !String((error as NodeJS.ErrnoException).code).startsWith('Z_')
    )
      throw error
    throw invalid('invalid-archive', 'archive: it cannot be unpacked', error)
  } finally {
    unpacker.destroy()
  }
  meter.entry({ name: 'content', packedBytes: window.sizeBytes, unpackedBytes })
  return NO_FACTS
}

/** Archives whose directories nobody reads here. */
export async function lookAtOpaqueArchive({ limits, contentType }: Inspection): Promise<MediaFacts> {
  if (limits.archives === 'unchecked') return NO_FACTS
  if (limits.archives === 'refuse') throw doubtful('archives-refused', `${contentType} is an archive`)
  throw unsafe(`${contentType} cannot be looked into; a policy with archives: 'unchecked' takes it as it is`)
}
