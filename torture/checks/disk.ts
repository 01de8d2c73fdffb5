import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { MediaStore } from '@mediakeep/core'
import { hashOf } from '../writers/bodies.ts'

/** File names begin with the digest in hex. */
const DIGEST_LENGTH = 64

export interface DiskRules {
  /** A cut may take the row of bytes that were on their way: only a thorough collection finds those. Default false. */
  readonly isPowerCut?: boolean
}

/**
 * Every file has the bytes that its name says; after two rounds of upkeep the disk holds exactly what the catalog
 * tells of, and every record can be read. Of a store that was opened later, so that nothing is kept for its age.
 * @returns what is not so
 */
export async function checkDisk(
  store: MediaStore,
  folder: string,
  { isPowerCut = false }: DiskRules = {},
): Promise<readonly string[]> {
  const objects = join(folder, 'volume/objects')
  const torn = await tornFiles(objects)
  for (let round = 0; round < 2; round++) {
    for await (const _ of store.upkeep.expire()) continue
    for await (const _ of store.upkeep.collectGarbage({
      graceMs: 0,
      thorough: isPowerCut,
      // What a short run leaves is often more than a fifth of all.
      force: true,
    }))
      continue
  }
  const broken: string[] = [...torn]
  const wanted = new Map<string, number>()
  for await (const media of store.listAll()) {
    const digest = String(media.digest).slice('sha256:'.length)
    wanted.set(digest, media.sizeBytes)
    try {
      await using reader = await store.open(media)
      if (hashOf(await reader.bytes({ maxBytes: 1e9 })) !== digest) broken.push(`wrong bytes in ${media.key}`)
    } catch (error) {
      broken.push(`dangling: ${media.key ?? media.id} is listed and cannot be read: ${String(error)}`)
    }
  }
  for (const name of await readdir(join(folder, 'volume/staging')))
    broken.push(`left behind: staging/${name}`)
  let files = 0
  let bytes = 0
  for (const { name, sizeBytes } of await filesBelow(objects)) {
    const digest = name.slice(0, DIGEST_LENGTH)
    const isWanted = wanted.get(digest) === sizeBytes
    wanted.delete(digest) // a second copy is left behind too
    if (!isWanted) broken.push(`left behind: ${name} of ${sizeBytes} bytes`)
    files += 1
    bytes += sizeBytes
  }
  for (const digest of wanted.keys()) broken.push(`dangling: no file holds ${digest}`)
  const [volume] = (await store.tiers.status())[0]?.volumes ?? []
  const counted = `${volume?.objects} objects, ${volume?.storedBytes} bytes, ${volume?.reservedBytes} reserved`
  const found = `${files} objects, ${bytes} bytes, 0 reserved`
  if (counted !== found) broken.push(`miscounted: ${counted} in the catalog, ${found} on the disk`)
  const sessions = await store.uploads.list()
  if (sessions.length > 0) broken.push(`left behind: ${sessions.length} sessions`)
  return broken
}

/** Files under their final names whose bytes are not those of the name: at no moment may there be one. */
async function tornFiles(objects: string): Promise<readonly string[]> {
  const torn: string[] = []
  for (const { path, name } of await filesBelow(objects))
    if (!name.includes('~') && hashOf(await readFile(path)) !== name.slice(0, DIGEST_LENGTH))
      torn.push(`torn: ${name} has other bytes than its name says`)
  return torn
}

interface Found {
  readonly path: string
  readonly name: string
  readonly sizeBytes: number
}

async function filesBelow(objects: string): Promise<readonly Found[]> {
  const found: Found[] = []
  for (const shard of await readdir(objects))
    for (const name of await readdir(join(objects, shard))) {
      const path = join(objects, shard, name)
      found.push({ path, name, sizeBytes: (await stat(path)).size })
    }
  return found
}
