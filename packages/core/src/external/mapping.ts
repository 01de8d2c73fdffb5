import { newId } from '../bytes/id.ts'
import { newPlacementId } from '../cas/physical-key.ts'
import type { ExternalObject } from '../contracts/catalog.ts'
import type { Visibility } from '../contracts/media.ts'
import type { ObjectHead } from '../contracts/object-store.ts'
import type { ExternalCall } from '../contracts/tiering.ts'
import { DEFAULT_NAMESPACE } from '../defaults.ts'
import { isMediaError, MediaError } from '../errors/media-error.ts'
import { essenceOf } from '../http/content-type.ts'
import { parseOwner, parseVisibility } from '../ingest/put-options.ts'
import { cleanFilename, parseMediaKey } from '../names/index.ts'
import type { Volume } from '../tiering/volume.ts'
import type { Volumes } from '../tiering/volumes.ts'
import { meaningfulType, OPAQUE_TYPE, typeOfName } from '../validation/decide-type.ts'

/** An external tier, and how its objects become media in one namespace. */
export interface Mapping {
  readonly volume: Volume
  readonly namespace: string
  readonly prefix: string
  readonly owner: string
  readonly visibility: Visibility
  keyOf(objectKey: string): string | undefined
}

/**
 * @throws MediaError MEDIA_BAD_INPUT `not-external`, `other-namespace`: one object is one media, wherever it was first imported;
 * `bad-owner`, `bad-visibility`
 */
export function mappingOf(volumes: Volumes, namespace: string, call: ExternalCall): Mapping {
  const volume = volumes.all.find(({ tier }) => tier === call.tier)
  if (volume?.role !== 'external')
    throw new MediaError('MEDIA_BAD_INPUT', `${call.tier} is no external tier`, { reason: 'not-external' })
  const { imports } = volume
  const home = imports?.namespace ?? DEFAULT_NAMESPACE
  if (imports !== undefined && home !== namespace)
    throw new MediaError('MEDIA_BAD_INPUT', `the media of ${call.tier} are in the namespace ${home}`, {
      reason: 'other-namespace',
    })
  const visibility = call.visibility ?? imports?.visibility
  return {
    volume,
    namespace,
    prefix: call.prefix ?? imports?.prefix ?? '',
    owner: parseOwner(call.owner ?? imports?.owner),
    visibility: visibility === undefined ? 'private' : parseVisibility(visibility),
    keyOf: call.keyOf ?? imports?.keyOf ?? ((key) => key),
  }
}

/** The media an object is; `undefined` where it is none: `keyOf` says so, or no media may have its name. */
export function mediaOf(mapping: Mapping, head: ObjectHead, nowMs: number): ExternalObject | undefined {
  const { key, sizeBytes, etag } = head
  const mediaKey = mediaKeyOf(mapping, key)
  if (mediaKey === undefined) return undefined
  const filename = cleanFilename(key)
  return {
    newId: newId(nowMs),
    placementId: newPlacementId(nowMs),
    key,
    mediaKey,
    sizeBytes,
    etag,
    contentType: typeOf(head, filename),
    filename,
  }
}

export function mediaKeyOf({ prefix, keyOf }: Mapping, key: string): string | undefined {
  // No store of ours could ask for such a key again.
  const wanted = key.startsWith(prefix) && !key.includes('\0') ? keyOf(key) : undefined
  if (wanted === undefined) return undefined
  try {
    return parseMediaKey(wanted)
  } catch (error) {
    if (isMediaError(error, 'MEDIA_BAD_INPUT')) return undefined
    throw error
  }
}

/** What its store says, unless that is what stores say of everything; else what the name says. Nobody has looked at the bytes. */
function typeOf({ contentType }: ObjectHead, filename: string): string {
  return meaningfulType(contentType && essenceOrNone(contentType)) ?? typeOfName(filename) ?? OPAQUE_TYPE
}

function essenceOrNone(contentType: string): string | undefined {
  try {
    return essenceOf(contentType)
  } catch (error) {
    if (isMediaError(error, 'MEDIA_BAD_INPUT')) return undefined
    throw error
  }
}
