import { newId } from '../bytes/id.ts'
import type { JsonObject } from '../contracts/bytes.ts'
import type { CreateUpload } from '../contracts/uploads.ts'
import {
  MAX_METADATA_BYTES,
  MAX_UPLOAD_CHUNK_BYTES,
  MAX_UPLOAD_CHUNKS,
  MIN_UPLOAD_CHUNK_BYTES,
  SIGNED_UPLOAD_MAX_MS,
  SIGNED_UPLOAD_TTL_MS,
  UPLOAD_CHUNK_BYTES,
  UPLOAD_MAX_TTL_MS,
  UPLOAD_TTL_MS,
} from '../defaults.ts'
import { MediaError } from '../errors/media-error.ts'
import { admit } from '../ingest/admit.ts'
import { LATE_OPTIONS, type PutRequest, parsePutOptions } from '../ingest/put-options.ts'
import { quotaReservation, roomReservation } from '../ingest/session.ts'
import { CALL_OPTIONS, type OptionNames, refuseUnknown } from '../options/unknown-option.ts'
import { choosePlaces } from '../tiering/places.ts'
import type { OpenUpload, UploadContext } from './context.ts'
import { type DirectPlan, directKey, planDirect } from './direct.ts'
import { type DirectPartsData, encodeData, type UploadData } from './upload-data.ts'
import { newSecret } from './upload-id.ts'

const OPTIONS: OptionNames<CreateUpload> = {
  door: true,
  sizeBytes: true,
  chunkBytes: true,
  parts: true,
  partBytes: true,
  ttlMs: true,
  partial: true,
  extra: true,
  ...LATE_OPTIONS,
  contentType: true,
  digest: true,
  owner: true,
  ...CALL_OPTIONS,
}

/** Checks what can be checked without bytes, reserves, and begins. */
export async function createUpload(
  context: UploadContext,
  namespace: string,
  options: CreateUpload,
): Promise<OpenUpload> {
  refuseUnknown('uploads.create', options, OPTIONS)
  const request = parsePutOptions(namespace, putOptionsOf(options))
  const { sizeBytes, door, partial = false } = options
  if (sizeBytes === undefined && door !== 'tus' && door !== 'direct')
    throw bad('bad-size', 'the size of the body must be told when the upload is created')
  const chunkBytes = door === 'chunked' ? chunkBytesOf(options) : undefined
  const extra = extraOf(options.extra)
  // A part may be empty: the whole may not.
  if (!(partial && sizeBytes === 0)) await admit(context, request)
  const existing =
    request.media.at === undefined ? undefined : await context.catalog.get(namespace, request.media.at)
  const { owner } = request
  const facts = { namespace, owner, sizeBytes, contentType: request.declaredType, ageMs: 0 }
  const { places } = await choosePlaces(context, facts)
  const isDirect = door === 'direct'
  const plan = isDirect ? planDirect(places, options) : undefined
  const { volume } = plan ?? context.spools.choose(places)
  const ttlMs = ttlOf(options, plan?.parts !== undefined)
  const nowMs = context.clock.now()
  const id = newId(nowMs)
  const data: UploadData = {
    secret: newSecret(),
    door,
    mediaId: existing?.id ?? id,
    createdAtMs: nowMs,
    ttlMs,
    options: keptOptions(options),
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
    ...(chunkBytes === undefined ? {} : { chunkBytes, chunks: noChunks(sizeBytes ?? 0, chunkBytes) }),
    partial,
    extra,
    volumeId: volume.id,
    ...(plan === undefined ? {} : { direct: { key: directKey(id), ...partsOf(plan) } }),
    parts: isDirect ? [] : [{ part: 0, startBytes: 0 }],
    nextPart: 1,
    isWriting: false,
  }
  const begun = await context.catalog.beginSession({
    id,
    namespace,
    owner,
    ttlMs,
    declared: encodeData(data),
    reservations: [
      ...roomReservation(volume, sizeBytes ?? 0),
      ...quotaReservation(owner, sizeBytes ?? 0, context.quotaOf(namespace, owner)),
    ],
    upload: { state: 'created', maxOpen: context.limits.maxOpen },
  })
  if (begun.type === 'repeated')
    throw new MediaError('MEDIA_CONFLICT', 'the session of an upload has no idempotency key', {
      reason: 'session-taken',
    })
  return { record: { ...begun.session, state: 'created' }, data }
}

