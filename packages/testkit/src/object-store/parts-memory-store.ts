import {
  bytesSource,
  type DirectParts,
  digestHex,
  digestOf,
  MediaError,
  newId,
  type ObjectStore,
  type PartsUpload,
  type SignedRequest,
} from '@mediakeep/core'

/** What a backend answers to a part. */
export interface SentPart {
  readonly status: number
  readonly etag?: string
}

interface HeldUpload {
  readonly key: string
  readonly parts: Map<number, Buffer>
}

/** What the addresses of `partsMemoryStore` lead to, shared by all stores over the same bytes. */
export interface PartsBackend {
  readonly uploads: Map<string, HeldUpload>
  send(request: SignedRequest, body: Uint8Array): Promise<SentPart>
}

const MAX_PARTS = 10_000
const ORIGIN = 'https://parts.invalid'
const etagOf = (bytes: Uint8Array): string => digestHex(digestOf(bytes)).slice(0, 32)

export function createPartsBackend(): PartsBackend {
  const uploads = new Map<string, HeldUpload>()
  return {
    uploads,
    async send({ url }, body) {
      const { searchParams } = url
      const upload = uploads.get(searchParams.get('uploadId') ?? '')
      const size = searchParams.get('size')
      if (Number(searchParams.get('until')) < Date.now()) return { status: 403 }
      if (size !== null && Number(size) !== body.byteLength) return { status: 403 }
      if (upload === undefined) return { status: 404 }
      upload.parts.set(Number(searchParams.get('part')), Buffer.from(body))
      return { status: 200, etag: etagOf(body) }
    },
  }
}

/** A memory store whose bodies may be sent in parts by others, as to a bucket. */
export function partsMemoryStore(inner: ObjectStore, backend: PartsBackend): ObjectStore {
  const { uploads } = backend
  const find = ({ key, uploadId }: PartsUpload): HeldUpload | undefined => {
    const upload = uploads.get(uploadId)
    return upload?.key === key ? upload : undefined
  }
  const sign = async (query: Record<string, string>, expiresAt: Date): Promise<SignedRequest> => {
    const search = new URLSearchParams({ ...query, until: String(expiresAt.getTime()) })
    return { method: 'PUT', url: new URL(`${ORIGIN}/?${search.toString()}`), headers: {} }
  }
  const directParts: DirectParts = {
    maxParts: MAX_PARTS,
    maxPartBytes: inner.traits.maxObjectBytes,
    async begin(key, options) {
      await inner.head(key, options) // refuses a bad key, a closed store, a call that is over
      const uploadId = newId()
      uploads.set(uploadId, { key, parts: new Map() })
      return { key, uploadId }
    },
    sign: ({ uploadId }, { number, sizeBytes, expiresAt }) => {
      const size = sizeBytes === undefined ? {} : { size: String(sizeBytes) }
      return sign({ uploadId, part: String(number), ...size }, expiresAt)
    },
    async list(upload, options) {
      await inner.head(upload.key, options)
      const parts = [...(find(upload)?.parts ?? [])].sort(([a], [b]) => a - b)
      if (find(upload) === undefined) return undefined
      return parts.map(([number, bytes]) => ({ number, sizeBytes: bytes.length, etag: etagOf(bytes) }))
    },
    async complete(upload, parts, options) {
      await inner.head(upload.key, options)
      const held = find(upload)
      if (held === undefined) return undefined
      const bodies = [...parts]
        .sort((a, b) => a.number - b.number)
        .map(({ number, etag }) => {
          const bytes = held.parts.get(number)
          if (bytes !== undefined && etagOf(bytes) === etag) return bytes
          const message = `${inner.name}: part ${number} is not as it was listed`
          throw new MediaError('MEDIA_CONFLICT', message, { reason: 'part-changed' })
        })
      const head = await inner.put(upload.key, bytesSource(Buffer.concat(bodies)), options)
      uploads.delete(upload.uploadId)
      return head
    },
    async abort(key, options) {
      await inner.head(key, options)
      for (const [id, upload] of uploads) if (upload.key === key) uploads.delete(id)
    },
  }
  return { ...inner, directParts }
}
