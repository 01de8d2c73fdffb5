import { idTimeMs } from '../bytes/id.ts'
import type { BlobCopies, StoredCopy } from '../contracts/catalog.ts'
import type { CopyFault, DamagedCopy, VerifyOptions, VerifyProgress } from '../contracts/media-store.ts'
import { isMediaError, MediaError } from '../errors/media-error.ts'
import { copyBlob } from '../ingest/copy.ts'
import { tellCorrupt } from '../ingest/tell-corrupt.ts'
import { tellUpkeepFailed } from '../ingest/upkeep-failed.ts'
import { isAway, type Volume } from '../tiering/volume.ts'
import type { ReachablePlacement } from '../tiering/volumes.ts'
import { createPace, type Pace } from '../time/pace.ts'
import { callCheck } from './call-check.ts'
import type { UpkeepContext } from './context.ts'
import { faultOfCopy } from './copy-fault.ts'
import { inLanes } from './lanes.ts'
import { formatCursor, parseCursor } from './verify-cursor.ts'

/** Copies of one step: what an interrupted run may read again. */
const PAGE = 64
/** Small copies wait for the disk more than for the digest; large ones are read one after the other. */
const SMALL_BYTES = 1_048_576
const LANES = 4

/** Reads every copy on the volumes that are online, in an order that a cursor can resume. */
export async function* verify(
  context: UpkeepContext,
  options: VerifyOptions,
): AsyncGenerator<VerifyProgress> {
  const { signal, bytesPerSecond } = options
  if (bytesPerSecond !== undefined && !(bytesPerSecond > 0))
    throw new MediaError('MEDIA_BAD_INPUT', 'bytesPerSecond must be above 0', { reason: 'bad-rate' })
  const from = options.cursor === undefined ? undefined : parseCursor(options.cursor)
  const check = callCheck(context, signal)
  const pace = createPace(bytesPerSecond, context.clock)
  const volumes = context.volumes.all
    .filter(({ role, store }) => role !== 'external' && (options.paid !== false || !store.traits.paid))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
  const total = {
    checkedObjects: 0,
    checkedBytes: 0,
    totalBytes: await bytesOn(context, volumes),
    damagedObjects: 0,
    repairedObjects: 0,
  }
  const offlineVolumes: string[] = []
  let cursor = options.cursor ?? formatCursor({ volumeId: '', isDone: true })

  for (const volume of volumes) {
    if (from !== undefined && (volume.id < from.volumeId || (volume.id === from.volumeId && from.isDone)))
      continue
    let after = from?.volumeId === volume.id ? from.after : undefined
    for (let more = true; more; ) {
      check()
      const page = await context.catalog.listCopies({
        volumeIds: [volume.id],
        limit: PAGE,
        ...(after === undefined ? {} : { cursor: after }),
        ...(options.notVerifiedSince === undefined ? {} : { notVerifiedSince: options.notVerifiedSince }),
      })
      const due = page.copies.filter((copy) => isDue(copy, options.notVerifiedSince))
      const step = await verifyPage(context, volume, due, options, pace)
      if (step === 'offline') {
        offlineVolumes.push(volume.id)
        break
      }
      total.checkedObjects += step.checkedObjects
      total.checkedBytes += step.checkedBytes
      total.damagedObjects += step.damaged.length
      total.repairedObjects += step.damaged.filter(({ repaired }) => repaired).length
      after = page.cursor
      more = after !== undefined
      cursor = formatCursor({ volumeId: volume.id, isDone: !more, ...(after === undefined ? {} : { after }) })
      yield { ...total, damaged: step.damaged, offlineVolumes: [...offlineVolumes], cursor }
    }
  }
  yield { ...total, damaged: [], offlineVolumes, cursor }
}

async function bytesOn(context: UpkeepContext, volumes: readonly Volume[]): Promise<number> {
  const ids = new Set(volumes.map(({ id }) => id))
  let sum = 0
  for (const { volumeId, storedBytes } of await context.catalog.volumeUsage())
    if (ids.has(volumeId)) sum += storedBytes
  return sum
}

/** What was written lately was read and compared on its way in. */
function isDue({ placement, verifiedAt }: StoredCopy, notVerifiedSince: Date | undefined): boolean {
  if (notVerifiedSince === undefined) return true
  const lastMs = verifiedAt?.getTime() ?? idTimeMs(placement.id)
  return lastMs <= notVerifiedSince.getTime()
}

interface PageResult {
  readonly checkedObjects: number
  readonly checkedBytes: number
  readonly damaged: readonly DamagedCopy[]
}

