import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { digestOf, newId, type PortableMedia } from '@mediakeep/core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createDatabase, type Transaction } from '../database.ts'
import { loadDriver, type SqliteConnection } from '../driver.ts'
import { migrate } from '../migrate.ts'
import { MIGRATIONS } from '../schema.ts'
import { importMedia } from '../writes/import.ts'
import { createStagedPuts } from '../writes/staged-puts.ts'
import { createTotalChanges } from '../writes/totals.ts'
import { registerVolume } from '../writes/volumes.ts'
import { listCopies, listThinBlobs } from './copies.ts'
import { exportMedia } from './export.ts'
import { MAX_LOOKED_AT } from './walk.ts'

let folder: string
let connection: SqliteConnection
let tx: Transaction

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediakeep-sqlite-'))
  const driver = await loadDriver()
  connection = driver.open(join(folder, 'catalog.db'), { readOnly: false, busyMs: 5_000 })
  migrate(connection)
  tx = {
    ...createDatabase(connection),
    nowMs: Date.now(),
    stagedPuts: createStagedPuts(),
    totals: createTotalChanges(),
  }
  for (const id of ['near', 'far']) registerVolume(tx, { id, tier: 't', layout: 1 })
})
afterEach(async () => {
  connection.close()
  await rm(folder, { recursive: true })
})

/** Blobs that nothing refers to, each with a copy on `near`, sorted before all others. */
function fillWithOthers(count: number): void {
  connection.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})
    INSERT INTO blobs(id, domain, sizeBytes, state) SELECT unhex(printf('%032x', i)), '', 1, 'live' FROM n`)
  connection.exec(`INSERT INTO placements(id, blobId, volumeId, key, state, owned, storedBytes)
    SELECT id, id, 'near', hex(id), 'live', 1, 1 FROM blobs`)
}

function media(chunkSumsBytes = 4): PortableMedia {
  const id = newId()
  const createdAt = new Date(0)
  return {
    id,
    namespace: 'n',
    owner: 'ann',
    visibility: 'private',
    revision: 1,
    tags: [],
    metadata: {},
    links: [],
    createdAt,
    updatedAt: createdAt,
    content: { number: 1, state: 'active', contentType: 'image/png', filename: 'a', facts: {}, createdAt },
    blob: {
      domain: '',
      digest: digestOf(Buffer.from(id)),
      sizeBytes: 1,
      chunkSums: new Uint8Array(chunkSumsBytes),
    },
    placements: [{ id, volumeId: 'far', key: id, owned: true, storedBytes: 1 }],
  }
}

test('a page of copies or thin blobs ends after a bounded look, and its cursor leads on to what is wanted', () => {
  fillWithOthers(MAX_LOOKED_AT + 1)
  const wanted = media()
  importMedia(tx, [wanted])
  const copies = listCopies(tx, { volumeIds: ['far'], limit: 10 })
  expect(copies.copies).toEqual([])
  const next = listCopies(tx, { volumeIds: ['far'], limit: 10, cursor: copies.cursor ?? '' })
  expect(next.copies.map(({ placement }) => placement.key)).toEqual([wanted.id])
  expect(next.cursor).toBeUndefined()

  const thin = listThinBlobs(tx, { volumeIds: ['far'], minCopies: 2, limit: 10 })
  expect(thin.blobs).toEqual([])
  const rest = listThinBlobs(tx, { volumeIds: ['far'], minCopies: 2, limit: 10, cursor: thin.cursor ?? '' })
  expect(rest.blobs.map(({ digest }) => digest)).toEqual([wanted.blob.digest])
  expect(rest.cursor).toBeUndefined()
})

test('a page of an export ends when its chunk sums are long', () => {
  const all = Array.from({ length: 3 }, () => media(5 * 1024 * 1024))
  importMedia(tx, all)
  const first = exportMedia(tx, { limit: 10 })
  expect(first.media.map(({ id }) => id)).toEqual(all.slice(0, 2).map(({ id }) => id))
  const second = exportMedia(tx, { limit: 10, cursor: first.cursor ?? '' })
  expect(second.media.map(({ id }) => id)).toEqual(all.slice(2).map(({ id }) => id))
  expect(second.cursor).toBeUndefined()
})

test('a catalog of version 1 is brought forward with its copies, none of them verified yet', async () => {
  const driver = await loadDriver()
  const old = driver.open(join(folder, 'old.db'), { readOnly: false, busyMs: 5_000 })
  try {
    migrate(old, MIGRATIONS.slice(0, 1))
    old.exec("INSERT INTO blobs(id, domain, sizeBytes, state) VALUES ('b', '', 1, 'live')")
    old.exec(
      "INSERT INTO placements(id, blobId, volumeId, key, state, owned, storedBytes) VALUES ('p', 'b', 'far', 'k', 'live', 1, 1)",
    )
    migrate(old)
    const { copies } = listCopies(createDatabase(old), { volumeIds: ['far'], limit: 10 })
    expect(copies).toEqual([
      {
        placement: {
          id: 'p',
          blobId: 'b',
          volumeId: 'far',
          key: 'k',
          state: 'live',
          owned: true,
          storedBytes: 1,
        },
        sizeBytes: 1,
      },
    ])
  } finally {
    old.close()
  }
})
