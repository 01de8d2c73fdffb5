import assert from 'node:assert/strict'
import { etagOfDigest, newId } from '@mediakeep/core'
import type { CatalogCase } from '../context.ts'
import { listIds, recordOf, refuses, sameRecord } from '../expect.ts'
import { ALPHA, commitInput, put, stage } from '../put.ts'

/** Replacing content, and the conditions of writes. */
export const replaceCases: readonly CatalogCase[] = [
  {
    id: 'replace.by-key',
    claim: 'a put at a key that exists replaces the content of that record and keeps its id',
    async check({ catalog }) {
      const first = await put(catalog, { at: { key: 'k' }, bytes: 'one' })
      const { record, created } = await put(catalog, {
        at: { key: 'k' },
        bytes: 'second',
        contentType: 'text/plain',
        filename: 'two.txt',
        facts: { width: 2 },
      })
      assert.equal(created, false)
      for (const shown of [record, await recordOf(catalog, ALPHA, { key: 'k' })]) {
        assert.equal(shown.id, first.record.id)
        assert.equal(shown.revision, 2)
        assert.equal(shown.content.number, 2)
        assert.equal(shown.content.sizeBytes, 6)
        assert.notEqual(shown.content.digest, first.record.content.digest)
        assert.equal(shown.content.contentType, 'text/plain')
        assert.equal(shown.content.filename, 'two.txt')
        assert.deepEqual({ ...shown.content.facts }, { width: 2 })
      }
      assert.deepEqual(await listIds(catalog, ALPHA), [first.record.id])
    },
  },
  {
    id: 'replace.by-id',
    claim: 'a put at an id replaces the content of that record, which keeps its key',
    async check({ catalog }) {
      const first = await put(catalog, { at: { key: 'k' } })
      const { record, created } = await put(catalog, { at: first.record.id })
      assert.equal(created, false)
      assert.equal(record.id, first.record.id)
      assert.equal(record.key, 'k')
      assert.equal(record.content.number, 2)
      sameRecord(await catalog.get(ALPHA, first.record.id), record, 'get()')
    },
  },
  {
    id: 'replace.absent-id',
    claim: 'a put at an id that does not exist is refused with MEDIA_ABSENT and makes nothing',
    async check({ catalog }) {
      const id = newId()
      await refuses('MEDIA_ABSENT', put(catalog, { at: id }), 'without a condition')
      await refuses('MEDIA_ABSENT', put(catalog, { at: id, id }), 'with the same new id')
      assert.deepEqual(await listIds(catalog, ALPHA), [])
    },
  },
  {
    id: 'replace.keeps',
    claim: 'a replacement that gives nothing keeps owner, visibility, tags, metadata and links',
    async check({ catalog }) {
      const { record } = await put(catalog, {
        owner: 'ann',
        visibility: 'public',
        tags: ['t'],
        metadata: { a: 1 },
        links: [{ kind: 'k', target: 't' }],
      })
      await put(catalog, { at: record.id, owner: 'someone else' })
      const shown = await recordOf(catalog, ALPHA, record.id)
      assert.equal(shown.owner, 'ann')
      assert.equal(shown.visibility, 'public')
      assert.deepEqual([...shown.tags], ['t'])
      assert.deepEqual({ ...shown.metadata }, { a: 1 })
      assert.deepEqual(
        shown.links.map((link) => ({ ...link })),
        [{ kind: 'k', target: 't' }],
      )
    },
  },
  {
    id: 'replace.gives',
    claim: 'a replacement puts what it gives in place of visibility, tags, metadata and links',
    async check({ catalog }) {
      const { record } = await put(catalog, {
        visibility: 'public',
        tags: ['t'],
        metadata: { a: 1 },
        links: [{ kind: 'k', target: 't' }],
      })
      await put(catalog, { at: record.id, visibility: 'private', tags: ['u'], metadata: { b: 2 }, links: [] })
      const shown = await recordOf(catalog, ALPHA, record.id)
      assert.equal(shown.visibility, 'private')
      assert.deepEqual([...shown.tags], ['u'])
      assert.deepEqual({ ...shown.metadata }, { b: 2 })
      assert.deepEqual([...shown.links], [])
      assert.deepEqual(await listIds(catalog, ALPHA, { tag: 't' }), [], 'the old tag')
      assert.deepEqual(await listIds(catalog, ALPHA, { tag: 'u' }), [record.id], 'the new tag')
    },
  },
  {
    id: 'replace.pending',
    claim: 'content that is not active waits beside the active one, which goes on serving',
    async check({ catalog }) {
      const first = await put(catalog, { at: { key: 'k' }, bytes: 'serving' })
      const second = await put(catalog, { at: { key: 'k' }, bytes: 'waiting', state: 'pending' })
      for (const shown of [second.record, await recordOf(catalog, ALPHA, { key: 'k' })]) {
        assert.equal(shown.content.number, 1)
        assert.equal(shown.content.state, 'active')
        assert.equal(shown.content.digest, first.record.content.digest)
        assert.equal(shown.revision, 2)
      }
      const third = await put(catalog, { at: { key: 'k' }, bytes: 'next' })
      assert.equal(third.record.content.number, 3)
      assert.equal(third.record.content.state, 'active')
    },
  },
  {
    id: 'replace.newest-pending',
    claim: 'where no content is active the newest one is shown',
    async check({ catalog }) {
      await put(catalog, { at: { key: 'k' }, bytes: 'a', state: 'quarantined' })
      const { record } = await put(catalog, { at: { key: 'k' }, bytes: 'bb', state: 'pending' })
      assert.equal(record.content.number, 2)
      assert.equal(record.content.state, 'pending')
      assert.equal((await recordOf(catalog, ALPHA, record.id)).content.sizeBytes, 2)
    },
  },
  {
    id: 'replace.same-bytes',
    claim: 'a replacement by the same bytes is a new content of the same blob',
    async check({ catalog }) {
      const first = await put(catalog, { at: { key: 'k' }, bytes: 'same' })
      const { record } = await put(catalog, { at: { key: 'k' }, bytes: 'same' })
      assert.equal(record.content.number, 2)
      assert.equal(record.content.blobId, first.record.content.blobId)
      assert.equal((await recordOf(catalog, ALPHA, record.id)).content.placements.length, 1)
    },
  },
  {
    id: 'when.absent',
    claim: 'a put under `absent` makes a new record, and is refused where one is',
    async check({ catalog }) {
      const { record, created } = await put(catalog, { at: { key: 'k' }, when: { type: 'absent' } })
      assert.equal(created, true)
      const again = put(catalog, { at: { key: 'k' }, when: { type: 'absent' } })
      await refuses('MEDIA_PRECONDITION', again, 'by key')
      await refuses('MEDIA_PRECONDITION', put(catalog, { at: record.id, when: { type: 'absent' } }), 'by id')
      sameRecord(await catalog.get(ALPHA, { key: 'k' }), record, 'the record')
    },
  },
  {
    id: 'when.exists',
    claim: 'a put under `exists` replaces a record, and makes none',
    async check({ catalog }) {
      await refuses(
        'MEDIA_PRECONDITION',
        put(catalog, { at: { key: 'k' }, when: { type: 'exists' } }),
        'where nothing is',
      )
      assert.equal(await catalog.get(ALPHA, { key: 'k' }), undefined)
      await put(catalog, { at: { key: 'k' } })
      assert.equal((await put(catalog, { at: { key: 'k' }, when: { type: 'exists' } })).created, false)
    },
  },
  {
    id: 'when.match',
    claim: 'a put under `match` replaces exactly the bytes named by one of the etags',
    async check({ catalog }) {
      const { record } = await put(catalog, { at: { key: 'k' }, bytes: 'one' })
      const digest = record.content.digest
      assert.ok(digest !== undefined)
      const good = etagOfDigest(digest)
      for (const etags of [[], ['other'], [good.toUpperCase()], [`"${good}"`]]) {
        const call = put(catalog, { at: { key: 'k' }, when: { type: 'match', etags } })
        await refuses('MEDIA_PRECONDITION', call, `etags ${JSON.stringify(etags)}`)
      }
      await refuses(
        'MEDIA_PRECONDITION',
        put(catalog, { at: { key: 'other' }, when: { type: 'match', etags: [good] } }),
        'where nothing is',
      )
      const when = { type: 'match', etags: ['other', good] } as const
      const { record: replaced } = await put(catalog, { at: { key: 'k' }, bytes: 'two', when })
      assert.equal(replaced.content.number, 2)
      await refuses(
        'MEDIA_PRECONDITION',
        put(catalog, { at: { key: 'k' }, when }),
        'the etag of the old bytes',
      )
    },
  },
  {
    id: 'when.revision',
    claim: 'a put under `revision` replaces a record at exactly this revision',
    async check({ catalog }) {
      const { record } = await put(catalog, { at: { key: 'k' } })
      await catalog.update(ALPHA, record.id, { tags: ['changed'] })
      const stale = put(catalog, { at: { key: 'k' }, when: { type: 'revision', revision: 1 } })
      await refuses('MEDIA_PRECONDITION', stale, 'the old revision')
      const { record: replaced } = await put(catalog, {
        at: { key: 'k' },
        when: { type: 'revision', revision: 2 },
      })
      assert.equal(replaced.revision, 3)
    },
  },
  {
    id: 'when.refused-changes-nothing',
    claim: 'a refused commit changes no record, publishes no placement and leaves the session to be ended',
    async check({ catalog }) {
      const { record } = await put(catalog, { at: { key: 'k' }, tags: ['t'] })
      const input = { at: { key: 'k' }, when: { type: 'absent' }, tags: ['u'], bytes: 'refused' } as const
      const staged = await stage(catalog, input)
      await refuses(
        'MEDIA_PRECONDITION',
        catalog.commitContent(commitInput(staged, input)),
        'commitContent()',
      )
      sameRecord(await catalog.get(ALPHA, { key: 'k' }), record, 'the record')
      assert.equal(await catalog.isSessionLive(staged.session.id), true)
      const other = await stage(catalog, { bytes: 'refused' })
      assert.equal(other.existing.length, 0, 'the refused placement is not live')
      const { created } = await catalog.commitContent(commitInput(staged, { at: { key: 'l' } }))
      assert.equal(created, true, 'the session may still commit elsewhere')
    },
  },
]