async function verifyPage(
  context: UpkeepContext,
  volume: Volume,
  copies: readonly StoredCopy[],
  options: VerifyOptions,
  pace: Pace,
): Promise<PageResult | 'offline'> {
  const { signal } = options
  const right: string[] = []
  const faulty: { readonly copy: StoredCopy; readonly fault: CopyFault }[] = []
  let checkedBytes = 0
  const check = async (copy: StoredCopy): Promise<void> => {
    const chunkSums =
      options.mode === 'stored' ? await context.catalog.chunkSums(copy.placement.blobId) : undefined
    const fault = await faultOfCopy(
      volume,
      {
        placement: copy.placement,
        sizeBytes: copy.sizeBytes,
        digest: copy.digest,
        ...(chunkSums === undefined ? {} : { chunkSums }),
      },
      pace,
      signal,
    )
    checkedBytes += copy.sizeBytes
    // Sums of 32 bits find rot; only the digest gives a copy back that was quarantined.
    const counts = options.mode !== 'stored' || copy.placement.state === 'live'
    if (fault === undefined && counts) right.push(copy.placement.id)
    if (fault !== undefined) faulty.push({ copy, fault })
  }
  try {
    await volume.checkOnline()
    await inLanes(
      copies.filter(({ sizeBytes }) => sizeBytes <= SMALL_BYTES),
      LANES,
      check,
    )
    for (const copy of copies) if (copy.sizeBytes > SMALL_BYTES) await check(copy)
  } catch (error) {
    signal?.throwIfAborted()
    if (!isAway(error, volume.store)) throw error
    tellUpkeepFailed(context, 'verify', error)
    return 'offline'
  }
  await context.catalog.markVerified(right)
  const damaged: DamagedCopy[] = []
  for (const { copy, fault } of faulty) {
    const found = await judge(context, volume, copy, fault, options, pace)
    if (found !== undefined) damaged.push(found)
  }
  return { checkedObjects: copies.length, checkedBytes, damaged }
}

/** What the catalog says now counts: a copy that was collected meanwhile is not damaged, and debris of a repair is known. */
async function judge(
  context: UpkeepContext,
  volume: Volume,
  { placement }: StoredCopy,
  fault: CopyFault,
  { repair, signal }: VerifyOptions,
  pace: Pace,
): Promise<DamagedCopy | undefined> {
  const { blobId, key, id } = placement
  const now = await context.catalog.copiesOf(blobId)
  if (now?.placements.some((copy) => copy.id === id) !== true) return undefined
  const others = now.placements.filter((copy) => copy.id !== id && copy.state === 'live')
  if (placement.state === 'bad' && others.some(({ volumeId }) => volumeId === volume.id)) return undefined
  // A copy on another host's disk repairs nothing here.
  const near = repair === true ? context.volumes.reachable(others) : []
  const isUnreadable = fault === 'unreadable'
  // What cannot be read now may be readable tomorrow, or by another user: only a good copy gives it up, and what the catalog
  // calls live may have rotted, or be on the same disk that fails.
  const source = isUnreadable ? await firstRight(context, now, near, pace, signal) : near[0]
  const mayRepair = source !== undefined
  if (!isUnreadable || mayRepair) await context.catalog.markBad(id)
  // Another host may give up that copy for this one in the same moment. Whoever comes last says that its own is right.
  if (isUnreadable && source?.placement.owned === true)
    await context.catalog.markVerified([source.placement.id])
  context.cache.delete(blobId)
  context.memo.forget(id)
  tellCorrupt(context, placement)
  const repaired = mayRepair && (await repairCopy(context, blobId, volume, signal))
  const digest = now.digest === undefined ? {} : { digest: now.digest }
  return { blobId, ...digest, volumeId: volume.id, key, fault, repaired }
}

/** The first of these copies that is right, read whole now; one that cannot be asked is not. */
async function firstRight(
  context: UpkeepContext,
  { digest, sizeBytes }: BlobCopies,
  copies: readonly ReachablePlacement[],
  pace: Pace,
  signal: AbortSignal | undefined,
): Promise<ReachablePlacement | undefined> {
  if (digest === undefined) return undefined
  for (const copy of copies) {
    const { placement, volume } = copy
    try {
      const fault = await faultOfCopy(volume, { placement, sizeBytes, digest }, pace, signal)
      if (fault === undefined) return copy
    } catch (error) {
      signal?.throwIfAborted()
      if (!isMediaError(error)) throw error
      tellUpkeepFailed(context, 'verify', error)
    }
  }
  return undefined
}

/** A volume that takes no copy now, such as a full one, is told and does not end the run. */
async function repairCopy(
  context: UpkeepContext,
  blobId: string,
  volume: Volume,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  try {
    const outcome = await copyBlob(context, blobId, volume, { cause: 'repair', signal })
    if (outcome === 'made') context.journal.doubt(volume.id)
    return outcome === 'made' || outcome === 'present'
  } catch (error) {
    signal?.throwIfAborted()
    if (!isMediaError(error)) throw error
    tellUpkeepFailed(context, 'repair', error)
    return false
  }
}
