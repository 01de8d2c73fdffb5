import { createHash, randomBytes } from 'node:crypto'
import {
  type AppendOptions,
  type CreateUpload,
  isMediaError,
  type Media,
  MediaError,
  type MediaStore,
  newId,
  type PutOptions,
  type Upload,
  type UploadSessions,
  type UploadState,
} from '@mediakeep/core'

interface Session {
  readonly upload: Upload
  readonly options: CreateUpload
  readonly bytes: Buffer
  readonly state: UploadState
  readonly media?: Media
}

/** Sessions in memory over `store.put`, until the store has them. */
export function memoryUploads(store: MediaStore): UploadSessions {
  const sessions = new Map<string, Session>()
  const held = new Set<string>()
  const change = (id: string, to: Partial<Session>): Session => {
    const session = sessions.get(id)
    if (session === undefined) throw new MediaError('MEDIA_ABSENT', 'no upload')
    const merged = { ...session, ...to }
    const upload = { ...merged.upload, state: merged.state, offsetBytes: merged.bytes.length }
    const changed = { ...merged, upload }
    sessions.set(id, changed)
    return changed
  }
  const complete = async (id: string): Promise<Media> => {
    const { options, bytes, upload, media } = change(id, {})
    if (media !== undefined) return media
    try {
      const made = await store.put(bytes, putOptions(options))
      change(id, { media: { ...made, id: upload.mediaId }, state: 'active' })
      return made
    } catch (error) {
      change(id, { state: 'rejected' })
      throw error
    }
  }
  const uploads: Partial<UploadSessions> = {
    list: async () => [],
    async create(options) {
      const { door, partial = false, extra = {}, sizeBytes } = options
      if (!partial)
        await store.admit({ ...putOptions(options), ...(sizeBytes === undefined ? {} : { sizeBytes }) })
      const id = randomBytes(16).toString('base64url')
      const upload: Upload = {
        id,
        mediaId: newId(),
        namespace: 'default',
        door,
        owner: options.owner ?? 'anonymous',
        state: 'created',
        offsetBytes: 0,
        ...(sizeBytes === undefined ? {} : { sizeBytes }),
        partial,
        filename: options.filename ?? 'file',
        createdAt: new Date(),
        expiresAt: new Date(Date.now() + 86_400_000),
        extra,
      }
      sessions.set(id, { upload, options, bytes: Buffer.alloc(0), state: 'created' })
      return upload
    },
    get: async (id) => sessions.get(id)?.upload,
    async append(id, body, options: AppendOptions) {
      const { upload, bytes } = change(id, {})
      if (held.has(id)) throw new MediaError('MEDIA_LOCKED', 'another', { reason: 'upload-locked' })
      if (options.offsetBytes !== bytes.length) {
        throw new MediaError('MEDIA_CONFLICT', 'offset', { reason: 'offset-mismatch' })
      }
      const sizeBytes = options.sizeBytes ?? upload.sizeBytes
      const room = (sizeBytes ?? Number.MAX_SAFE_INTEGER) - bytes.length
      const tooLarge = (): MediaError =>
        new MediaError('MEDIA_TOO_LARGE', 'too large', { reason: 'entity-too-large' })
      if ((options.pieceBytes ?? 0) > room) throw tooLarge()
      if (options.sizeBytes !== undefined) await store.admit({ sizeBytes: options.sizeBytes })
      held.add(id)
      const taken: Uint8Array[] = []
      const keep = (): Session => {
        const all = Buffer.concat([bytes, ...taken])
        change(id, { bytes: all, state: 'receiving' })
        const session = change(id, {})
        if (sizeBytes === undefined) return session
        return change(id, { upload: { ...session.upload, sizeBytes } })
      }
      try {
        let length = 0
        for await (const chunk of body as AsyncIterable<Uint8Array>) {
          length += chunk.length
          if (length > room) throw tooLarge()
          taken.push(chunk)
        }
        const checksum = typeof options.checksum === 'function' ? options.checksum() : options.checksum
        if (checksum !== undefined) {
          const found = createHash(checksum.algorithm).update(Buffer.concat(taken)).digest('base64')
          if (found !== checksum.base64) {
            throw new MediaError('MEDIA_DIGEST_MISMATCH', 'not it', { reason: 'checksum-mismatch' })
          }
        }
        return keep().upload
      } catch (error) {
        const isLost =
          isMediaError(error) && (error.reason === 'incomplete-body' || error.reason === 'slow-body')
        if (isLost && options.checksum === undefined) keep()
        throw error
      } finally {
        held.delete(id)
      }
    },
    complete,
    async concatenate(id, parts) {
      const bytes = Buffer.concat(parts.map((part) => change(part, {}).bytes))
      change(id, { bytes })
      await complete(id)
      return change(id, {}).upload
    },
    async abort(id) {
      return sessions.delete(id)
    },
  }
  return uploads as UploadSessions
}

function putOptions({ at, when, filename, contentType, owner, visibility, tags }: CreateUpload): PutOptions {
  return {
    ...(at === undefined ? {} : { at }),
    ...(when === undefined ? {} : { when }),
    ...(filename === undefined ? {} : { filename }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(owner === undefined ? {} : { owner }),
    ...(visibility === undefined ? {} : { visibility }),
    ...(tags === undefined ? {} : { tags }),
  }
}
