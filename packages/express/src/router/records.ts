import type { IncomingHttpHeaders } from 'node:http'
import {
  type Availability,
  type Digest,
  etagOfDigest,
  etagOfRevision,
  formatEtag,
  isDigest,
  isId,
  type Media,
  type MediaChange,
  MediaError,
  type Principal,
  parseLinks,
  parseMetadata,
  parseTags,
  parseWriteCondition,
  type Upload,
  weighReadConditions,
} from '@mediakeep/core'
import { z } from 'zod'
import { isSenders } from '../uploads/sessions.ts'
import { uploadStatusJson } from '../uploads/upload-json.ts'
import { absent, allowOn, denied, isOwner, permits } from './access.ts'
import { sendEmpty, sendJson, sendNothing } from './answer.ts'
import { contextOf, type Exchange, principalOf } from './exchange.ts'
import { readJson } from './json-body.ts'
import { mediaJson } from './media-json.ts'

/** GET of a record, at the revision that If-Match names where it names one; 304 at one that If-None-Match names. */
export async function showRecord(exchange: Exchange, id: string): Promise<void> {
  const { media } = await find(exchange, id, 'stat')
  const revision = statedRevision({ 'if-match': exchange.request.headers['if-match'] }, media)
  if (revision !== undefined && revision !== media.revision) throw otherRecord()
  if (isKnown(exchange.request.headers, media)) {
    sendEmpty(exchange, 304, ['Cache-Control', 'private, no-store', ...revisionTag(media)])
    return
  }
  sendJson(exchange, 200, await mediaJson(exchange.store, media), revisionTag(media))
}

/** Whether If-None-Match names the record as it is. There is no Last-Modified, so that a date says nothing. */
function isKnown(headers: IncomingHttpHeaders, media: Media): boolean {
  const { 'if-none-match': ifNoneMatch } = headers
  const current = { etag: etagOfRevision(media.revision) }
  return weighReadConditions({ 'if-none-match': ifNoneMatch }, current, Date.now()) === 'not-modified'
}

const CHANGE = z.strictObject({
  key: z.string().nullable().optional(),
  filename: z.string().max(4096).optional(),
  owner: z.string().min(1).max(256).optional(),
  visibility: z.enum(['public', 'private']).optional(),
  tags: z.array(z.string()).optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
  links: z.array(z.strictObject({ kind: z.string(), target: z.string() })).optional(),
})

/** PATCH of a record: given members replace, absent ones stay. */
export async function changeRecord(exchange: Exchange, id: string): Promise<void> {
  const { access, store } = exchange
  const { media, principal } = await find(exchange, id, 'update')
  const ifRevision = statedRevision(exchange.request.headers, media)
  const wanted = await readJson(exchange, CHANGE)
  const { owner } = wanted
  if (owner !== undefined && owner !== media.owner && access.open !== true) {
    // Giving away is putting under another's name and quota: whoever may do that for them may do it here.
    if (!(await permits(access, { principal, action: 'create', owner }))) {
      throw denied(principal, 'you may not give this media to somebody else')
    }
  }
  const changed = await store.update(id, changeOf(wanted), {
    context: contextOf(exchange, principal),
    ...(ifRevision === undefined ? {} : { ifRevision }),
  })
  sendJson(exchange, 200, await mediaJson(store, changed), revisionTag(changed))
}

/** DELETE of a record. Its bytes go later, when nothing else refers to them. */
export async function deleteRecord(exchange: Exchange, id: string): Promise<void> {
  const { media, principal } = await find(exchange, id, 'delete')
  const revision = statedRevision(exchange.request.headers, media)
  const wasThere = await exchange.store.delete(id, {
    context: contextOf(exchange, principal),
    ...(revision === undefined ? {} : { when: { type: 'revision', revision } }),
  })
  if (!wasThere) throw absent()
  sendNothing(exchange)
}

/** GET of the state of a media, also of one that is still an upload: that is told to whoever sends it. */
export async function showStatus(exchange: Exchange, id: string): Promise<void> {
  const { store } = exchange
  const principal = await principalOf(exchange)
  const upload = isId(id) && (await store.stat(id)) === undefined ? await uploadOf(exchange, id) : undefined
  if (upload !== undefined && isSenders(exchange, principal, upload)) {
    sendJson(exchange, 200, uploadStatusJson(upload))
    return
  }
  const { media } = await find(exchange, id, 'stat')
  const state = media.state === 'pending' ? 'scanning' : media.state
  const isDone = media.state !== 'pending'
  sendJson(exchange, 200, {
    state,
    progress: 1,
    ...(isDone ? { completedAt: media.contentCreatedAt.toISOString() } : {}),
  })
}

/** An upload that has not become a media. One that has is told of by its record, while there is one; one given up, by nobody. */
async function uploadOf(exchange: Exchange, id: string): Promise<Upload | undefined> {
  const upload = await exchange.store.uploads.ofMedia(id)
  switch (upload?.state) {
    case 'active':
    case 'quarantined':
    case 'aborted':
      return undefined
    default:
      return upload
  }
}

