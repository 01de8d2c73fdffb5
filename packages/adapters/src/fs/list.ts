import { createHash } from 'node:crypto'
import { type ListObjectsOptions, MediaError, type ObjectHead, type ObjectPage } from '@mediakeep/core'
import { headOf } from './heads.ts'
import { keyOf, LONG, placeOf, SHARDS } from './names.ts'
import { lstatIfThere } from './publish.ts'
import { hasSidecar, readSidecar } from './sidecar.ts'
import type { Volume } from './volume-state.ts'

/** Most objects that one page of any store may hold. */
const MAX_PAGE_OBJECTS = 1000
/** Files looked at in one go: enough to keep the thread pool busy. */
const BATCH = 32

interface Position {
  readonly shard: number
  /** Last file name given; empty before the first. */
  readonly fileName: string
}

/**
 * A page in order of shards, then of file names: an order that inserts and deletes between pages do not shift.
 * Every directory is read, since keys of one prefix are spread over all; a name that cannot match is not looked at.
 */
export async function listPage(
  volume: Volume,
  options: ListObjectsOptions,
  check: () => void,
): Promise<ObjectPage> {
  const { fs, paths } = volume
  const { prefix = '', cursor, limit = MAX_PAGE_OBJECTS } = options
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE_OBJECTS) {
    throw new MediaError('MEDIA_BAD_INPUT', `a page has 1 to ${MAX_PAGE_OBJECTS} objects, not ${limit}`, {
      reason: 'bad-limit',
    })
  }
  const objects: ObjectHead[] = []
  let from = cursor === undefined ? { shard: 0, fileName: '' } : positionOf(cursor)
  for (let shard = from.shard; shard < SHARDS.length; shard++) {
    check()
    const name = SHARDS[shard] ?? ''
    const after = shard === from.shard ? from.fileName : ''
    const fileNames = (await fs.readdir(paths.shard(name)))
      .filter((fileName) => fileName > after && mayMatch(name, fileName, prefix))
      .sort()
    for (let at = 0; at < fileNames.length; at += BATCH) {
      check()
      const batch = fileNames.slice(at, at + BATCH)
      const heads = await Promise.all(batch.map((fileName) => headOfFile(volume, name, fileName)))
      for (const [index, head] of heads.entries()) {
        if (head === undefined || !head.key.startsWith(prefix)) continue
        if (objects.length === limit) return { objects, cursor: cursorOf(from) }
        objects.push(head)
        from = { shard, fileName: batch[index] ?? '' }
      }
    }
  }
  return { objects }
}

/** Sorts out by name alone what need not be looked at. */
function mayMatch(shard: string, fileName: string, prefix: string): boolean {
  const key = keyOf(shard, fileName)
  return key === LONG || key?.startsWith(prefix) === true
}

/** undefined for what was deleted meanwhile, and for what is not ours. */
async function headOfFile(volume: Volume, shard: string, fileName: string): Promise<ObjectHead | undefined> {
  const { fs, paths } = volume
  const path = `${paths.shard(shard)}/${fileName}`
  for (;;) {
    const stat = await lstatIfThere(fs, path)
    if (stat === undefined || !stat.isFile()) return undefined
    const known = keyOf(shard, fileName)
    if (known === undefined) return undefined
    if (!hasSidecar(stat)) return known === LONG ? undefined : headOf(known, stat, undefined)
    const sidecar = await readSidecar(
      fs,
      paths,
      { key: fileName, shard, fileName, once: false, long: false },
      stat,
    )
    if (sidecar === 'changed') continue
    const key = known === LONG ? sidecar.key : known
    // A sidecar that names another object's key is not believed.
    if (key === undefined || placeOf(key).fileName !== fileName) return undefined
    return headOf(key, stat, sidecar)
  }
}

/** Signed with a few digits of its own digest: a cursor that was cut or changed on its way would give other objects in silence. */
function cursorOf({ shard, fileName }: Position): string {
  const position = `${SHARDS[shard]}${fileName}`
  return Buffer.from(`f1${checkDigits(position)}${position}`).toString('base64url')
}

function positionOf(cursor: string): Position {
  const text = Buffer.from(cursor, 'base64url').toString()
  const position = { shard: SHARDS.indexOf(text.slice(10, 12)), fileName: text.slice(12) }
  // Only what we would have written ourselves is taken: anything else is a mistake that must not restart a listing.
  if (!text.startsWith('f1') || position.shard < 0 || cursorOf(position) !== cursor) {
    throw new MediaError('MEDIA_BAD_INPUT', 'the cursor is not one of this store', { reason: 'bad-cursor' })
  }
  return position
}

function checkDigits(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8)
}
