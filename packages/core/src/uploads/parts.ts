import { Readable } from 'node:stream'
import type { StagedBody } from '../contracts/object-store.ts'
import { MediaError } from '../errors/media-error.ts'
import type { OpenUpload, UploadContext } from './context.ts'
import type { Spool } from './spools.ts'
import type { UploadData } from './upload-data.ts'

/** Bytes of the whole that lie in one part. */
interface Stretch {
  readonly part: number
  /** Within the part. */
  readonly start: number
  readonly endExclusive: number
}

export type WholeBody =
  /** In one part from its start to its end: it can be taken over. */
  { readonly kind: 'one'; readonly body: StagedBody } | { readonly kind: 'many'; readonly stream: Readable }

/** The bytes of an upload that is whole. @throws MediaError MEDIA_CORRUPT `part-short` where bytes that were acknowledged are not there */
export async function openWhole(
  context: UploadContext,
  { record, data }: OpenUpload,
  sizeBytes: number,
): Promise<WholeBody> {
  const spool = await context.spools.at(data.volumeId)
  const stretches = stretchesOf(data, sizeBytes)
  const [only] = stretches
  if (stretches.length === 1 && only?.start === 0) {
    const body = await findPart(spool, record.id, only.part, only.endExclusive)
    // Whether it goes with the upload is decided by how the upload ends.
    return { kind: 'one', body: { ...body, keepsFile: true, discard: async () => {} } }
  }
  return {
    kind: 'many',
    stream: Readable.from(bytesOf(spool, record.id, stretches), { objectMode: false }),
  }
}

/** Removes all parts that there may be. */
export async function removeParts(context: UploadContext, { record, data }: OpenUpload): Promise<void> {
  if (data.direct !== undefined) return
  const { partials } = await context.spools.at(data.volumeId)
  for (let part = 0; part < data.nextPart; part++) await partials.delete({ name: record.id, part })
}

/** Runs of bytes, in order, each within one part. */
export function stretchesOf(
  { chunks, chunkBytes, parts }: Pick<UploadData, 'chunks' | 'chunkBytes' | 'parts'>,
  sizeBytes: number,
): readonly Stretch[] {
  if (chunks !== undefined && chunkBytes !== undefined) {
    const stretches: Stretch[] = []
    for (const [index, part] of chunks.entries()) {
      const endExclusive = Math.min(sizeBytes, (index + 1) * chunkBytes)
      const last = stretches.at(-1)
      if (last?.part === part) stretches[stretches.length - 1] = { ...last, endExclusive }
      else stretches.push({ part, start: index * chunkBytes, endExclusive })
    }
    return stretches
  }
  return parts.flatMap(({ part, startBytes }, at) => {
    const endBytes = parts[at + 1]?.startBytes ?? sizeBytes
    return endBytes > startBytes ? [{ part, start: 0, endExclusive: endBytes - startBytes }] : []
  })
}

async function findPart(
  { partials }: Spool,
  name: string,
  part: number,
  sizeBytes: number,
): Promise<StagedBody> {
  const body = await partials.find({ name, part, sizeBytes })
  if (body !== undefined) return body
  throw new MediaError('MEDIA_CORRUPT', 'bytes of this upload have gone', { reason: 'part-short' })
}

/** How much of each part is needed: what lies behind that may be cut off. */
function neededOf(stretches: readonly Stretch[]): ReadonlyMap<number, number> {
  const needed = new Map<number, number>()
  for (const { part, endExclusive } of stretches)
    needed.set(part, Math.max(needed.get(part) ?? 0, endExclusive))
  return needed
}

async function* bytesOf(
  spool: Spool,
  name: string,
  stretches: readonly Stretch[],
): AsyncGenerator<Uint8Array> {
  const needed = neededOf(stretches)
  for (const { part, start, endExclusive } of stretches) {
    const body = await findPart(spool, name, part, needed.get(part) ?? endExclusive)
    yield* body.open({ range: { start, endExclusive } }) as AsyncIterable<Uint8Array>
  }
}
