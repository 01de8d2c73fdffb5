import { createHash } from 'node:crypto'
import {
  added,
  bytesSource,
  checkVolumeLayout,
  decorateStore,
  formatVolumeMarker,
  forwarded,
  isMediaError,
  MediaError,
  newId,
  type ObjectStore,
  parseVolumeMarker,
  VOLUME_MARKER,
  VOLUME_MARKER_MAX_BYTES,
  type VolumeIdentity,
  withPrefix,
} from '@mediakeep/core'

const OBJECTS = 'objects/'
const LAYOUT = 1

/**
 * A volume in a bucket of another instance, which knows nothing of volumes: its marker is `mediakeep-volume.json`, its objects are below
 * `objects/`, as in a bucket of S3.
 * @param options.create makes a volume where the bucket is empty
 */
export function httpVolume(bucket: ObjectStore, options: { readonly create: boolean }): ObjectStore {
  const identity = async (): Promise<VolumeIdentity> => {
    const found = await readMarker(bucket)
    if (found === undefined) throw offline(bucket, 'its marker is missing: another bucket, or an emptied one')
    return found
  }
  return decorated(withPrefix(bucket, OBJECTS), identity, async () => {
    await bucket.open?.()
    if ((await readMarker(bucket)) !== undefined) return
    if (!options.create) throw offline(bucket, 'there is no marker of a volume, and none may be made')
    const { objects } = await bucket.list({ prefix: OBJECTS, limit: 1 })
    if (objects.length > 0) throw offline(bucket, 'there are objects and no marker of a volume')
    await createMarker(bucket)
  })
}

/** A bucket of another instance that is not ours: its address is its identity, and nothing is ever written to it. */
export function foreignHttpBucket(bucket: ObjectStore, url: string): ObjectStore {
  const hex = createHash('sha256').update(url).digest('hex')
  const id = `bucket-${hex.slice(0, 32)}`
  return decorated(
    bucket,
    async () => {
      await bucket.open?.()
      return { id, layout: LAYOUT }
    },
    async () => {
      await bucket.open?.()
    },
  )
}

function decorated(
  store: ObjectStore,
  identity: () => Promise<VolumeIdentity>,
  open: () => Promise<void>,
): ObjectStore {
  return decorateStore(store, {
    name: forwarded,
    traits: forwarded,
    put: forwarded,
    get: forwarded,
    head: forwarded,
    delete: forwarded,
    deleteMany: forwarded,
    list: forwarded,
    close: forwarded,
    open: added(open),
    identity: added(identity),
    presign: forwarded,
    directParts: forwarded,
    createWriter: forwarded,
    sweepUploads: forwarded,
    adopt: forwarded,
    localPath: forwarded,
    openFile: forwarded,
    readNow: forwarded,
    observe: forwarded,
    staging: forwarded,
    journal: forwarded,
    [Symbol.asyncDispose]: forwarded,
  })
}

async function readMarker(bucket: ObjectStore): Promise<VolumeIdentity | undefined> {
  const reader = await bucket.get(VOLUME_MARKER, { context: { cause: 'probe' } })
  if (reader === undefined) return undefined
  const chunks: Uint8Array[] = []
  try {
    if (reader.head.sizeBytes > VOLUME_MARKER_MAX_BYTES) throw offline(bucket, 'its marker is not ours')
    for await (const chunk of reader.stream() as AsyncIterable<Uint8Array>) chunks.push(chunk)
  } finally {
    await reader[Symbol.asyncDispose]()
  }
  return parseMarker(bucket, Buffer.concat(chunks).toString())
}

function parseMarker(bucket: ObjectStore, text: string): VolumeIdentity {
  const marker = parseVolumeMarker(text)
  if (marker === undefined) throw offline(bucket, 'its marker is damaged or not ours')
  checkVolumeLayout(`${bucket.name}: the bucket`, marker.layout, LAYOUT)
  return marker
}

async function createMarker(bucket: ObjectStore): Promise<void> {
  const body = Buffer.from(formatVolumeMarker({ id: newId(Date.now()), layout: LAYOUT }))
  try {
    await bucket.put(VOLUME_MARKER, bytesSource(body), {
      when: { type: 'absent' },
      contentType: 'application/json',
    })
  } catch (error) {
    // Another process was first: its marker counts.
    if (!isMediaError(error, 'MEDIA_PRECONDITION')) throw error
  }
}

function offline({ name }: ObjectStore, what: string): MediaError {
  return new MediaError('MEDIA_UNAVAILABLE', `${name}: ${what}`, { reason: 'volume-offline' })
}
