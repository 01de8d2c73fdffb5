import type { DirectParts, ObjectStore, PartsUpload, StoredPart } from '../contracts/object-store.ts'
import type { CompleteOptions, SignedPart } from '../contracts/uploads.ts'
import { DIRECT_PARTS_AHEAD, MAX_SIGNED_PARTS, SIGNED_UPLOAD_MAX_MS } from '../defaults.ts'
import { entityTooLarge } from '../errors/entity-too-large.ts'
import { MediaError } from '../errors/media-error.ts'
import { admit } from '../ingest/admit.ts'
import { quotaReservation } from '../ingest/session.ts'
import type { Volume } from '../tiering/volume.ts'
import type { OpenUpload, UploadContext } from './context.ts'
import { requestOf } from './create.ts'
import { checkGoesOn, conflict, volumeOf } from './direct.ts'
import type { Hold } from './hold.ts'
import type { DirectPartsData } from './upload-data.ts'

/**
 * Bodies that their senders put to a bucket in parts.
 *
 * The row stands before the bucket is asked to begin, and has the bucket's id of it before anybody gets an address: whatever breaks in
 * between, the key in the row is enough to end what was begun. What is there is only ever asked of the bucket. The store completes it;
 * from then on no address can write to the object, which is read, looked at and taken as it lies. When the answer to that request is
 * lost the bucket knows no such upload any more, and the object is there: that is how the next try finds it.
 */

/** The upload at the bucket, begun now where it is not yet. */
export async function beginParts(context: UploadContext, upload: OpenUpload): Promise<PartsUpload> {
  const { parts, key } = directOf(upload)
  if (parts.uploadId !== undefined) return { key, uploadId: parts.uploadId }
  const hold = await context.holds.take(upload.record.id, { signal: new AbortController().signal })
  try {
    return await beginHeld(context, hold)
  } finally {
    await hold.letGo()
    hold.release()
  }
}

async function beginHeld(context: UploadContext, hold: Hold): Promise<PartsUpload> {
  const { parts, key } = directOf(hold)
  if (parts.uploadId !== undefined) return { key, uploadId: parts.uploadId }
  const { directParts } = await partsStoreOf(context, hold)
  const { contentType } = hold.data.options
  const begun = await directParts.begin(key, {
    signal: hold.signal,
    context: { cause: 'write' },
    ...(contentType === undefined ? {} : { contentType }),
  })
  await hold.save({ data: { direct: { key, parts: { ...parts, uploadId: begun.uploadId } } } })
  return begun
}

/** Addresses of parts. */
export async function signParts(
  context: UploadContext,
  upload: OpenUpload,
  numbers: readonly number[],
  signal: AbortSignal,
): Promise<readonly SignedPart[]> {
  checkGoesOn(context, upload.record)
  const { parts } = directOf(upload)
  const { directParts } = await partsStoreOf(context, upload)
  checkNumbers(numbers, lastNumberOf(upload, directParts))
  const begun = await beginParts(context, upload)
  const highest = Math.max(...numbers)
  const nowMs = context.clock.now()
  const isTired = upload.record.expiresAt.getTime() - nowMs < upload.data.ttlMs / 2
  const isAhead = parts.partBytes === undefined && highest > (parts.allowed ?? DIRECT_PARTS_AHEAD)
  if (isTired || isAhead) await lookAt(context, upload, highest, signal)
  const expiresAt = new Date(Math.min(upload.record.expiresAt.getTime(), nowMs + SIGNED_UPLOAD_MAX_MS))
  return Promise.all(
    numbers.map(async (number) => {
      const sizeBytes = sizeOfPart(upload, number)
      const part = { number, expiresAt, ...(sizeBytes === undefined ? {} : { sizeBytes }) }
      return { number, ...(await directParts.sign(begun, part)) }
    }),
  )
}

/** What came since keeps the upload alive, and counts for the quota where nobody told the length. */
async function lookAt(
  context: UploadContext,
  upload: OpenUpload,
  highest: number,
  signal: AbortSignal,
): Promise<void> {
  const hold = await context.holds.take(upload.record.id, { signal })
  try {
    const listed = (await storedParts(context, hold, signal)) ?? []
    const offsetBytes = totalOf(listed)
    const { key, parts } = directOf(hold)
    const allowed = listed.length + DIRECT_PARTS_AHEAD
    if (parts.partBytes === undefined && highest > allowed)
      throw bad('bad-part', `parts come in order: ${listed.length} are there, ${allowed} may be sent now`)
    const { owner, namespace } = hold.record
    if (hold.data.sizeBytes === undefined && offsetBytes > 0)
      await admit(context, { ...requestOf(hold), declaredBytes: offsetBytes })
    await hold.save({
      offsetBytes,
      state: 'receiving',
      data: { direct: { key, parts: { ...parts, allowed } } },
      ...(offsetBytes > hold.record.offsetBytes ? { ttlMs: hold.data.ttlMs } : {}),
      ...(hold.data.sizeBytes === undefined
        ? { reservations: quotaReservation(owner, offsetBytes, context.quotaOf(namespace, owner)) }
        : {}),
    })
  } finally {
    await hold.letGo()
    hold.release()
  }
}

/** The parts that the bucket has. */
export async function listParts(
  context: UploadContext,
  upload: OpenUpload,
  signal: AbortSignal,
): Promise<readonly StoredPart[]> {
  checkGoesOn(context, upload.record)
  return (await storedParts(context, upload, signal)) ?? []
}

