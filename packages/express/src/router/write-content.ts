import {
  declaredDigest,
  etagOfDigest,
  etagOfRevision,
  formatEtag,
  type HeaderList,
  isId,
  isMediaError,
  type Media,
  MediaError,
  type Principal,
  type PutOptions,
  parseKeyPath,
  parseUploadName,
  parseWriteCondition,
  revisionUnlessModified,
} from '@mediakeep/core'
import { absent, allowOn, denied, permits } from './access.ts'
import { sendJson } from './answer.ts'
import { declaredBytes } from './client-body.ts'
import { createFromForm } from './create-from-form.ts'
import { contextOf, type Exchange, mountOf, principalOf } from './exchange.ts'
import { checkCoding, checkWhole, isForm, openBody, rawTypeOf } from './intake.ts'
import { mediaJson } from './media-json.ts'
import { fieldsOfQuery, optionsOfFields } from './put-fields.ts'
import type { Turn } from './turns.ts'

/** POST of the collection: a form, or a raw body. */
export async function createMedia(exchange: Exchange): Promise<void> {
  const { request, store } = exchange
  checkCoding(request)
  checkWhole(request)
  const principal = await principalOf(exchange)
  await allowCreate(exchange, principal)
  const base = { ...baseOptions(exchange, principal), ...ownerOf(principal) }
  try {
    const media = isForm(request)
      ? await createFromForm(exchange, base)
      : await putRaw(exchange, { ...base, ...rawOptions(exchange) })
    const location = `${mountOf(exchange)}/${media.id}`
    const etag = formatEtag(etagOfRevision(media.revision))
    sendJson(exchange, 201, await mediaJson(store, media), [
      'Location',
      location,
      ...(etag === undefined ? [] : ['ETag', etag]),
    ])
  } catch (error) {
    // The only condition of a POST is that its key is free.
    if (!isMediaError(error, 'MEDIA_PRECONDITION')) throw error
    throw keyTaken(error)
  }
}

/** PUT by the host's key: creates or replaces. */
export async function putByKey(exchange: Exchange, rawKey: string): Promise<void> {
  const { request, store } = exchange
  checkCoding(request)
  checkWhole(request)
  const key = parseKeyPath(rawKey)
  const principal = await principalOf(exchange)
  const stated = parseWriteCondition(request.headers)
  const isBlind = stated === undefined && request.headers['if-unmodified-since'] === undefined
  // Where rights depend on whose record it is, what was allowed is bound by a condition of ours. Else the catalog decides.
  const anyRecord = isBlind && exchange.access.open === true
  // Asked before the body, and again after it: much can happen to a key while a film comes in.
  const target = async (): Promise<Pick<PutOptions, 'at' | 'when' | 'owner'>> => {
    if (stated?.type === 'absent') {
      await allowCreate(exchange, principal)
      return { at: { key }, when: stated, ...ownerOf(principal) }
    }
    const current = await store.stat({ key })
    if (current === undefined) {
      await allowCreate(exchange, principal)
      const place = anyRecord ? {} : { when: stated ?? { type: 'absent' as const } }
      return { at: { key }, ...place, ...ownerOf(principal) }
    }
    await allowReplaceOfKey(exchange, principal, current)
    const unmodified = revisionUnlessModified(request.headers, stampOf(current), Date.now())
    if (anyRecord) return { at: { key }, owner: current.owner }
    // By id: a record that comes under the key after this look is not the one that was allowed.
    return { at: current.id, when: stated ?? unmodified ?? { type: 'exists' }, owner: current.owner }
  }
  const options = await target()
  const name = key.slice(key.lastIndexOf('/') + 1)
  let turn: Turn | undefined
  const put = (): Promise<Media> =>
    putRaw(exchange, {
      filename: name,
      ...baseOptions(exchange, principal),
      ...options,
      ...withoutPlace(rawOptions(exchange)),
      async finish() {
        // From this look to the commit nobody else of this process comes between: the last writer wins.
        if (isBlind && !anyRecord) turn = exchange.turns.take(key)
        await turn?.reached
        const { at, when } = await target()
        return { ...(at === undefined ? {} : { at }), ...(when === undefined ? {} : { when }) }
      },
    })
  const media = await put()
    .catch((error: unknown) => {
      // A condition that the sender did not state is not theirs to fail.
      throw isBlind && isMediaError(error, 'MEDIA_PRECONDITION') ? overtaken(error) : error
    })
    .finally(() => turn?.end())
  const isNew = media.contentNumber === 1
  const location = isNew ? ['Location', `${mountOf(exchange)}/${media.id}`] : []
  sendJson(exchange, isNew ? 201 : 200, await mediaJson(store, media), [...contentTag(media), ...location])
}

