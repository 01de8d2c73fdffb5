import { newPlacementId, physicalKey } from '../cas/physical-key.ts'
import type { PlacementRecord, StagedPlacement } from '../contracts/catalog.ts'
import type { ObjectHead, StagedBody } from '../contracts/object-store.ts'
import { isMediaError, MediaError } from '../errors/media-error.ts'
import type { Volume } from '../tiering/volume.ts'
import type { IngestContext } from './context.ts'
import type { ReceivedBody } from './receive.ts'
import type { PutSession } from './session.ts'
import { tellCorrupt } from './tell-corrupt.ts'

/** Bytes that are durable under a row of the catalog, and not yet visible. */
export type Published =
  | { readonly type: 'repeated'; readonly mediaId: string }
  | {
      readonly type: 'published'
      readonly blobId: string
      readonly deduplicated: boolean
      /** Ours, where bytes were written. */
      readonly own:
        | {
            readonly placementId: string
            readonly key: string
            readonly volume: Volume
            readonly head: ObjectHead
          }
        | undefined
    }

/**
 * Transaction A, then the bytes: no byte is published without a row, and none when a trusted copy is there already.
 * A copy counts as trusted when its volume, asked now, has it with the right size: dedupe never trusts a name.
 */
export async function publish(
  context: IngestContext,
  session: PutSession,
  volume: Volume,
  namespace: string,
  body: ReceivedBody,
  signal: AbortSignal | undefined,
): Promise<Published> {
  const distrusted: PlacementRecord[] = []
  let told = 0
  await session.reserve(volume, body.summary.sizeBytes)
  for (;;) {
    const placementId = newPlacementId(context.clock.now())
    const key = physicalKey(body.summary.digest, placementId)
    const staged: StagedPlacement = await context.catalog.stagePlacement({
      session: session.begun ?? session.plan(volume, body.summary.sizeBytes),
      domain: context.domainOf(namespace),
      digest: body.summary.digest,
      sizeBytes: body.summary.sizeBytes,
      chunkSums: body.summary.chunkSums,
      volumeId: volume.id,
      placementId,
      key,
      ...(distrusted.length === 0 ? {} : { distrust: distrusted.map(({ id }) => id) }),
    })
    if (staged.type === 'repeated') return staged
    session.adopted(staged.session.fence)
    // Told once our session is known to live: without it, what is not there may have been collected, and rightly.
    for (const placement of distrusted.slice(told)) tellCorrupt(context, placement)
    told = distrusted.length
    if (staged.existing.length === 0) {
      const head = await writeBytes(volume, key, body, signal)
      return {
        type: 'published',
        blobId: staged.blobId,
        deduplicated: false,
        own: { placementId, key, volume, head },
      }
    }
    const doubtful = await firstTrusted(context, staged.existing, body.summary.sizeBytes)
    if (doubtful === undefined)
      return { type: 'published', blobId: staged.blobId, deduplicated: true, own: undefined }
    distrusted.push(...doubtful)
  }
}

async function writeBytes(
  volume: Volume,
  key: string,
  body: ReceivedBody,
  signal: AbortSignal | undefined,
): Promise<ObjectHead> {
  const { source, summary } = body
  const path = isStaged(source) ? source.path : undefined
  const call = signal === undefined ? {} : { signal }
  const head =
    path !== undefined && volume.store.adopt !== undefined
      ? await volume.store.adopt(key, path, call)
      : await volume.store.put(key, source, call)
  if (head.sizeBytes !== summary.sizeBytes) {
    throw new MediaError(
      'MEDIA_UNAVAILABLE',
      `${volume.store.name} kept ${head.sizeBytes} of ${summary.sizeBytes} bytes`,
      { reason: 'short-write' },
    )
  }
  return head
}

/** `undefined` when one of them can be trusted, else those that cannot. */
async function firstTrusted(
  context: IngestContext,
  existing: readonly PlacementRecord[],
  sizeBytes: number,
): Promise<readonly PlacementRecord[] | undefined> {
  const doubtful: PlacementRecord[] = []
  let unreachable: PlacementRecord | undefined
  for (const placement of existing) {
    const volume = context.volumes.byId(placement.volumeId)
    if (volume === undefined) {
      unreachable = placement // another host's volume: its own host vouches for it
      continue
    }
    await volume.checkOnline()
    const head = await headIfIntact(volume, placement.key)
    if (head !== undefined && head.sizeBytes === sizeBytes) return undefined
    // Look again at the marker before a copy is called gone: an unmounted disk has none of its objects.
    volume.doubt()
    await volume.checkOnline()
    doubtful.push(placement)
  }
  return doubtful.length === 0 && unreachable !== undefined ? undefined : doubtful
}

/** Something else in the place of the bytes is no copy of them: a reason to write them anew, not to refuse them. */
async function headIfIntact(volume: Volume, key: string): Promise<ObjectHead | undefined> {
  try {
    return await volume.store.head(key)
  } catch (error) {
    if (isMediaError(error, 'MEDIA_CORRUPT')) return undefined
    throw error
  }
}

function isStaged(source: object): source is StagedBody {
  return 'discard' in source
}
