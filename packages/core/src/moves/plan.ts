import type { MediaRecord, MoveRecord } from '../contracts/catalog.ts'
import type { PlacementExplanation, PlannedMove, TierPlan } from '../contracts/tiering.ts'
import { pagesOf } from '../pages.ts'
import { monthlyDollars, readDollars, writeDollars } from '../tiering/prices.ts'
import type { Volume } from '../tiering/volume.ts'
import { misplaced } from './by-rules.ts'
import type { TierContext } from './context.ts'
import { bytesToLeave } from './relief.ts'

/** Moves that a plan names; its sums are of all. */
const MAX_NAMED = 1_000
const PAGE = 200

/** What `apply` would do, as far as it can be known before: planned moves, and the relief of volumes that are over their high watermark. */
export async function planTiers(context: TierContext, signal: AbortSignal | undefined): Promise<TierPlan> {
  const moves: PlannedMove[] = []
  const sum = { objects: 0, bytes: 0, costDollars: 0, monthlyDollars: 0 }
  const seen = new Set<string>()
  const add = (
    blobId: string,
    sizeBytes: number,
    from: Volume | undefined,
    to: Volume | undefined,
    cause: PlannedMove['cause'],
    isDropped: boolean,
    toTier = to?.tier,
  ): void => {
    const costDollars = moveDollars(from, to, sizeBytes)
    sum.objects += 1
    sum.bytes += sizeBytes
    sum.costDollars += costDollars
    sum.monthlyDollars +=
      (to === undefined ? 0 : monthlyDollars(to.prices, sizeBytes)) -
      (isDropped ? monthlyDollars(from?.prices, sizeBytes) : 0)
    if (moves.length < MAX_NAMED)
      moves.push({
        blobId,
        sizeBytes,
        from: from?.tier ?? '',
        ...(toTier === undefined ? {} : { to: toTier }),
        cause,
        costDollars,
      })
  }
  const known = new Map((await context.catalog.listVolumes()).map((volume) => [volume.id, volume.tier]))
  for await (const move of plannedMoves(context, signal)) {
    seen.add(`${move.blobId} ${move.toVolumeId}`)
    // Its process ended between copy and record: what is left of it moves no bytes.
    if (isMade(move)) continue
    const source = sourceOf(context, move)
    const to = context.volumes.byId(move.toVolumeId)
    // Its tier may be configured no more: it is a move all the same, and waits.
    const toTier = to?.tier ?? known.get(move.toVolumeId) ?? move.toVolumeId
    add(move.blobId, move.sizeBytes, source, to, move.cause, move.dropPlacementId !== undefined, toTier)
  }
  for await (const { blobId, sizeBytes, from, to } of misplaced(context, signal)) {
    const name = `${blobId} ${to.id}`
    if (seen.has(name)) continue
    seen.add(name)
    add(blobId, sizeBytes, from, to, 'demote', true)
  }
  for (const volume of context.volumes.all) {
    signal?.throwIfAborted()
    const { marks } = volume
    if (marks === undefined) continue
    context.use.forget()
    if ((await context.use.usedBytes(volume.id)) < marks.highBytes) continue
    await context.heat.load(volume.id, signal)
    const next = nextOf(context, volume)
    const over = await bytesToLeave(context, volume.id, marks)
    for (const blobId of over > 0 ? context.heat.victims(volume.id, over) : []) {
      if (next !== undefined && seen.has(`${blobId} ${next.id}`)) continue
      const blob = await context.catalog.copiesOf(blobId)
      if (blob === undefined) continue
      const others = blob.placements.filter(
        ({ state, volumeId }) =>
          state === 'live' && volumeId !== volume.id && context.volumes.byId(volumeId)?.role === 'home',
      )
      if (others.length >= context.minCopies) add(blobId, blob.sizeBytes, volume, undefined, 'evict', true)
      else if (next !== undefined) add(blobId, blob.sizeBytes, volume, next, 'demote', true)
    }
  }
  return { moves, ...sum }
}

async function* plannedMoves(
  { catalog }: TierContext,
  signal: AbortSignal | undefined,
): AsyncGenerator<MoveRecord> {
  const pages = pagesOf((from) => {
    signal?.throwIfAborted()
    return catalog.listMoves({ limit: PAGE, ...from })
  })
  for await (const { moves } of pages) yield* moves
}

/** The copy is where it was to go, and the one that was to leave has left. */
function isMade({ placements, toVolumeId, dropPlacementId }: MoveRecord): boolean {
  return (
    placements.some(({ volumeId }) => volumeId === toVolumeId) &&
    !placements.some(({ id }) => id === dropPlacementId)
  )
}

function nextOf({ volumes }: TierContext, volume: Volume): Volume | undefined {
  return volumes.all.slice(volumes.all.indexOf(volume) + 1).find(({ role }) => role === 'home')
}

function sourceOf({ volumes }: TierContext, move: MoveRecord): Volume | undefined {
  const [nearest] = volumes.reachable(move.placements)
  const dropped = move.placements.find(({ id }) => id === move.dropPlacementId)
  return (dropped === undefined ? undefined : volumes.byId(dropped.volumeId)) ?? nearest?.volume
}

function moveDollars(from: Volume | undefined, to: Volume | undefined, sizeBytes: number): number {
  if (to === undefined) return 0
  return readDollars(from?.prices, sizeBytes) + writeDollars(to.prices, sizeBytes, PART_BYTES)
}

/** What adapters send as one part unless told otherwise: for estimates. */
const PART_BYTES = 16_777_216

/** Why a media is where it is, and where it would go now. */
export async function explainPlacement(
  context: TierContext,
  record: MediaRecord,
): Promise<PlacementExplanation> {
  const { content } = record
  const { rule, wanted, refused } = await context.chooser.placesFor({
    namespace: record.namespace,
    owner: record.owner,
    contentType: content.contentType,
    sizeBytes: content.sizeBytes,
    ageMs: context.clock.now() - content.createdAt.getTime(),
    isComplete: true,
  })
  const known = new Map((await context.catalog.listVolumes()).map((volume) => [volume.id, volume.tier]))
  const moves: PlacementExplanation['moves'][number][] = []
  for await (const move of plannedMoves(context, undefined))
    if (move.blobId === content.blobId)
      moves.push({ to: known.get(move.toVolumeId) ?? '', cause: move.cause, attempts: move.attempts })
  return {
    ...(rule === undefined ? {} : { rule: rule.name }),
    tiers: wanted.map(({ tier }) => tier),
    copies: content.placements.map(({ volumeId, storedBytes, owned }) => ({
      tier: known.get(volumeId) ?? '',
      volumeId,
      isReachable: context.volumes.byId(volumeId) !== undefined,
      storedBytes,
      owned,
    })),
    refused: refused.map(({ volume, reason }) => ({ tier: volume.tier, reason })),
    moves,
  }
}
