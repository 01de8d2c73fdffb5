import { newPlacementId, physicalKey } from '../cas/physical-key.ts'
import type { PlacementRecord, StagedPlacement } from '../contracts/catalog.ts'
import type { ObjectHead, StagedBody } from '../contracts/object-store.ts'
import { isMediaError, MediaError } from '../errors/media-error.ts'
import { graver, mayGoElsewhere, type Place, type Places } from '../tiering/places.ts'
import type { Volume } from '../tiering/volume.ts'
import type { IngestContext } from './context.ts'
import { isDirect } from './direct.ts'
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
      /** Volumes whose copies could stand in for ours. */
      readonly reachable: readonly string[]
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
  { places, failure: passedOver }: Pick<Places, 'places' | 'failure'>,
  namespace: string,
  body: ReceivedBody,
  signal: AbortSignal | undefined,
): Promise<Published> {
  const direct = isDirect(body.source) ? body.source.direct : undefined
  // What lies on its volume already goes nowhere else.
  const open = direct === undefined ? places : [{ volume: direct.volume, cause: 'write' as const }]
  const distrusted: PlacementRecord[] = []
  /** Volumes that hold the bytes and cannot be asked now: their copies stand in for nothing. */
  const away = new Set<string>()
  let told = 0
  let failure: unknown
  let asksCatalog = false
  for (let at = 0; at < open.length; ) {
    const { volume, cause } = open[at] as Place
    const placementId = direct?.placementId ?? newPlacementId(context.clock.now())
    const key = direct?.key ?? physicalKey(body.summary.digest, placementId)
    const reachable = context.volumes.all.flatMap(({ id, role, isOnline }) =>
      role === 'home' && isOnline && !away.has(id) ? [id] : [],
    )
    try {
      asksCatalog = true
      if (session.begun() !== undefined && direct === undefined && volume.capacityBytes !== undefined)
        await session.reserveOn(volume, body.summary.sizeBytes)
      const staging = context.catalog.stagePlacement({
        session: session.begun() ?? session.plan(volume, body.summary.sizeBytes),
        domain: context.domainOf(namespace),
        digest: body.summary.digest,
        sizeBytes: body.summary.sizeBytes,
        chunkSums: body.summary.chunkSums,
        volumeId: volume.id,
        placementId,
        key,
        reachable,
        ...(distrusted.length === 0 ? {} : { distrust: distrusted.map(({ id }) => id) }),
      })
      const [staged]: [StagedPlacement, unknown] = await Promise.all([staging, session.told?.()])
      if (staged.type === 'repeated') return staged
      asksCatalog = false
      session.adopted(staged.session.fence)
      // Told once our session is known to live: without it, what is not there may have been collected, and rightly.
      for (const placement of distrusted.slice(told)) tellCorrupt(context, placement)
      told = distrusted.length
      if (staged.existing.length === 0) {
        const head = await writeBytes(context, { volume, cause }, key, body, signal)
        return {
          type: 'published',
          blobId: staged.blobId,
          deduplicated: false,
          own: { placementId, key, volume, head },
          reachable,
        }
      }
      const found = await firstTrusted(context, staged.existing, body.summary.sizeBytes, away)
      if (found === 'trusted')
        return { type: 'published', blobId: staged.blobId, deduplicated: true, own: undefined, reachable }
      distrusted.push(...found)
    } catch (error) {
      signal?.throwIfAborted()
      // A catalog that fails says nothing about the volume, and may have begun our session all the same.
      if (!mayGoElsewhere(error) || (asksCatalog && !isMediaError(error, 'MEDIA_NO_SPACE'))) throw error
      failure = graver(failure, error)
      at += 1
    }
  }
  throw (
    graver(failure, passedOver) ??
    new MediaError('MEDIA_UNAVAILABLE', 'no home volume', { reason: 'volume-offline' })
  )
}

async function writeBytes(
  context: IngestContext,
  { volume, cause }: Place,
  key: string,
  body: ReceivedBody,
  signal: AbortSignal | undefined,
): Promise<ObjectHead> {
  const { source, summary } = body
  const path = isStaged(source) ? source.path : undefined
  const call = { context: { cause }, ...(signal === undefined ? {} : { signal }) }
  const startedMs = context.clock.now()
  const write = (): Promise<ObjectHead> => {
    if (isDirect(source)) return source.direct.publish()
    if (path !== undefined && volume.store.adopt !== undefined)
      return volume.store.adopt(key, path, { ...call, ...keeping(source) })
    // Over a network the other side checks what came; a disk here would hash once more what was hashed a moment ago.
    const checksum = volume.store.traits.shared ? { checksum: summary.digest } : {}
    return volume.store.put(key, source, { ...call, ...checksum })
  }
  if (volume.store.traits.keepsNoSource !== true) body.blocks?.keep()
  let head: ObjectHead
  try {
    head = await write()
  } catch (error) {
    body.blocks?.keep()
    signal?.throwIfAborted()
    if (isMediaError(error, 'MEDIA_UNAVAILABLE') || isMediaError(error, 'MEDIA_TIMEOUT'))
      context.chooser.failed(volume)
    throw error
  }
  context.chooser.wrote(volume, summary.sizeBytes, context.clock.now() - startedMs)
  if (head.sizeBytes !== summary.sizeBytes) {
    throw new MediaError(
      'MEDIA_UNAVAILABLE',
      `${volume.store.name} kept ${head.sizeBytes} of ${summary.sizeBytes} bytes`,
      { reason: 'short-write' },
    )
  }
  return head
}

/** `trusted` when one of them is, else those that are damaged or gone; volumes that cannot say are added to `away`. */
async function firstTrusted(
  context: IngestContext,
  existing: readonly PlacementRecord[],
  sizeBytes: number,
  away: Set<string>,
): Promise<'trusted' | readonly PlacementRecord[]> {
  const doubtful: PlacementRecord[] = []
  for (const placement of existing) {
    const volume = context.volumes.byId(placement.volumeId)
    if (volume === undefined) continue
    try {
      await volume.checkOnline()
      const head = await headIfIntact(volume, placement.key)
      if (head !== undefined && head.sizeBytes === sizeBytes) return 'trusted'
      // Look again at the marker before a copy is called gone: an unmounted disk has none of its objects.
      volume.doubt()
      await volume.checkOnline()
      doubtful.push(placement)
    } catch (error) {
      if (!mayGoElsewhere(error)) throw error
      away.add(volume.id)
    }
  }
  return doubtful
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

function keeping(source: ReceivedBody['source']): { readonly keepsFile?: true } {
  return isStaged(source) && source.keepsFile === true ? { keepsFile: true } : {}
}

function isStaged(source: object): source is StagedBody {
  return 'discard' in source
}
