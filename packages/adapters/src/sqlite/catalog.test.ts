import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Catalog, digestOf, type MediaRecord, newId } from '@mediakeep/core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { sqliteCatalog } from './index.ts'

let folder: string
let catalog: Catalog

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediakeep-sqlite-'))
  catalog = sqliteCatalog({ file: join(folder, 'catalog.db') })
  await catalog.open()
})
afterEach(async () => {
  await catalog.close()
  await rm(folder, { recursive: true })
})

async function put(
  text: string,
  more: { key?: string; owner?: string; tags?: string[] } = {},
): Promise<MediaRecord> {
  const digest = digestOf(Buffer.from(text))
  const placementId = newId()
  const staged = await catalog.stagePlacement({
    session: { id: newId(), namespace: 'n', owner: more.owner ?? 'o', ttlMs: 60_000 },
    domain: '',
    digest,
    sizeBytes: text.length,
    chunkSums: new Uint8Array([1, 2, 3, 4]),
    volumeId: 'v',
    placementId,
    key: `k/${placementId}`,
  })
  if (staged.type !== 'staged') throw new Error('repeated')
  const { record } = await catalog.commitContent({
    session: staged.session,
    blobId: staged.blobId,
    ...(staged.existing.length === 0 ? { placement: { id: placementId, storedBytes: text.length } } : {}),
    media: {
      newId: newId(),
      namespace: 'n',
      owner: more.owner ?? 'o',
      ...(more.key === undefined ? {} : { at: { key: more.key } }),
      ...(more.tags === undefined ? {} : { tags: more.tags }),
    },
    content: { contentType: 'image/png', filename: 'a b.png', facts: { width: 3 }, state: 'active' },
  })
  return record
}

test('a committed record is there at once, by id and by key', async () => {
  const record = await put('hello', { key: 'a/b.png', tags: ['x'] })
  expect(await catalog.get('n', record.id)).toEqual(record)
  expect(await catalog.get('n', { key: 'a/b.png' })).toEqual(record)
  expect(await catalog.get('m', record.id)).toBeUndefined()
  expect((await catalog.list('n', { tag: 'x' })).records).toEqual([record])
  expect((await catalog.list('n', {})).records).toEqual([record])
  expect(await catalog.chunkSums(record.content.blobId)).toEqual(Buffer.from([1, 2, 3, 4]))
  expect(await catalog.get('n', record.id)).toBe(await catalog.get('n', record.id))
})

test('a record that another catalog changed is never served from memory', async () => {
  const record = await put('hello', { key: 'k' })
  const other = sqliteCatalog({ file: join(folder, 'catalog.db') })
  await other.open()
  for (let at = 0; at < 20; at++) {
    expect((await catalog.get('n', { key: 'k' }))?.revision).toBe(record.revision + at)
    await other.update('n', { key: 'k' }, { tags: [`${at}`] })
  }
  expect((await catalog.get('n', record.id))?.tags).toEqual(['19'])
  await other.delete('n', record.id)
  expect(await catalog.get('n', record.id)).toBeUndefined()
  await other.close()
})

test('what an awaited write did is seen by the next get', async () => {
  const record = await put('hello')
  for (let at = 0; at < 20; at++) {
    const { revision } = await catalog.update('n', record.id, { filename: `${at}.png` })
    expect(await catalog.get('n', record.id)).toMatchObject({ revision, content: { filename: `${at}.png` } })
  }
})

test('a list by several filters is the intersection, newest first, page by page', async () => {
  const wanted: string[] = []
  for (let at = 0; at < 60; at++) {
    const record = await put(`body ${at}`, { owner: `o${at % 2}`, tags: [`t${at % 3}`] })
    if (at % 6 === 0) wanted.unshift(record.id)
  }
  const found: string[] = []
  let cursor: string | undefined
  do {
    const page = await catalog.list('n', {
      owner: 'o0',
      tag: 't0',
      limit: 3,
      ...(cursor === undefined ? {} : { cursor }),
    })
    found.push(...page.records.map((record) => record.id))
    cursor = page.nextCursor
  } while (cursor !== undefined)
  expect(found).toEqual(wanted)
})
