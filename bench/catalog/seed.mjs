import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sqliteCatalog } from '@mediakeep/adapters/sqlite'
import { newId } from '@mediakeep/core'
import { multiplyRecords } from './multiply.mjs'

export const NAMESPACE = 'default'
export const HERMIT = 'hermit'
/** 100 owners share the records; one more has a single one, in the middle. */
const OWNERS = 100
export const QUERIES = {
  'by owner': { owner: 'owner-7' },
  'by rare tag (1 in 1000)': { tag: 'rare' },
  'by common tag (1 in 10)': { tag: 'common' },
  'by link': { link: { kind: 'recipe', target: '42' } },
  'owner with one record': { owner: HERMIT },
  'by owner and common tag': { owner: 'owner-7', tag: 'common' },
  'no filter': {},
}

const BASE_COUNT = 10_000
const VOLUME_ID = '01890000-0000-7000-8000-000000000001'

/** What two transactions of a put give the catalog, of made-up bytes. Times grow with `index`, so ids do. */
export function putInput(index, nowMs) {
  const digest = `sha256:${createHash('sha256').update(`record ${index} ${nowMs}`).digest('hex')}`
  const placementId = newId(nowMs)
  const sizeBytes = 50_000 + (index % 1_000) * 100
  return {
    stage: {
      session: { id: newId(nowMs), namespace: NAMESPACE, owner: ownerOf(index), ttlMs: 600_000 },
      domain: '',
      digest,
      sizeBytes,
      chunkSums: new Uint8Array(Math.ceil(sizeBytes / 65_536) * 4),
      volumeId: VOLUME_ID,
      placementId,
      key: `${digest.slice(7, 9)}/${digest.slice(7)}.${placementId}`,
    },
    placement: { id: placementId, storedBytes: sizeBytes, etag: digest.slice(7, 39) },
    media: {
      newId: newId(nowMs),
      namespace: NAMESPACE,
      owner: ownerOf(index),
      tags: tagsOf(index),
      links:
        index % 200 === 42 ? [{ kind: 'recipe', target: '42' }] : [{ kind: 'recipe', target: `n${index}` }],
    },
    content: {
      contentType: index % 4 === 0 ? 'video/mp4' : 'image/jpeg',
      filename: `photo-${index}.jpg`,
      facts: {},
      state: 'active',
    },
  }
}

const ownerOf = (index) => (index === 5_000 ? HERMIT : `owner-${(index * 37) % OWNERS}`)
/** Tags fall on all owners alike. */
function tagsOf(index) {
  const shuffled = (index * 7_919 + Math.floor(index / OWNERS)) % 1_000
  return [
    ...(shuffled % 10 === 3 ? ['common'] : []),
    ...(shuffled === 500 ? ['rare'] : []),
    `album-${index % 977}`,
  ]
}

/** Both transactions of a put. */
export async function commitPut(catalog, { stage, placement, media, content }) {
  const staged = await catalog.stagePlacement(stage)
  const session = { id: staged.session.id, fence: staged.session.fence }
  return catalog.commitContent({ session, blobId: staged.blobId, placement, media, content })
}

export async function registerVolume(catalog) {
  await catalog.registerVolume({ id: VOLUME_ID, tier: 'disk', layout: 1 })
}

/**
 * Path of a catalog with this many records, kept in the system's temporary folder, so that only the first run waits
 * for it. 10^4 are made by puts of the catalog itself; larger ones are multiples of those, row by row. Another schema
 * makes its own.
 */
export async function seededFile(count, say) {
  const folder = join(tmpdir(), `mediakeep-bench-catalogs-${schemaKey()}`)
  const file = join(folder, `${count}.sqlite`)
  if (existsSync(file)) return file
  mkdirSync(folder, { recursive: true })
  const unfinished = `${file}.${process.pid}`
  const startedMs = performance.now()
  try {
    if (count > BASE_COUNT) {
      const base = await seededFile(BASE_COUNT, say)
      say(`seeding ${count.toLocaleString('en-US')} records (once; kept in ${folder})`)
      copyFileSync(base, unfinished)
      await multiplyRecords(unfinished, count / BASE_COUNT, BASE_COUNT)
    } else {
      say(`seeding ${count.toLocaleString('en-US')} records (once; kept in ${folder})`)
      await putRecords(unfinished, count)
    }
    renameSync(unfinished, file)
  } finally {
    for (const suffix of ['', '-wal', '-shm']) rmSync(unfinished + suffix, { force: true })
  }
  say(`seeded in ${Math.round((performance.now() - startedMs) / 1_000)} s`)
  return file
}

async function putRecords(file, count) {
  const catalog = sqliteCatalog({ file })
  try {
    await catalog.open()
    await registerVolume(catalog)
    const firstMs = Date.now() - count
    let next = 0
    const caller = async () => {
      while (next < count) {
        const index = next++
        await commitPut(catalog, putInput(index, firstMs + index))
      }
    }
    await Promise.all(Array.from({ length: 256 }, caller))
  } finally {
    await catalog.close()
  }
}

/** Changes with the schema and with what is seeded. */
function schemaKey() {
  const schema = new URL('../../packages/adapters/src/sqlite/schema.ts', import.meta.url)
  const terms = new URL('../../packages/core/src/catalog/terms.ts', import.meta.url)
  const multiply = new URL('./multiply.mjs', import.meta.url)
  const hash = createHash('sha256')
  for (const path of [schema, terms, multiply, new URL(import.meta.url)]) hash.update(readFileSync(path))
  return hash.digest('hex').slice(0, 12)
}
