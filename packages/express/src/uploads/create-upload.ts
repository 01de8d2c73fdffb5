import {
  type CreateUpload,
  digestFromHex,
  isMediaError,
  parseLinks,
  parseMediaKey,
  parseMetadata,
  parseTags,
  SIGNED_UPLOAD_MAX_MS,
  type Upload,
} from '@mediakeep/core'
import { z } from 'zod'
import { sendJson } from '../router/answer.ts'
import { contextOf, type Exchange, principalOf } from '../router/exchange.ts'
import { checkCoding, declaredType } from '../router/intake.ts'
import { readJson } from '../router/json-body.ts'
import { allowCreate, keyTaken, ownerOf } from '../router/write-content.ts'
import { type Begin, beginChunked, beginDirect, beginPresigned } from './modes.ts'
import { uploadAddress } from './sessions.ts'

const SAID = {
  filename: z.string().min(1).max(4096),
  contentType: z.string().min(1).max(255),
  sizeBytes: z.int().nonnegative(),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'give 64 lower-case hexadecimal digits')
    .optional(),
  key: z.string().optional(),
  visibility: z.enum(['public', 'private']).optional(),
  tags: z.array(z.string()).optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
  links: z.array(z.strictObject({ kind: z.string(), target: z.string() })).optional(),
}

const WANTED = z.discriminatedUnion('mode', [
  z.strictObject({
    ...SAID,
    mode: z.literal('presigned'),
    expiresIn: z
      .int()
      .min(1)
      .max(SIGNED_UPLOAD_MAX_MS / 1000)
      .optional(),
  }),
  z.strictObject({ ...SAID, mode: z.literal('chunked'), chunkBytes: z.int().positive().optional() }),
  z.strictObject({
    ...SAID,
    mode: z.literal('direct'),
    multipart: z.boolean().optional(),
    partBytes: z.int().positive().optional(),
  }),
])

/** POST of an upload: checks what can be checked without bytes, reserves room and quota, and tells how the bytes are to come. */
export async function createUpload(exchange: Exchange): Promise<void> {
  checkCoding(exchange.request)
  const principal = await principalOf(exchange)
  await allowCreate(exchange, principal)
  const wanted = await readJson(exchange, WANTED)
  const options = {
    ...optionsOf(wanted),
    ...ownerOf(principal),
    context: contextOf(exchange, principal),
  }
  const begin = async (door: Parameters<Begin>[0]): Promise<Upload> => {
    try {
      return await exchange.store.uploads.create({ ...options, ...door })
    } catch (error) {
      // The only condition of a creation is that its key is free.
      throw isMediaError(error, 'MEDIA_PRECONDITION') ? keyTaken(error) : error
    }
  }
  const { upload, ...how } = await (() => {
    switch (wanted.mode) {
      case 'presigned':
        return beginPresigned(exchange, begin, wanted)
      case 'chunked':
        return beginChunked(exchange, begin, wanted)
      case 'direct':
        return beginDirect(exchange, begin, wanted)
    }
  })()
  const location = ['Location', uploadAddress(exchange, upload.id)]
  sendJson(exchange, 201, { uploadId: upload.id, mediaId: upload.mediaId, key: upload.key, ...how }, location)
}

/** Member by member: whose it is and what it is to be is not the sender's to say. */
function optionsOf(wanted: z.infer<typeof WANTED>): Omit<CreateUpload, 'door'> {
  const { filename, sizeBytes, sha256, key, visibility, tags, metadata, links } = wanted
  const contentType = declaredType(wanted.contentType)
  return {
    filename,
    sizeBytes,
    ...(contentType === undefined ? {} : { contentType }),
    ...(sha256 === undefined ? {} : { digest: digestFromHex(sha256) }),
    // As POST of the collection: whoever holds the key keeps it.
    ...(key === undefined ? {} : { at: { key: parseMediaKey(key) }, when: { type: 'absent' } }),
    ...(visibility === undefined ? {} : { visibility }),
    ...(tags === undefined ? {} : { tags: parseTags(tags) }),
    ...(metadata === undefined ? {} : { metadata: parseMetadata(metadata) }),
    ...(links === undefined ? {} : { links: parseLinks(links) }),
  }
}
