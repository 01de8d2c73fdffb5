import { type CreateUpload, digestFromHex, isMediaError, MediaError, type Upload } from '@mediakeep/core'
import { z } from 'zod'
import { absent } from '../router/access.ts'
import { refuseMethod, sendJson } from '../router/answer.ts'
import { contextOf, type Exchange, mountOf, principalOf } from '../router/exchange.ts'
import { declaredType } from '../router/intake.ts'
import { parseWith, readJson } from '../router/json-body.ts'
import { optionsOfFields } from '../router/put-fields.ts'
import { allowCreate, keyTaken, ownerOf } from '../router/write-content.ts'
import { completeUpload } from './complete-upload.ts'
import { findUpload } from './sessions.ts'

/**
 * Uploads straight to a bucket as Uppy's plugin for S3 asks for them of a Companion: `use(AwsS3, { companionEndpoint: '/media/uploads' })`.
 * The `key` that it sends along says nothing here: whose upload it is, and where it goes, stands in its row.
 * @see https://uppy.io/docs/aws-s3/
 */
export async function answerS3(exchange: Exchange, rest: string): Promise<void> {
  const { method } = exchange
  const [, first, id, last] = PATH.exec(rest) ?? []
  if (first === undefined) throw absent()
  const methods = methodsOf(first, id, last)
  if (!methods.includes(method)) {
    refuseMethod(exchange, methods)
    return
  }
  try {
    if (first === 'params') return await beginWhole(exchange)
    if (id === undefined) return await beginParts(exchange)
    if (last === 'complete') return await complete(exchange, id)
    if (last !== undefined) return await signParts(exchange, id, last)
    return method === 'DELETE' ? await abort(exchange, id) : await listParts(exchange, id)
  } catch (error) {
    // The only condition of an upload is that its key is free.
    throw isMediaError(error, 'MEDIA_PRECONDITION') ? keyTaken(error) : error
  }
}

const PATH = /^(params|multipart)(?:\/([^/]+)(?:\/(batch|complete|[1-9][0-9]{0,4}))?)?$/

function methodsOf(first: string, id: string | undefined, last: string | undefined): readonly string[] {
  if (first === 'params') return id === undefined ? ['GET'] : []
  if (id === undefined) return ['POST']
  if (last === undefined) return ['GET', 'DELETE']
  return last === 'complete' ? ['POST'] : ['GET']
}

const WANTED = z.object({
  filename: z.string().min(1).max(4096).optional(),
  type: z.string().max(255).nullish(),
  metadata: z.record(z.string(), z.unknown()).optional(),
})

/** POST of an upload in parts. */
async function beginParts(exchange: Exchange): Promise<void> {
  const upload = await begin(exchange, 'any', async () => readJson(exchange, WANTED))
  sendJson(exchange, 200, { uploadId: upload.id, key: upload.mediaId })
}

/** GET of an address for the whole body; the bucket's notification completes it, or a POST to `complete` of the upload. */
async function beginWhole(exchange: Exchange): Promise<void> {
  const query = new URLSearchParams(exchange.query)
  const metadata: Record<string, string> = {}
  for (const [name, value] of query) {
    const field = /^metadata\[(.{1,100})\]$/.exec(name)?.[1]
    if (field !== undefined) metadata[field] = value
  }
  const said = { filename: query.get('filename') ?? undefined, type: query.get('type'), metadata }
  const upload = await begin(exchange, 'none', async () => parseWith(WANTED, said))
  const { method, url, headers } = await exchange.store.uploads.address(upload.id)
  // A page may not say the length of a body: its browser does.
  const { 'content-length': _, ...sent } = headers
  sendJson(exchange, 200, {
    ...{ method, url: url.href, fields: {}, headers: sent },
    ...{ expires: secondsTo(upload.expiresAt), uploadId: upload.id, mediaId: upload.mediaId },
  })
}

async function begin(
  exchange: Exchange,
  parts: 'any' | 'none',
  read: () => Promise<z.infer<typeof WANTED>>,
): Promise<Upload> {
  const principal = await principalOf(exchange)
  await allowCreate(exchange, principal)
  const { filename, type, metadata = {} } = await read()
  return exchange.store.uploads.create({
    door: 'direct',
    parts,
    ...optionsOf(metadata),
    ...(filename === undefined ? {} : { filename }),
    ...typeOf(type),
    ...ownerOf(principal),
    context: contextOf(exchange, principal),
  })
}