/** The put that an upload is, as it was agreed when it was created. */
export function requestOf({ record, data }: OpenUpload): PutRequest {
  const { sizeBytes } = data
  return parsePutOptions(record.namespace, {
    ...data.options,
    owner: record.owner,
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
  })
}

function putOptionsOf(options: CreateUpload): Parameters<typeof parsePutOptions>[1] {
  const { owner, sizeBytes } = options
  return {
    ...keptOptions(options),
    ...(owner === undefined ? {} : { owner }),
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
  }
}

/** Member by member: what is only for the call does not get into the row. */
function keptOptions(options: CreateUpload): UploadData['options'] {
  const { filename, contentType, visibility, tags, metadata, links, digest, at, when } = options
  return {
    ...(filename === undefined ? {} : { filename }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(visibility === undefined ? {} : { visibility }),
    ...(tags === undefined ? {} : { tags }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(links === undefined ? {} : { links }),
    ...(digest === undefined ? {} : { digest }),
    ...(at === undefined ? {} : { at }),
    ...(when === undefined ? {} : { when }),
  }
}

function partsOf({ parts }: Pick<DirectPlan, 'parts'>): { readonly parts?: DirectPartsData } {
  return parts === undefined ? {} : { parts }
}

function ttlOf({ door, ttlMs }: CreateUpload, isInParts: boolean): number {
  // Whoever holds such an address needs nothing else.
  const isPresigned = door === 'presigned' || (door === 'direct' && !isInParts)
  const mostMs = isPresigned ? SIGNED_UPLOAD_MAX_MS : UPLOAD_MAX_TTL_MS
  if (ttlMs === undefined) return isPresigned ? SIGNED_UPLOAD_TTL_MS : UPLOAD_TTL_MS
  if (Number.isSafeInteger(ttlMs) && ttlMs > 0 && ttlMs <= mostMs) return ttlMs
  throw bad('bad-expiry', `the life of such an upload is 1 to ${mostMs} milliseconds`)
}

function chunkBytesOf({ chunkBytes = UPLOAD_CHUNK_BYTES, sizeBytes = 0 }: CreateUpload): number {
  const isWhole = Number.isSafeInteger(chunkBytes)
  if (!isWhole || chunkBytes < MIN_UPLOAD_CHUNK_BYTES || chunkBytes > MAX_UPLOAD_CHUNK_BYTES)
    throw bad('bad-chunk-size', `a chunk has ${MIN_UPLOAD_CHUNK_BYTES} to ${MAX_UPLOAD_CHUNK_BYTES} bytes`)
  // Larger chunks rather than a refusal: whoever sends a film should not have to count.
  let bytes = chunkBytes
  while (Math.ceil(sizeBytes / bytes) > MAX_UPLOAD_CHUNKS) bytes *= 2
  if (bytes > MAX_UPLOAD_CHUNK_BYTES)
    throw new MediaError('MEDIA_TOO_LARGE', 'the body has more chunks than an upload may have', {
      reason: 'too-many-chunks',
    })
  return bytes
}

function noChunks(sizeBytes: number, chunkBytes: number): readonly number[] {
  return Array.from({ length: Math.ceil(sizeBytes / chunkBytes) }, () => -1)
}

function extraOf(extra: JsonObject | undefined): JsonObject {
  if (extra === undefined) return {}
  if (Buffer.byteLength(JSON.stringify(extra)) > MAX_METADATA_BYTES)
    throw bad('bad-metadata', `extra is over ${MAX_METADATA_BYTES} bytes as JSON`)
  return extra
}

function bad(reason: string, message: string): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', message, { reason })
}
