import { createHash } from 'node:crypto'
import { digestHex } from '../bytes/digest.ts'
import { createChunkSummer } from '../cas/chunk-sums.ts'
import type { Digest } from '../contracts/bytes.ts'
import type { PlacementRecord } from '../contracts/catalog.ts'
import type { CopyFault } from '../contracts/media-store.ts'
import { isMediaError } from '../errors/media-error.ts'
import type { Volume } from '../tiering/volume.ts'
import type { Pace } from '../time/pace.ts'
import { readThrough } from './read-through.ts'

export interface ExpectedCopy {
  readonly placement: PlacementRecord
  readonly sizeBytes: number
  /** `undefined`: only presence and size can be checked. */
  readonly digest: Digest | undefined
  /** Given: the stored bytes are checked by these sums in place of the digest. */
  readonly chunkSums?: Uint8Array
}

/** Failures of one object: the disk cannot read it, or this user may not. */
const UNREADABLE: ReadonlySet<string> = new Set(['io-error', 'not-writable'])

/**
 * Reads a copy to its end and says what is wrong with it; `undefined`: it is whole and right.
 * @throws what says nothing about these bytes: the volume is offline, too many files are open, the signal.
 */
export async function faultOfCopy(
  volume: Volume,
  expected: ExpectedCopy,
  pace: Pace,
  signal: AbortSignal | undefined,
): Promise<CopyFault | undefined> {
  const check = createCheck(expected)
  try {
    const sizeBytes = await readThrough(
      volume.store,
      expected.placement.key,
      async (bytes) => {
        check.update(bytes)
        await pace.spend(bytes.byteLength, signal)
      },
      { sizeBytes: expected.sizeBytes, ...(signal === undefined ? {} : { signal }) },
    )
    if (sizeBytes === undefined) return await absentOn(volume)
    if (sizeBytes !== expected.sizeBytes) return 'size'
    return check.isRight() ? undefined : 'content'
  } catch (error) {
    signal?.throwIfAborted()
    if (isMediaError(error, 'MEDIA_CORRUPT')) return 'content'
    if (isMediaError(error, 'MEDIA_UNAVAILABLE') && UNREADABLE.has(error.reason ?? '')) return 'unreadable'
    throw error
  }
}

/** Only a volume that is there, asked now, may say that something is absent. */
async function absentOn(volume: Volume): Promise<CopyFault> {
  volume.doubt()
  await volume.checkOnline()
  return 'absent'
}

interface Check {
  update(bytes: Uint8Array): void
  isRight(): boolean
}

function createCheck({ digest, chunkSums }: ExpectedCopy): Check {
  if (chunkSums !== undefined) {
    const sums = createChunkSummer()
    return {
      update: (bytes) => sums.update(bytes),
      isRight: () => Buffer.compare(sums.finish(), chunkSums) === 0,
    }
  }
  if (digest === undefined) return { update: () => {}, isRight: () => true }
  const hash = createHash('sha256')
  return {
    update: (bytes) => void hash.update(bytes),
    isRight: () => hash.digest('hex') === digestHex(digest),
  }
}
