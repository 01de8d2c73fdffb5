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
  catalog = sqliteCatalog({ file: join(folder, 'catalog.db'), lists: 'process' })
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

test('a page in process shows what another catalog changed and deleted, and nothing of before', async () => {
  const records: MediaRecord[] = []
  for (let at = 0; at < 5; at++) records.unshift(await put(`body ${at}`, { owner: 'o1' }))
  const [newest, second, third] = records
  if (newest === undefined || second === undefined || third === undefined) throw new Error('five were put')
  const revisions = async (): Promise<readonly number[]> =>
    (await catalog.list('n', { owner: 'o1' })).records.map(({ revision }) => revision)
  const other = sqliteCatalog({ file: join(folder, 'catalog.db') })
  await other.open()
  expect(await revisions()).toEqual([1, 1, 1, 1, 1])
  for (let at = 2; at < 12; at++) {
    await other.update('n', second.id, { tags: [`${at}`] })
    expect(await revisions()).toEqual([1, at, 1, 1, 1])
  }
  // The same turn of the event loop: what `get` remembers is of one version, and so is the page.
  const [, page] = await Promise.all([catalog.get('n', newest.id), catalog.list('n', { owner: 'o1' })])
  expect(page.records.map(({ id }) => id)).toEqual(records.map(({ id }) => id))
  await other.delete('n', third.id)
  expect(await revisions()).toEqual([1, 11, 1, 1])
  await other.close()
})

test('a page holds the records that get() knows already, in its own order', async () => {
  const ids: string[] = []
  for (let at = 0; at < 6; at++) ids.unshift((await put(`body ${at}`)).id)
  const known = await Promise.all([1, 2, 5].map((at) => catalog.get('n', ids[at] ?? '')))
  const { records } = await catalog.list('n', { owner: 'o' })
  expect(records.map(({ id }) => id)).toEqual(ids)
  expect([1, 2, 5].map((at, nth) => records[at] === known[nth])).toEqual([true, true, true])
  expect(await catalog.get('n', ids[0] ?? '')).toBe(records[0])
})

test('nobody can change the records that others see', async () => {
  const { id } = await put('hello', { tags: ['x'] })
  const record = await catalog.get('n', id)
  if (record === undefined) throw new Error('it was put')
  const before = structuredClone(record)
  expect(before.createdAt).toBeInstanceOf(Date)
  record.createdAt.setTime(0)
  record.updatedAt.setTime(0)
  record.content.createdAt.setTime(0)
  for (const part of [
    record,
    record.tags,
    record.content,
    record.content.facts,
    record.content.placements[0],
  ])
    expect(Object.isFrozen(part)).toBe(true)
  expect((await catalog.list('n', {})).records).toEqual([before])
})
