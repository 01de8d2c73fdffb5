import { newId } from '../bytes/id.ts'
import type { NewMove, PortableMedia } from '../contracts/catalog.ts'
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

/** The move that brings it there. */
export function moveOf({ blobId, to, placementId }: Misplaced, nowMs: number): NewMove {
  return {
    id: newId(nowMs),
    blobId,
    toVolumeId: to.id,
    dropPlacementId: placementId,
    cause: 'demote',
    rank: 2,
  }
}

/** Follows rules through one walk of all records. */
export interface ByRules {
  /** The move of the blob of a media. It is told once, however many media share the blob. */
  moveFor(media: PortableMedia, signal: AbortSignal | undefined): Promise<Misplaced | undefined>
  /** Looks at every blob anew. */
  forget(): void
}

/** Blobs that were decided about. Those forgotten are looked at again, and the answer is the same. */
const MAX_REMEMBERED = 65_536

/**
 * Media that a rule gives to tiers of which none has them: those that came of age, were there before the rule, or went elsewhere in a
 * burst. Reads every record, so it is asked for seldom.
 */
export async function* misplaced(
  context: TierContext,
  signal: AbortSignal | undefined,
): AsyncGenerator<Misplaced> {
  if ((context.options.rules ?? []).length === 0) return
  const byRules = createByRules(context)
  const pages = pagesOf((from) => {
    signal?.throwIfAborted()
    return context.catalog.exportMedia({ limit: PAGE, ...from })
  })
  for await (const page of pages)
    for (const media of page.media) {
      const found = await byRules.moveFor(media, signal)
      if (found !== undefined) yield found
    }
}

/**
 * Media of equal bytes may be wanted in several places: to and fro would cost money each time. So bytes stay where a rule of one of
 * their media wants them, and else go where the first of them, by namespace and id, is wanted. Only the catalog is asked:
 * every process, also after a restart, decides the same.
 * @param counts rules that are followed. Of each media only the first that matches is looked at, and it holds bytes also where it does not count.
 */
export function createByRules(
  context: TierContext,
  counts: (rule: PlacementRule) => boolean = () => true,
): ByRules {
  const decided = new Set<string>()
  const remember = (blobId: string): void => {
    const [oldest] = decided
    if (decided.size >= MAX_REMEMBERED && oldest !== undefined) decided.delete(oldest)
    decided.add(blobId)
  }
  /** `undefined`: the blob stays. */
  const placeOfAll = async (blobId: string, signal: AbortSignal | undefined): Promise<Place | undefined> => {
    let first: Place | undefined
    const pages = pagesOf((from) => {
      signal?.throwIfAborted()
      return context.catalog.exportMedia({ blobId, limit: PAGE, ...from })
    })
    for await (const page of pages)
      for (const media of page.media) {
        const place = await placeWanted(context, media, counts)
        if (place === 'here') return undefined
        first ??= place
      }
    return first
  }
  return {
    async moveFor(media, signal) {
      const wanted = await placeWanted(context, media, counts)
      if (wanted === undefined || wanted === 'here') return undefined
      const blobId = await blobOf(context, media)
      if (blobId === undefined || decided.has(blobId)) return undefined
      const place = await placeOfAll(blobId, signal)
      remember(blobId)
      return place === undefined ? undefined : { blobId, ...place }
    },
    forget: () => decided.clear(),
  }
}

type Place = Omit<Misplaced, 'blobId'>

/** Where the rule of a media wants it: `here` when it is in one of the rule's tiers, `undefined` without a rule, or when no tier takes it now. */
async function placeWanted(
  { volumes, options, clock, chooser }: TierContext,
  media: PortableMedia,
  counts: (rule: PlacementRule) => boolean,
): Promise<Place | 'here' | undefined> {
  const { content, blob } = media
  if (blob.digest === undefined) return undefined
  const rule = ruleFor(options.rules ?? [], {
    namespace: media.namespace,
    owner: media.owner,
    contentType: content.contentType,
    sizeBytes: blob.sizeBytes,
    ageMs: clock.now() - content.createdAt.getTime(),
  })
  if (rule === undefined) return undefined
  const reached = media.placements.flatMap((placement) => {
    const volume = volumes.byId(placement.volumeId)
    return volume === undefined ? [] : [{ placement, volume }]
  })
  if (reached.some(({ volume }) => rule.tiers.includes(volume.tier))) return 'here'
  if (!counts(rule)) return undefined
  const source = reached.find(({ placement, volume }) => placement.owned && volume.role === 'home')
  if (source === undefined) return undefined
  for (const tier of rule.tiers)
    for (const to of volumes.all) {
      if (to.tier !== tier || to.role !== 'home' || (await chooser.burstOf(to)) !== undefined) continue
      return { sizeBytes: blob.sizeBytes, from: source.volume, to, placementId: source.placement.id }
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
