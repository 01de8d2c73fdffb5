import { digestOf } from '../bytes/digest.ts'
import { newPlacementId, physicalKey } from '../cas/physical-key.ts'
import { placementSource } from '../cas/placement-source.ts'
import type { Digest } from '../contracts/bytes.ts'
import type { CallCause } from '../contracts/call.ts'
import type { ObjectHead, StagedBody, StagingWriter } from '../contracts/object-store.ts'
import { MediaError } from '../errors/media-error.ts'
import type { Volume } from '../tiering/volume.ts'

/** A body that is on its volume already, under a key nobody knows and not yet visible there: it cannot be read again. */
export interface DirectBody extends StagedBody {
  readonly direct: {
    readonly volume: Volume
    readonly placementId: string
    readonly key: string
    /** Makes it visible on the volume. Once. */
    publish(): Promise<ObjectHead>
    /** It is an object already, and can be read. */
    readonly isThere?: true
  }
}

export function isDirect(source: object): source is DirectBody {
  return 'direct' in source
}

/**
 * Sends a body whose digest is not known yet straight to the volume, where neither staging nor a nearer volume has room for it. Its
 * key is private as every other, and does not tell its digest.
 */
export async function openDirect(
  volume: Volume,
  cause: CallCause,
  nowMs: number,
  signal: AbortSignal | undefined,
): Promise<StagingWriter> {
  const { store } = volume
  if (store.createWriter === undefined)
    throw new MediaError(
      'MEDIA_NO_SPACE',
      `${store.name} has no staging, and nobody else has room for the body`,
      {
        reason: 'no-staging',
      },
    )
  const placementId = newPlacementId(nowMs)
  const key = physicalKey(digestOf(Buffer.from(placementId)), placementId)
  const call = { context: { cause }, ...(signal === undefined ? {} : { signal }) }
  const writer = await store.createWriter(key, call)
  let sizeBytes = 0
  return {
    async write(chunk) {
      await writer.write(chunk)
      sizeBytes += chunk.byteLength
    },
    async finish(digest): Promise<DirectBody> {
      return {
        sizeBytes,
        digest,
        open() {
          throw bodyGone()
        },
        discard: () => writer.abort(),
        direct: { volume, placementId, key, publish: () => writer.commit(call) },
      }
    },
    abort: () => writer.abort(),
  }
}

/** A body that is an object already. What becomes of the object when it is not kept is decided by whoever put it there. */
export function placedBody(direct: DirectBody['direct'], sizeBytes: number, digest: Digest): DirectBody {
  const { volume, key } = direct
  const source = placementSource(volume.store, { key, sizeBytes, digest, cause: 'write' })
  return { ...source, digest, discard: async () => {}, direct: { ...direct, isThere: true } }
}

export function isPlaced(source: object): boolean {
  return isDirect(source) && source.direct.isThere === true
}

function bodyGone(): MediaError {
  return new MediaError('MEDIA_UNSUPPORTED', 'the body went straight to its volume', { reason: 'body-gone' })
}
