import type { Call } from '../contracts/call.ts'
import type { RepairProgress } from '../contracts/media-store.ts'
import { ensureCopies } from '../ingest/ensure-copies.ts'
import { pagesOf } from '../pages.ts'
import { BATCH } from './batch.ts'
import { callCheck } from './call-check.ts'
import type { UpkeepContext } from './context.ts'

/** Brings every blob that is in use to `minCopies` live copies on the home volumes. */
export async function* repair(context: UpkeepContext, { signal }: Call): AsyncGenerator<RepairProgress> {
  const homes = context.volumes.all.filter(({ role }) => role !== 'cache')
  const total = { madeCopies: 0, madeBytes: 0, thin: 0 }
  const check = callCheck(context, signal)
  const volumeIds = homes.map(({ id }) => id)
  const pages = pagesOf((from) => {
    check()
    return context.catalog.listThinBlobs({ volumeIds, minCopies: context.minCopies, limit: BATCH, ...from })
  })
  for await (const { blobs } of pages) {
    const madeBefore = total.madeCopies
    const lost: RepairProgress['lost'][number][] = []
    for (const { blobId, placements, sizeBytes, digest } of blobs) {
      const { made, outcome } = await ensureCopies(context, blobId, placements, signal)
      total.madeCopies += made
      total.madeBytes += made * sizeBytes
      if (outcome === 'thin') total.thin++
      if (outcome === 'lost') lost.push({ blobId, ...(digest === undefined ? {} : { digest }) })
    }
    // The new copies' volumes have no line of whose bytes they are: their next snapshot has.
    if (total.madeCopies > madeBefore) for (const { id } of homes) context.journal.doubt(id)
    yield { ...total, lost }
  }
}
