import type { PortableMedia } from '../contracts/catalog.ts'
import type { PlacementRule } from '../contracts/tiering.ts'
import { pagesOf } from '../pages.ts'
import { ruleFor } from '../tiering/rules.ts'
import type { Volume } from '../tiering/volume.ts'
import type { TierContext } from './context.ts'

const PAGE = 200

/** A copy that a rule wants elsewhere. */
export interface Misplaced {
  readonly blobId: string
  readonly sizeBytes: number
  readonly from: Volume
  readonly to: Volume
  readonly placementId: string
}

/**
 * Media that a rule gives to tiers of which none has them: those that came of age, were there before the rule, or went elsewhere in a
 * burst. Bytes that several media share stay where a rule of one of them wants them. Reads every record, so it is asked for seldom.
 */
export async function* misplaced(
  context: TierContext,
  signal: AbortSignal | undefined,
): AsyncGenerator<Misplaced> {
  if ((context.options.rules ?? []).length === 0) return
  const pages = pagesOf((from) => {
    signal?.throwIfAborted()
    return context.catalog.exportMedia({ limit: PAGE, ...from })
  })
  for await (const page of pages)
    for (const media of page.media) {
      const found = await wantedMove(context, media)
      if (found !== undefined) yield found
    }
}

/**
 * Where the rule of a media wants it, when it is in none of the rule's tiers and one of them takes it now.
 * @param counts rules that are followed; the first that matches is the only one that is looked at
 */
export async function wantedMove(
  context: TierContext,
  media: PortableMedia,
  counts: (rule: PlacementRule) => boolean = () => true,
): Promise<Misplaced | undefined> {
  const { volumes, options, clock } = context
  const { content, blob } = media
  if (blob.digest === undefined) return undefined
  const rule = ruleFor(options.rules ?? [], {
    namespace: media.namespace,
    owner: media.owner,
    contentType: content.contentType,
    sizeBytes: blob.sizeBytes,
    ageMs: clock.now() - content.createdAt.getTime(),
  })
  if (rule === undefined || !counts(rule)) return undefined
  const reached = media.placements.flatMap((placement) => {
    const volume = volumes.byId(placement.volumeId)
    return volume === undefined ? [] : [{ placement, volume }]
  })
  if (reached.some(({ volume }) => rule.tiers.includes(volume.tier))) return undefined
  const source = reached.find(({ placement, volume }) => placement.owned && volume.role === 'home')
  if (source === undefined) return undefined
  for (const tier of rule.tiers)
    for (const to of volumes.all) {
      if (to.tier !== tier || to.role !== 'home' || (await context.chooser.burstOf(to)) !== undefined)
        continue
      const blobId = await blobOf(context, media)
      if (blobId === undefined) return undefined
      const { placement, volume: from } = source
      return { blobId, sizeBytes: blob.sizeBytes, from, to, placementId: placement.id }
    }
  return undefined
}

/** By value a media does not tell which blob it has; the record does. */
async function blobOf(
  { catalog }: TierContext,
  { namespace, id }: PortableMedia,
): Promise<string | undefined> {
  return (await catalog.get(namespace, id))?.content.blobId
}