/** Fields that forms have too; others of a page are its own. */
const FIELDS = ['key', 'tags', 'visibility', 'metadata', 'links']

function optionsOf(metadata: Readonly<Record<string, unknown>>): Partial<CreateUpload> {
  const text = (name: string): string | undefined => {
    const value = metadata[name]
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  const fields = FIELDS.flatMap((name) => {
    const value = text(name)
    return value === undefined ? [] : [{ name, value }]
  })
  const sizeBytes = text('sizeBytes')
  const sha256 = text('sha256')
  // Passed over they would be checks that nobody makes.
  if (sizeBytes !== undefined && !/^(?:0|[1-9][0-9]{0,14})$/.test(sizeBytes))
    throw badField('sizeBytes is a whole number of bytes')
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/.test(sha256))
    throw badField('sha256 is 64 lower-case hexadecimal digits')
  return {
    ...optionsOfFields(fields),
    ...(sizeBytes === undefined ? {} : { sizeBytes: Number(sizeBytes) }),
    ...(sha256 === undefined ? {} : { digest: digestFromHex(sha256) }),
  }
}

function badField(message: string): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', message, { reason: 'invalid-field' })
}

function typeOf(type: string | null | undefined): { readonly contentType?: string } {
  const contentType = declaredType(type ?? undefined)
  return contentType === undefined ? {} : { contentType }
}

/** GET of what the bucket has. */
async function listParts(exchange: Exchange, id: string): Promise<void> {
  const { upload } = await findUpload(exchange, id)
  const parts = await exchange.store.uploads.listParts(upload.id)
  sendJson(
    exchange,
    200,
    parts.map(({ number, sizeBytes, etag }) => ({ PartNumber: number, Size: sizeBytes, ETag: `"${etag}"` })),
  )
}

/** GET of the address of one part, or of several. */
async function signParts(exchange: Exchange, id: string, last: string): Promise<void> {
  const { upload, principal } = await findUpload(exchange, id)
  const wanted = last === 'batch' ? (new URLSearchParams(exchange.query).get('partNumbers') ?? '') : last
  if (!/^[1-9][0-9]{0,4}(?:,[1-9][0-9]{0,4})*$/.test(wanted))
    throw new MediaError('MEDIA_BAD_INPUT', 'the number of a part is 1 to 10000', { reason: 'bad-part' })
  const numbers = wanted.split(',').map(Number)
  const signed = await exchange.store.uploads.signParts(upload.id, numbers, {
    context: contextOf(exchange, principal),
  })
  const urls = signed.map(({ number, url }) => [number, url.href] as const)
  if (last === 'batch') sendJson(exchange, 200, { presignedUrls: Object.fromEntries(urls) })
  else sendJson(exchange, 200, { url: urls[0]?.[1], expires: PART_EXPIRES_SECONDS })
}

/** How long a page waits for one part: its address lives as long. */
const PART_EXPIRES_SECONDS = 3600

const TOLD = z.object({
  parts: z.array(z.object({ PartNumber: z.int().positive(), ETag: z.string().min(1).max(200) })).max(10_000),
})

/** POST that all parts are there. */
async function complete(exchange: Exchange, id: string): Promise<void> {
  const media = await completeUpload(exchange, id, async () => {
    const { parts } = await readJson(exchange, TOLD)
    return parts.map(({ PartNumber, ETag }) => ({ number: PartNumber, etag: ETag }))
  })
  const { publicBaseUrl } = exchange.store
  const location =
    publicBaseUrl === undefined
      ? `${mountOf(exchange)}/${media.id}/content`
      : new URL(`${media.id}/content`, publicBaseUrl).href
  sendJson(exchange, 200, { location, key: media.id, mediaId: media.id })
}

async function abort(exchange: Exchange, id: string): Promise<void> {
  const { upload, principal } = await findUpload(exchange, id)
  await exchange.store.uploads.abort(upload.id, { context: contextOf(exchange, principal) })
  sendJson(exchange, 200, {})
}

function secondsTo(at: Date): number {
  return Math.max(0, Math.floor((at.getTime() - Date.now()) / 1000))
}
