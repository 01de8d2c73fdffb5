import assert from 'node:assert/strict'
import {
  type Catalog,
  type ExternalObject,
  type ExternalOutcome,
  type KnownExternal,
  type MediaRecord,
  newId,
  type RegisterExternal,
} from '@mediakeep/core'
import { COLD, walk } from './copies.ts'
import { recordOf } from './expect.ts'
import { ALPHA } from './put.ts'

/** An object of somebody else, whose record has the same key. */
export function externalObject(key: string, given: Partial<ExternalObject> = {}): ExternalObject {
  return {
    newId: newId(),
    placementId: newId(),
    key,
    mediaKey: key,
    sizeBytes: 7,
    etag: 'one',
    contentType: 'image/png',
    filename: 'file.png',
    ...given,
  }
}

export function register(
  catalog: Catalog,
  objects: readonly ExternalObject[],
  given: Partial<Omit<RegisterExternal, 'objects'>> = {},
): Promise<readonly ExternalOutcome[]> {
  return catalog.registerExternal({
    namespace: ALPHA,
    volumeId: COLD,
    owner: 'ann',
    visibility: 'public',
    ...given,
    objects,
  })
}

/** The record of one new external object. */
export async function registerOne(
  catalog: Catalog,
  key: string,
  given: Partial<ExternalObject> = {},
): Promise<MediaRecord> {
  const object = externalObject(key, given)
  assert.deepEqual([...(await register(catalog, [object]))], ['registered'])
  return recordOf(catalog, ALPHA, object.newId)
}

export function allExternal(
  catalog: Catalog,
  volumeId: string,
  limit = 100,
): Promise<readonly KnownExternal[]> {
  return walk(async (cursor) => {
    const { objects, ...page } = await catalog.listExternal(volumeId, { limit, ...cursor })
    return { ...page, items: objects }
  }, limit)
}
