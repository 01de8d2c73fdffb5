import assert from 'node:assert/strict'
import { etagOfDigest, type MediaChange, newId } from '@mediakeep/core'
import type { CatalogCase } from '../context.ts'
import { listIds, recordOf, refuses, sameRecord } from '../expect.ts'
import { ALPHA, put } from '../put.ts'

/** update() and delete(). */
export const changeCases: readonly CatalogCase[] = [
  {
    id: 'update.each',
    claim: 'update() changes the members given and no other, and the revision grows by one each time',
    async check({ catalog }) {
      const { record } = await put(catalog, {
        tags: ['a'],
        metadata: { a: 1 },
        links: [{ kind: 'k', target: 't' }],
      })
      const changes: MediaChange[] = [
        { key: 'new/key' },
        { filename: 'renamed.png' },
        { owner: 'bob' },
        { visibility: 'public' },
        { tags: ['b', 'c'] },
        { metadata: { b: [2] } },
        { links: [{ kind: 'k', target: 'u' }] },
      ]
      let wanted: Record<string, unknown> = { ...flat(record) }
      for (const [at, change] of changes.entries()) {
        const updated = await catalog.update(ALPHA, record.id, change)
        wanted = { ...wanted, ...change }
        assert.deepEqual(flat(updated), wanted, `after ${JSON.stringify(change)}`)
        assert.equal(updated.revision, at + 2)
        sameRecord(await catalog.get(ALPHA, record.id), updated, 'get()')
      }
    },
  },
  {
    id: 'update.by-key',
    claim: 'update() finds the record by key',
    async check({ catalog }) {
      const { record } = await put(catalog, { at: { key: 'k' } })
      await put(catalog, { at: { key: 'l' } })
      const updated = await catalog.update(ALPHA, { key: 'k' }, { owner: 'bob' })
      assert.equal(updated.id, record.id)
      assert.equal((await recordOf(catalog, ALPHA, { key: 'l' })).owner, 'ann')
    },
  },
  {
    id: 'update.key-away',
    claim: 'update() with `key: null` takes the key away, which is free then',
    async check({ catalog }) {
      const { record } = await put(catalog, { at: { key: 'k' } })
      const updated = await catalog.update(ALPHA, record.id, { key: null })
      assert.equal(updated.key, undefined)
      assert.equal(await catalog.get(ALPHA, { key: 'k' }), undefined)
      const other = await put(catalog, { at: { key: 'k' } })
      assert.equal(other.created, true)
      assert.notEqual(other.record.id, record.id)
      assert.equal((await recordOf(catalog, ALPHA, record.id)).key, undefined)
    },
  },
  {
    id: 'update.key-moves',
    claim: 'update() of the key moves the name: the old one is free, the new one finds the record',
    async check({ catalog }) {
      const { record } = await put(catalog, { at: { key: 'old' } })
      await catalog.update(ALPHA, record.id, { key: 'new' })
      assert.equal(await catalog.get(ALPHA, { key: 'old' }), undefined)
      assert.equal((await recordOf(catalog, ALPHA, { key: 'new' })).id, record.id)
    },
  },
  {
    id: 'update.key-taken',
    claim: 'update() refuses the key of another record and changes nothing; its own key it may be given',
    async check({ catalog }) {
      await put(catalog, { at: { key: 'taken' } })
      const { record } = await put(catalog, { at: { key: 'mine' } })
      await refuses(
        'MEDIA_CONFLICT',
        catalog.update(ALPHA, record.id, { key: 'taken', owner: 'changed' }),
        'the key of another',
      )
      sameRecord(await catalog.get(ALPHA, { key: 'mine' }), record, 'the record')
      assert.equal((await catalog.update(ALPHA, record.id, { key: 'mine' })).key, 'mine')
    },
  },
  {
    id: 'update.absent',
    claim: 'update() of a record that is not there is refused with MEDIA_ABSENT',
    async check({ catalog }) {
      await refuses('MEDIA_ABSENT', catalog.update(ALPHA, newId(), { owner: 'x' }), 'by id')
      await refuses('MEDIA_ABSENT', catalog.update(ALPHA, { key: 'k' }, { owner: 'x' }), 'by key')
      const ifRevision = { ifRevision: 1 }
      await refuses('MEDIA_ABSENT', catalog.update(ALPHA, newId(), {}, ifRevision), 'with a revision')
    },
  },
  {
    id: 'update.revision',
    claim: 'update() under `ifRevision` happens at exactly this revision',
    async check({ catalog }) {
      const { record } = await put(catalog)
      const updated = await catalog.update(ALPHA, record.id, { owner: 'b' }, { ifRevision: 1 })
      for (const ifRevision of [0, 1, 3]) {
        const call = catalog.update(ALPHA, record.id, { owner: 'c' }, { ifRevision })
        await refuses('MEDIA_PRECONDITION', call, `revision ${ifRevision}`)
      }
      sameRecord(await catalog.get(ALPHA, record.id), updated, 'the record')
    },
  },
  {
    id: 'update.waiting',
    claim: 'update() of the file name renames the content that serves',
    async check({ catalog }) {
      const { record } = await put(catalog, { filename: 'first.png' })
      await put(catalog, { at: record.id, filename: 'second.png', state: 'pending' })
      const updated = await catalog.update(ALPHA, record.id, { filename: 'renamed.png' })
      assert.equal(updated.content.filename, 'renamed.png')
      assert.equal(updated.content.number, 1)
    },
  },
  {
    id: 'delete.record',
    claim: 'delete() gives the record as it was, and then it is gone from get, list and links',
    async check({ catalog }) {
      const links = [{ kind: 'k', target: 't' }]
      const { record } = await put(catalog, { at: { key: 'k' }, tags: ['t'], links })
      sameRecord(await catalog.delete(ALPHA, record.id), record, 'delete()')
      assert.equal(await catalog.get(ALPHA, record.id), undefined, 'get() by id')
      assert.equal(await catalog.get(ALPHA, { key: 'k' }), undefined, 'get() by key')
      assert.deepEqual(await listIds(catalog, ALPHA), [], 'list()')
      assert.deepEqual(await listIds(catalog, ALPHA, { tag: 't' }), [], 'list() by tag')
      assert.deepEqual((await catalog.linked(ALPHA, links, 10)).flat(), [], 'linked()')
      await refuses('MEDIA_ABSENT', catalog.update(ALPHA, record.id, {}), 'update()')
    },
  },
  {
    id: 'delete.by-key',
    claim: 'delete() by key deletes that record only',
    async check({ catalog }) {
      const one = await put(catalog, { at: { key: 'one' } })
      const two = await put(catalog, { at: { key: 'two' } })
      assert.equal((await catalog.delete(ALPHA, { key: 'one' }))?.id, one.record.id)
      assert.deepEqual(await listIds(catalog, ALPHA), [two.record.id])
    },
  },
  {
    id: 'delete.absent',
    claim: 'delete() of what is not there answers undefined, whatever the condition',
    async check({ catalog }) {
      const { record } = await put(catalog)
      await catalog.delete(ALPHA, record.id)
      assert.equal(await catalog.delete(ALPHA, record.id), undefined, 'again')
      assert.equal(await catalog.delete(ALPHA, { key: 'k' }), undefined, 'by key')
      assert.equal(
        await catalog.delete(ALPHA, record.id, { when: { type: 'exists' } }),
        undefined,
        'under exists',
      )
    },
  },
  {
    id: 'delete.key-free',
    claim: 'the key of a deleted record is free for another one',
    async check({ catalog }) {
      const { record } = await put(catalog, { at: { key: 'k' }, tags: ['old'] })
      await catalog.delete(ALPHA, record.id)
      const again = await put(catalog, { at: { key: 'k' } })
      assert.equal(again.created, true)
      assert.notEqual(again.record.id, record.id)
      assert.equal(again.record.revision, 1)
      assert.deepEqual([...again.record.tags], [])
    },
  },
  {
    id: 'delete.when',
    claim: 'delete() under a condition that does not hold is refused and deletes nothing',
    async check({ catalog }) {
      const { record } = await put(catalog, { bytes: 'these' })
      const digest = record.content.digest
      assert.ok(digest !== undefined)
      const refused = [
        { type: 'absent' },
        { type: 'match', etags: ['other'] },
        { type: 'revision', revision: 2 },
      ] as const
      for (const when of refused) {
        await refuses('MEDIA_PRECONDITION', catalog.delete(ALPHA, record.id, { when }), when.type)
      }
      sameRecord(await catalog.get(ALPHA, record.id), record, 'the record')
      const when = { type: 'match', etags: [etagOfDigest(digest)] } as const
      assert.equal((await catalog.delete(ALPHA, record.id, { when }))?.id, record.id)
      const other = await put(catalog)
      const revision = { type: 'revision', revision: 1 } as const
      assert.equal((await catalog.delete(ALPHA, other.record.id, { when: revision }))?.id, other.record.id)
    },
  },
]

/** What a change may touch. */
function flat(record: Awaited<ReturnType<typeof recordOf>>): Record<string, unknown> {
  return {
    ...(record.key === undefined ? {} : { key: record.key }),
    filename: record.content.filename,
    owner: record.owner,
    visibility: record.visibility,
    tags: [...record.tags],
    metadata: { ...record.metadata },
    links: record.links.map((link) => ({ ...link })),
  }
}
