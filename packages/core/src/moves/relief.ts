import { newId } from '../bytes/id.ts'
import type { NewMove } from '../contracts/catalog.ts'
import type { Watermarks } from '../tiering/burst.ts'
import type { Volume } from '../tiering/volume.ts'
import type { TierContext } from './context.ts'
import { type MoveProgress, makeMoves } from './mover.ts'
import { freeLeaving, letLeave } from './release.ts'

/** Blobs of one step. */
const STEP = 32
/** Blobs that are passed over before relief is given up for now. */
const MAX_STUCK = 1_024

/**
 * Brings a volume from over its high watermark to its low one, cheapest to lose first: what has a copy elsewhere leaves, the rest is
 * copied to the next home volume that takes it, and leaves then. Nothing leaves before its copy is recorded.
 */
export async function* relieve(
  context: TierContext,
  volume: Volume,
  total: MoveProgress,
  signal: AbortSignal | undefined,
): AsyncGenerator<MoveProgress> {
  const { marks } = volume
  if (marks === undefined) return
  await context.heat.load(volume.id, signal)
  await freeLeaving(context, volume, signal)
  /** What nobody takes now: asked for once, and passed over then. */
  const stuck = new Set<string>()
  for (;;) {
    signal?.throwIfAborted()
    context.use.forget()
    const over = await bytesToLeave(context, volume.id, marks)
    if (over <= 0) return
    const before = total.evictedBytes
    const victims = context.heat.victims(volume.id, over, (id) => !stuck.has(id)).slice(0, STEP)
    if (victims.length === 0) return
    await relieveOf(context, volume, victims, total, signal)
    yield total
    if (total.evictedBytes === before) for (const id of victims) stuck.add(id)
    // The next write asks again.
    if (stuck.size >= MAX_STUCK) return
  }
}

/**
 * How many bytes more are to be told to leave, for the volume to come to its low watermark once all that were told have gone:
 * those that wait for their grace still lie there, and must not be told of twice.
 */
export async function bytesToLeave(
  { use }: Pick<TierContext, 'use'>,
  volumeId: string,
  { lowBytes }: Watermarks,
): Promise<number> {
  return (await use.usedBytes(volumeId)) - (await use.leavingBytes(volumeId)) - lowBytes
}

async function relieveOf(
  context: TierContext,
  volume: Volume,
  blobIds: readonly string[],
  total: MoveProgress,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { catalog, heat } = context
  const copies = new Map<
    string,
    { readonly blobId: string; readonly sizeBytes: number; readonly storedBytes: number }
  >()
  for (const blobId of blobIds) {
    const blob = await catalog.copiesOf(blobId)
    const own = blob?.placements.find(
      ({ volumeId, state, owned }) => volumeId === volume.id && state === 'live' && owned,
    )
    if (blob === undefined || own === undefined) heat.went(volume.id, blobId)
    else copies.set(own.id, { blobId, sizeBytes: blob.sizeBytes, storedBytes: own.storedBytes })
  }
  const left = new Set(await letLeave(context, [...copies.keys()]))
  for (const id of left) {
    const copy = copies.get(id)
    if (copy === undefined) continue
    total.evicted += 1
    total.evictedBytes += copy.storedBytes
    context.use.left(volume.id, copy.storedBytes)
    heat.went(volume.id, copy.blobId)
  }
  if (left.size > 0) {
    await context.states.invalidate([...left].flatMap((id) => copies.get(id)?.blobId ?? []))
    context.journal.doubt(volume.id)
    await freeLeaving(context, volume, signal)
  }
  const staying = [...copies].filter(([id]) => !left.has(id))
  if (staying.length === 0 || volume.role === 'cache') return
  const to = await nextHome(context, volume)
  if (to === undefined) return
  const nowMs = context.clock.now()
  const moves = staying.map(
    ([placementId, { blobId }], rank): NewMove => ({
      id: newId(nowMs),
      blobId,
      toVolumeId: to.id,
      dropPlacementId: placementId,
      cause: 'demote',
      rank,
    }),
  )
  await catalog.planMoves(moves)
  while ((await makeMoves(context, total, signal)) > 0) signal?.throwIfAborted()
}

/** Where what leaves a volume goes: the next home volume behind it that is online and calm. */
async function nextHome(context: TierContext, volume: Volume): Promise<Volume | undefined> {
  const at = context.volumes.all.indexOf(volume)
  for (const next of context.volumes.all.slice(at + 1)) {
    if (next.role !== 'home') continue
    if (next.store.traits.paid && context.budget.isSpent()) continue
    if ((await context.chooser.burstOf(next)) === undefined) return next
  }
  return undefined
}
