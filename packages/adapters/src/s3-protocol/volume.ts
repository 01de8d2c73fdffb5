import { createHash } from 'node:crypto'
import {
  checkVolumeLayout,
  formatVolumeMarker,
  MediaError,
  newId,
  parseVolumeMarker,
  VOLUME_MARKER_MAX_BYTES,
  type VolumeIdentity,
} from '@mediakeep/core'
import type { Bucket } from './bucket.ts'
import type { Body, Frame, ObjectHeaders } from './bucket-client.ts'
import { offline } from './errors.ts'
import { headObject } from './get.ts'
import { LAYOUT } from './layout.ts'
import { S3Failure, saysNoSuchKey, saysRefused } from './s3-failure.ts'

const MARKER_HEADERS: ObjectHeaders = { contentType: 'application/json', metadata: {} }

/** Where a bucket is not ours, its name is its identity: the same for every process that names it alike. */
export function derivedIdentity(address: string): VolumeIdentity {
  const hex = createHash('sha256').update(address).digest('hex')
  return { id: `bucket-${hex.slice(0, 32)}`, layout: LAYOUT }
}

/**
 * Reads the marker, or creates it where `create` allows and nothing is there. Then makes sure that the endpoint honours conditions,
 * by writing the marker over itself: an endpoint that ignores them changes nothing by that.
 * @throws S3Failure; MediaError MEDIA_UNAVAILABLE `volume-offline`, MEDIA_UNSUPPORTED `layout-newer` `conditions-ignored`
 */
export async function openVolume(
  bucket: Bucket,
  marker: string,
  create: boolean,
  frame: Frame,
): Promise<void> {
  let body = await readMarker(bucket, marker, frame)
  if (body === undefined) {
    if (!create) throw offline(bucket.storeName, 'there is no marker of a volume, and none may be made')
    await checkEmpty(bucket, frame)
    await createMarker(bucket, marker, frame)
    body = await readMarker(bucket, marker, frame)
    if (body === undefined) throw offline(bucket.storeName, 'its marker is gone again')
  }
  const { layout } = parseMarker(bucket.storeName, body)
  checkVolumeLayout(`${bucket.storeName}: the bucket`, layout, LAYOUT)
  if (bucket.conditionalPut === 'enforced') await probeConditions(bucket, marker, body, frame)
}

export async function readIdentity(bucket: Bucket, marker: string, frame: Frame): Promise<VolumeIdentity> {
  const body = await readMarker(bucket, marker, frame)
  if (body === undefined)
    throw offline(bucket.storeName, 'its marker is missing: another bucket, or an emptied one')
  return parseMarker(bucket.storeName, body)
}

/** "Absent" is an answer only of a bucket that is there and ours. Resolves when it is. */
export async function checkPresent(bucket: Bucket, frame: Frame): Promise<void> {
  const { marker } = bucket.layout
  if (marker === undefined) return bucket.client.headBucket(frame)
  try {
    await headObject(bucket, marker, frame)
  } catch (error) {
    if (!(error instanceof S3Failure && saysNoSuchKey(error))) throw error
    throw offline(bucket.storeName, 'the bucket or its marker is gone')
  }
}

async function readMarker(bucket: Bucket, marker: string, frame: Frame): Promise<Buffer | undefined> {
  try {
    const answer = await bucket.client.getObject(marker, undefined, frame)
    const stream = answer.open((error) => error)
    const chunks: Uint8Array[] = []
    let sizeBytes = 0
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      sizeBytes += chunk.byteLength
      if (sizeBytes > VOLUME_MARKER_MAX_BYTES) throw offline(bucket.storeName, 'its marker is not ours')
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  } catch (error) {
    if (error instanceof S3Failure && saysNoSuchKey(error)) return undefined
    throw error
  }
}

function parseMarker(storeName: string, body: Buffer): VolumeIdentity {
  const marker = parseVolumeMarker(body.toString())
  if (marker === undefined) throw offline(storeName, 'its marker is damaged or not ours')
  return marker
}

/** Objects without a marker: a volume that lost it, or somebody else's. Neither is taken over by itself. */
async function checkEmpty(bucket: Bucket, frame: Frame): Promise<void> {
  const { objects } = await bucket.client.listObjects({ prefix: bucket.layout.objects, limit: 1 }, frame)
  if (objects.length > 0)
    throw offline(
      bucket.storeName,
      `there are objects below ${bucket.layout.objects} and no marker of a volume`,
    )
}

async function createMarker(bucket: Bucket, marker: string, frame: Frame): Promise<void> {
  const when = bucket.conditionalPut === 'enforced' ? ({ type: 'absent' } as const) : undefined
  try {
    await bucket.client.putObject(
      marker,
      bodyOf(Buffer.from(formatVolumeMarker({ id: newId(), layout: LAYOUT }))),
      MARKER_HEADERS,
      when,
      frame,
    )
  } catch (error) {
    // Another process was first, or this one was and its answer was lost: the marker that is there counts.
    if (!(error instanceof S3Failure && (saysRefused(error) || error.code === 'ConditionalRequestConflict')))
      throw error
  }
}

async function probeConditions(bucket: Bucket, marker: string, body: Buffer, frame: Frame): Promise<void> {
  const conditions = [{ type: 'absent' }, { type: 'match', etag: '0'.repeat(32) }] as const
  for (const when of conditions) {
    try {
      await bucket.client.putObject(marker, bodyOf(body), MARKER_HEADERS, when, frame)
    } catch (error) {
      if (error instanceof S3Failure && saysRefused(error)) continue
      throw error
    }
    const header = when.type === 'absent' ? 'If-None-Match' : 'If-Match'
    const message = `${bucket.storeName}: the endpoint ignores ${header}; say \`conditionalPut: 'ignored'\``
    throw new MediaError('MEDIA_UNSUPPORTED', message, { reason: 'conditions-ignored' })
  }
}

function bodyOf(bytes: Buffer): Body {
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex') }
}