/** PUT of a content: replaces the bytes of a record. */
export async function replaceContent(exchange: Exchange, id: string): Promise<void> {
  const { request, store } = exchange
  checkCoding(request)
  checkWhole(request)
  const principal = await principalOf(exchange)
  const current = isId(id) ? await store.stat(id) : undefined
  if (current === undefined) throw absent()
  await allowReplace(exchange, principal, current)
  const when =
    parseWriteCondition(request.headers) ??
    revisionUnlessModified(request.headers, stampOf(current), Date.now())
  const media = await putRaw(exchange, {
    filename: current.filename,
    ...baseOptions(exchange, principal),
    ...withoutPlace(rawOptions(exchange)),
    at: id,
    owner: current.owner,
    ...(when === undefined ? {} : { when }),
  })
  sendJson(exchange, 200, await mediaJson(store, media), contentTag(media))
}

/** @throws MediaError MEDIA_DENIED, MEDIA_UNAUTHENTICATED */
export async function allowCreate({ access }: Exchange, principal: Principal | undefined): Promise<void> {
  if (!(await permits(access, { principal, action: 'create', ...ownerOf(principal) }))) {
    throw denied(principal, 'you may not add media')
  }
}

/**
 * A key held by a media that the asker may not know of is taken: that much a unique name cannot hide from those who
 * may use names. Who may add nothing is told the same of every key.
 */
async function allowReplaceOfKey(
  exchange: Exchange,
  principal: Principal | undefined,
  media: Media,
): Promise<void> {
  try {
    await allowReplace(exchange, principal, media)
  } catch (error) {
    if (isMediaError(error, 'MEDIA_ABSENT')) {
      await allowCreate(exchange, principal)
      throw keyTaken(error)
    }
    throw error
  }
}

/** A condition that failed where a name was to be free. */
export function keyTaken(cause: unknown): MediaError {
  return new MediaError('MEDIA_CONFLICT', 'a media has this key already', { reason: 'key-taken', cause })
}

/** Another process changed what is under the key between the last look and the commit. */
function overtaken(cause: unknown): MediaError {
  return new MediaError('MEDIA_BUSY', 'the key was written by another at this moment; send it again', {
    reason: 'replaced',
    cause,
  })
}

/** What somebody puts is theirs. */
export function ownerOf(principal: Principal | undefined): { readonly owner?: string } {
  return principal === undefined ? {} : { owner: principal.id }
}

async function allowReplace(
  { access }: Exchange,
  principal: Principal | undefined,
  media: Media,
): Promise<void> {
  await allowOn(access, principal, 'update', media)
}

/** Admits, then takes a body that is the media and nothing else. */
async function putRaw(exchange: Exchange, options: PutOptions): Promise<Media> {
  const { store } = exchange
  await store.admit(options)
  const body = openBody(exchange)
  return store.put(body, { ...options, signal: body.signal })
}

function baseOptions(exchange: Exchange, principal: Principal | undefined): PutOptions {
  const key = idempotencyKeyOf(exchange)
  return { context: contextOf(exchange, principal), ...(key === undefined ? {} : { idempotencyKey: key }) }
}

/** What headers and query of a raw upload say. */
function rawOptions(exchange: Exchange): PutOptions {
  const { request, query } = exchange
  const contentType = rawTypeOf(request)
  const sizeBytes = declaredBytes(request)
  const digest = declaredDigest(request.headers)
  const filename = parseUploadName(request.headers['content-disposition'])
  return {
    ...(filename === undefined ? {} : { filename }),
    ...optionsOfFields(fieldsOfQuery(query)),
    ...(contentType === undefined ? {} : { contentType }),
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
    ...(digest === undefined ? {} : { digest }),
  }
}

/** Where the bytes go is said by the path; a `key` in the query cannot move them. */
function withoutPlace(options: PutOptions): PutOptions {
  const { at, when, ...rest } = options
  if (at !== undefined || when !== undefined) {
    throw new MediaError('MEDIA_BAD_INPUT', 'the path names the media; leave out key', {
      reason: 'unknown-parameter',
    })
  }
  return rest
}

function idempotencyKeyOf({ request }: Exchange): string | undefined {
  const value = request.headers['idempotency-key']
  if (value === undefined) return undefined
  // The draft makes it a quoted string; most senders leave out the quotes.
  const match =
    typeof value === 'string'
      ? /^(?:"([\x20\x21\x23-\x7e]{1,255})"|([\x21\x23-\x7e][\x20-\x7e]{0,254}))$/.exec(value)
      : null
  const key = match?.[1] ?? match?.[2]
  if (key === undefined) {
    throw new MediaError('MEDIA_BAD_INPUT', 'Idempotency-Key is 1 to 255 printable characters', {
      reason: 'bad-idempotency-key',
    })
  }
  return key
}

function stampOf(media: Media): { modifiedAt: Date; revision: number } {
  return { modifiedAt: media.updatedAt, revision: media.revision }
}

function contentTag(media: Media): HeaderList {
  const etag = media.digest === undefined ? undefined : formatEtag(etagOfDigest(media.digest))
  return etag === undefined ? [] : ['ETag', etag]
}