/** GET of the availability: never starts a fetch. What the asker may not know of is `missing`, as what is not there. */
export async function showAvailability(exchange: Exchange, id: string): Promise<void> {
  const found = await findVisible(exchange, id, 'stat')
  const answer: Availability =
    found === undefined ? { state: 'missing' } : await exchange.store.availability(id)
  sendJson(exchange, 200, answer)
}

/** POST of a wish to have the bytes near. */
export async function warmMedia(exchange: Exchange, id: string): Promise<void> {
  const found = await findVisible(exchange, id, 'warm')
  const answer: Availability =
    found === undefined
      ? { state: 'missing' }
      : await exchange.store.warm(id, { context: contextOf(exchange, found.principal) })
  const isUnderWay = answer.state === 'loading' || answer.state === 'cold' || answer.state === 'failed'
  if (!isUnderWay) {
    sendJson(exchange, 200, answer)
    return
  }
  const waitMs = answer.state === 'cold' ? answer.estimateMs : answer.retryAfterMs
  sendJson(exchange, 202, answer, ['Retry-After', String(Math.max(1, Math.ceil(waitMs / 1000)))])
}

/**
 * POST that lets out what a scanner holds back. Only for admins, whatever the host's rule says of owners: an owner who could let out
 * what was found in their own upload would make the scanner a formality. `?digest=` names the content, as in `store.release`.
 */
export async function releaseMedia(exchange: Exchange, id: string): Promise<void> {
  const { access, store } = exchange
  const { media, principal } = await find(exchange, id, 'update')
  if (access.open !== true && principal?.admin !== true)
    throw denied(principal, 'only an admin may let out what is held')
  const digest = digestQuery(exchange)
  const context = contextOf(exchange, principal)
  const released = await store.release(media.id, { ...(digest === undefined ? {} : { digest }), context })
  sendJson(exchange, 200, await mediaJson(store, released), revisionTag(released))
}

/** @throws MediaError MEDIA_BAD_INPUT `bad-digest` */
function digestQuery({ query }: Exchange): Digest | undefined {
  const given = new URLSearchParams(query).get('digest')
  if (given === null || isDigest(given)) return given ?? undefined
  throw new MediaError('MEDIA_BAD_INPUT', 'digest is "sha256:" and 64 lower-case hexadecimal digits', {
    reason: 'bad-digest',
  })
}

interface Found {
  readonly media: Media
  readonly principal: Principal | undefined
}

/** The record, for one who may do this to it. @throws MediaError MEDIA_ABSENT, MEDIA_DENIED, MEDIA_UNAUTHENTICATED */
export async function find(
  exchange: Exchange,
  id: string,
  action: 'stat' | 'update' | 'delete' | 'link',
): Promise<Found> {
  const principal = await principalOf(exchange)
  const media = isId(id) ? await exchange.store.stat(id) : undefined
  if (media === undefined) throw absent()
  await allowOn(exchange.access, principal, action, media)
  return { media, principal }
}

async function findVisible(
  exchange: Exchange,
  id: string,
  action: 'stat' | 'warm',
): Promise<Found | undefined> {
  const { access, store } = exchange
  const principal = await principalOf(exchange)
  const media = isId(id) ? await store.stat(id) : undefined
  if (media === undefined) return undefined
  if (media.state !== 'active' && !isOwner(access, principal, media)) return undefined
  return (await permits(access, { principal, action, media })) ? { media, principal } : undefined
}

/** The revision that If-Match names, by itself or by the content's tag. @throws MediaError MEDIA_PRECONDITION */
function statedRevision(headers: IncomingHttpHeaders, media: Media): number | undefined {
  const when = parseWriteCondition(headers, 'record')
  switch (when?.type) {
    case undefined:
    case 'exists':
      return undefined
    case 'revision':
      return when.revision
    case 'match':
      if (media.digest !== undefined && when.etags.includes(etagOfDigest(media.digest))) return media.revision
      break
    case 'absent':
      break
  }
  throw otherRecord()
}

function otherRecord(): MediaError {
  return new MediaError('MEDIA_PRECONDITION', 'the record is not the one the request is about')
}

function changeOf(wanted: z.infer<typeof CHANGE>): MediaChange {
  const { key, filename, owner, visibility, tags, metadata, links } = wanted
  return {
    ...(key === undefined ? {} : { key }),
    ...(filename === undefined ? {} : { filename }),
    ...(owner === undefined ? {} : { owner }),
    ...(visibility === undefined ? {} : { visibility }),
    ...(tags === undefined ? {} : { tags: parseTags(tags) }),
    ...(metadata === undefined ? {} : { metadata: parseMetadata(metadata) }),
    ...(links === undefined ? {} : { links: parseLinks(links) }),
  }
}

function revisionTag(media: Media): readonly string[] {
  const etag = formatEtag(etagOfRevision(media.revision))
  return etag === undefined ? [] : ['ETag', etag]
}