async function storedParts(
  context: UploadContext,
  upload: OpenUpload,
  signal: AbortSignal,
): Promise<readonly StoredPart[] | undefined> {
  const { key, parts } = directOf(upload)
  const { directParts } = await partsStoreOf(context, upload)
  if (parts.uploadId === undefined) return []
  return directParts.list({ key, uploadId: parts.uploadId }, { signal, context: { cause: 'write' } })
}

/**
 * Makes the object of the parts, where an earlier try has not.
 * @throws MediaError MEDIA_CONFLICT `upload-incomplete`, `part-changed`, `upload-lost`; MEDIA_BAD_INPUT `part-too-small`; as `admit`
 */
export async function completeParts(
  context: UploadContext,
  hold: Hold,
  told: CompleteOptions['parts'],
  signal: AbortSignal,
): Promise<void> {
  const { volume, store, directParts } = await partsStoreOf(context, hold)
  const { key, parts } = directOf(hold)
  const { uploadId } = parts
  if (uploadId === undefined) throw conflict('upload-incomplete', 'no part has come yet')
  const call = { signal, context: { cause: 'write' as const } }
  const listed = await directParts.list({ key, uploadId }, call)
  if (listed !== undefined) {
    const chosen = chooseParts(hold, listed, told, store.traits.minPartBytes)
    await admit(context, { ...requestOf(hold), declaredBytes: totalOf(chosen) })
    if ((await directParts.complete({ key, uploadId }, chosen, call)) !== undefined) {
      context.wroteElsewhere(volume, 'part', chosen.length, totalOf(chosen))
      return
    }
  }
  if ((await store.head(key, call)) === undefined)
    throw conflict('upload-lost', 'the bucket has dropped this upload; begin another')
}

/** The parts of the whole, in order, each as the bucket told it. */
function chooseParts(
  upload: OpenUpload,
  listed: readonly StoredPart[],
  told: CompleteOptions['parts'],
  minPartBytes: number,
): readonly StoredPart[] {
  const there = new Map(listed.map((part) => [part.number, part]))
  const { sizeBytes } = upload.data
  const { partBytes } = directOf(upload).parts
  const count = told?.length ?? (partBytes === undefined ? listed.length : partCount(sizeBytes, partBytes))
  const etags = new Map(told?.map(({ number, etag }) => [number, etag.replace(/^"|"$/g, '')]))
  const chosen: StoredPart[] = []
  for (let number = 1; number <= count; number++) {
    const part = there.get(number)
    if (part === undefined || (told !== undefined && !etags.has(number)))
      throw conflict('upload-incomplete', `part ${number} of ${count} is not there`)
    if (told !== undefined && etags.get(number) !== part.etag)
      throw conflict('part-changed', `part ${number} is not the one that was told`)
    if (number < count && part.sizeBytes < minPartBytes)
      throw bad('part-too-small', `a part but the last has ${minPartBytes} bytes at least`)
    chosen.push(part)
  }
  const totalBytes = totalOf(chosen)
  if (totalBytes === 0 || (sizeBytes !== undefined && totalBytes < sizeBytes))
    throw conflict('upload-incomplete', `${totalBytes} bytes are there, ${sizeBytes ?? 'some'} were told`)
  if (sizeBytes !== undefined && totalBytes > sizeBytes)
    throw entityTooLarge(`the parts have ${totalBytes} bytes, ${sizeBytes} were told`)
  return chosen
}

function checkNumbers(numbers: readonly number[], last: number): void {
  if (numbers.length === 0 || numbers.length > MAX_SIGNED_PARTS)
    throw bad('bad-part', `1 to ${MAX_SIGNED_PARTS} parts are signed at once`)
  if (!numbers.every((number) => Number.isSafeInteger(number) && number >= 1 && number <= last))
    throw bad('bad-part', `the number of a part is 1 to ${last}`)
}

function lastNumberOf(upload: OpenUpload, { maxParts }: DirectParts): number {
  const { partBytes } = directOf(upload).parts
  return partBytes === undefined ? maxParts : partCount(upload.data.sizeBytes, partBytes)
}

/** An empty whole has one part. */
function partCount(sizeBytes: number | undefined, partBytes: number): number {
  return Math.max(1, Math.ceil((sizeBytes ?? 0) / partBytes))
}

function sizeOfPart(upload: OpenUpload, number: number): number | undefined {
  const { sizeBytes } = upload.data
  const { partBytes } = directOf(upload).parts
  if (partBytes === undefined || sizeBytes === undefined) return undefined
  return Math.min(partBytes, sizeBytes - (number - 1) * partBytes)
}

function totalOf(parts: readonly StoredPart[]): number {
  return parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
}

/** @throws MediaError MEDIA_CONFLICT `other-door` */
function directOf({ data }: OpenUpload): { readonly key: string; readonly parts: DirectPartsData } {
  const { direct } = data
  if (direct?.parts === undefined) throw otherDoor()
  return { key: direct.key, parts: direct.parts }
}

async function partsStoreOf(
  context: UploadContext,
  { data }: OpenUpload,
): Promise<{ readonly volume: Volume; readonly store: ObjectStore; readonly directParts: DirectParts }> {
  const volume = await volumeOf(context, data.volumeId)
  const { store } = volume
  if (store.directParts === undefined) throw otherDoor()
  return { volume, store, directParts: store.directParts }
}

function otherDoor(): MediaError {
  return conflict('other-door', 'this upload does not go to a bucket in parts')
}

function bad(reason: string, message: string): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', message, { reason })
}
