import { createHash } from 'node:crypto'
import {
  added,
  bytesSource,
  decorateStore,
  forwarded,
  isMediaError,
  MediaError,
  newId,
  type ObjectStore,
  type VolumeIdentity,
  withPrefix,
} from '@mediakeep/core'
import { z } from 'zod'

const MARKER = 'mediakeep-volume.json'
const OBJECTS = 'objects/'
const LAYOUT = 1
const MAX_MARKER_BYTES = 4096

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
  const reader = await bucket.get(MARKER, { context: { cause: 'probe' } })
  if (reader === undefined) return undefined
  const chunks: Uint8Array[] = []
  try {
    if (reader.head.sizeBytes > MAX_MARKER_BYTES) throw offline(bucket, 'its marker is not ours')
    for await (const chunk of reader.stream() as AsyncIterable<Uint8Array>) chunks.push(chunk)
  } finally {
    await reader[Symbol.asyncDispose]()
  }
  return parseMarker(bucket, Buffer.concat(chunks).toString())
}

const markerSchema = z.object({ id: z.string().min(1), layout: z.number().int() })

function parseMarker(bucket: ObjectStore, text: string): VolumeIdentity {
  const { id, layout } = readJson(bucket, text)
  if (layout > LAYOUT)
    throw new MediaError(
      'MEDIA_UNSUPPORTED',
      `${bucket.name}: the bucket has layout ${layout}, this version knows ${LAYOUT}; use a newer version`,
      { reason: 'layout-newer' },
    )
  return { id, layout }
}

function readJson(bucket: ObjectStore, text: string): VolumeIdentity {
  try {
    return markerSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw offline(bucket, 'its marker is damaged or not ours', cause)
  }
}

async function createMarker(bucket: ObjectStore): Promise<void> {
  const body = Buffer.from(`${JSON.stringify({ id: newId(Date.now()), layout: LAYOUT })}\n`)
  try {
    await bucket.put(MARKER, bytesSource(body), { when: { type: 'absent' }, contentType: 'application/json' })
  } catch (error) {
    // Another process was first: its marker counts.
    if (!isMediaError(error, 'MEDIA_PRECONDITION')) throw error
  }
}

function offline({ name }: ObjectStore, what: string, cause?: unknown): MediaError {
  return new MediaError('MEDIA_UNAVAILABLE', `${name}: ${what}`, { reason: 'volume-offline', cause })
}
