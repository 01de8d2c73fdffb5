import { isDigest } from '../bytes/digest.ts'
import { isId } from '../bytes/id.ts'
import type { Digest } from '../contracts/bytes.ts'
import type { CommitContent } from '../contracts/catalog.ts'
import type { LatePutOptions, MediaCondition, MediaRef, PutOptions, Visibility } from '../contracts/media.ts'
import { MediaError } from '../errors/media-error.ts'
import {
  cleanFilename,
  isUnprintable,
  parseMediaKey,
  parseMetadata,
  parseTags,
  parseTargets,
} from '../names/index.ts'
import { CALL_OPTIONS, type OptionNames, refuseUnknown } from '../options/unknown-option.ts'

/** A put with every option checked and every default filled in: what follows asks no more questions. */
export interface PutRequest {
  readonly namespace: string
  readonly owner: string
  readonly filename: string
  readonly declaredType: string | undefined
  readonly declaredBytes: number | undefined
  readonly digest: Digest | undefined
  readonly idempotencyKey: string | undefined
  readonly media: Pick<CommitContent['media'], 'at' | 'when' | 'visibility' | 'tags' | 'metadata' | 'links'>
  readonly late: PutOptions['finish']
  readonly onProgress: PutOptions['onProgress']
}

/** What may also be told after the body. */
export const LATE_OPTIONS: OptionNames<LatePutOptions> = {
  at: true,
  when: true,
  filename: true,
  visibility: true,
  tags: true,
  metadata: true,
  links: true,
}
const PUT: OptionNames<PutOptions> = {
  ...LATE_OPTIONS,
  contentType: true,
  owner: true,
  sizeBytes: true,
  digest: true,
  idempotencyKey: true,
  onProgress: true,
  finish: true,
  ...CALL_OPTIONS,
}

const ANONYMOUS = 'anonymous'
const MAX_OWNER_LENGTH = 256

/** @throws MediaError MEDIA_BAD_INPUT naming the option. */
export function parsePutOptions(namespace: string, options: PutOptions): PutRequest {
  refuseUnknown('put', options, PUT)
  const { digest, sizeBytes, idempotencyKey } = options
  if (digest !== undefined && !isDigest(digest))
    throw bad('bad-digest', 'digest is "sha256:" and 64 lower-case hexadecimal digits')
  if (sizeBytes !== undefined && (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0))
    throw bad('bad-size', 'sizeBytes is a whole number of bytes')
  if (
    idempotencyKey !== undefined &&
    !(typeof idempotencyKey === 'string' && idempotencyKey.length > 0 && idempotencyKey.length <= 255)
  ) {
    throw bad('bad-idempotency-key', 'an idempotency key has 1 to 255 characters')
  }
  return {
    namespace,
    owner: parseOwner(options.owner),
    filename: cleanFilename(options.filename ?? 'file'),
    declaredType: essenceOf(options.contentType),
    declaredBytes: sizeBytes,
    digest,
    idempotencyKey,
    media: parseMedia(options),
    late: options.finish,
    onProgress: options.onProgress,
  }
}

/** What came behind the body wins over what came before it. */
export function mergeLate(request: PutRequest, late: LatePutOptions): PutRequest {
  refuseUnknown('finish of put', late, LATE_OPTIONS)
  return {
    ...request,
    filename: late.filename === undefined ? request.filename : cleanFilename(late.filename),
    media: { ...request.media, ...parseMedia(late) },
  }
}

/** @throws MediaError MEDIA_BAD_INPUT `bad-owner` */
export function parseOwner(owner: string | undefined): string {
  if (owner === undefined) return ANONYMOUS
  if (
    typeof owner !== 'string' ||
    owner.length === 0 ||
    owner.length > MAX_OWNER_LENGTH ||
    isUnprintable(owner)
  )
    throw bad('bad-owner', `an owner has 1 to ${MAX_OWNER_LENGTH} characters and no control characters`)
  return owner
}

/** @throws MediaError MEDIA_BAD_INPUT `bad-id` or `bad-key` */
export function parseRef(ref: MediaRef): MediaRef {
  if (typeof ref === 'string') {
    const id = ref.toLowerCase()
    if (!isId(id)) throw bad('bad-id', 'a media id is a UUIDv7')
    return id
  }
  if (typeof ref !== 'object' || ref === null || !('key' in ref))
    throw bad('bad-id', 'a media is named by its id or by { key }')
  return { key: parseMediaKey(ref.key) }
}

function parseMedia(options: LatePutOptions): PutRequest['media'] {
  const { at, when, visibility, tags, metadata, links } = options
  return {
    ...(at === undefined ? {} : { at: parseRef(at) }),
    ...(when === undefined ? {} : { when: parsePutCondition(when, at) }),
    ...(visibility === undefined ? {} : { visibility: parseVisibility(visibility) }),
    ...(tags === undefined ? {} : { tags: parseTags(tags) }),
    ...(metadata === undefined ? {} : { metadata: parseMetadata(metadata) }),
    ...(links === undefined ? {} : { links: parseTargets(links) }),
  }
}

/** @throws MediaError MEDIA_BAD_INPUT `bad-visibility` */
export function parseVisibility(visibility: Visibility): Visibility {
  if (visibility !== 'public' && visibility !== 'private')
    throw bad('bad-visibility', 'visibility is public or private')
  return visibility
}

function parsePutCondition(when: MediaCondition, at: MediaRef | undefined): MediaCondition {
  if (at === undefined) throw bad('bad-condition', 'a condition needs `at`, the record it is about')
  return parseCondition(when)
}

/**
 * Member by member, and none that we do not know: a condition that was misspelled must not hold by silence.
 * @throws MediaError MEDIA_BAD_INPUT `bad-condition`
 */
export function parseCondition<Condition extends MediaCondition>(when: Condition): Condition
export function parseCondition(when: MediaCondition): MediaCondition {
  switch (when.type) {
    case 'absent':
    case 'exists':
      return { type: when.type }
    case 'match':
      if (Array.isArray(when.etags) && when.etags.every((etag) => typeof etag === 'string'))
        return { type: 'match', etags: [...when.etags] }
      break
    case 'revision':
      if (Number.isSafeInteger(when.revision)) return { type: 'revision', revision: when.revision }
  }
  throw bad('bad-condition', 'a condition is absent, exists, match with etags, or revision with a number')
}

function essenceOf(contentType: string | undefined): string | undefined {
  if (contentType === undefined) return undefined
  if (typeof contentType !== 'string') throw bad('bad-content-type', 'the content type is malformed')
  const essence = (contentType.split(';', 1)[0] as string).trim().toLowerCase()
  if (!/^[a-z0-9!#$&^_.+-]{1,127}\/[a-z0-9!#$&^_.+-]{1,127}$/.test(essence))
    throw bad('bad-content-type', 'the content type is malformed')
  return essence
}

function bad(reason: string, message: string): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', message, { reason })
}
