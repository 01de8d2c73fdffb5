import assert from 'node:assert/strict'
import { newId } from '@mediakeep/core'
import type { CatalogCase } from '../context.ts'
import { listIds, recordOf, refuses, sameRecord } from '../expect.ts'
import { ALPHA, BETA, commitInput, put, stage, timeOf } from '../put.ts'

/** Every kind of fact. */
const FACTS = {
  width: 640,
  height: 480,
  orientation: 6,
  durationMs: 1_500,
  captureTime: '2024-06-01T12:30:45+02:00',
  camera: { make: 'Äcme "1"', lens: '株式会社', exposureSeconds: 0.004 },
  position: { latitude: -33.859833, longitude: 151.211111 },
}

/** What a commit makes, and what get() gives. */
export const recordCases: readonly CatalogCase[] = [
  {
    id: 'get.absent',
    claim: 'get() answers undefined for an id and a key that are not there',
    async check({ catalog }) {
      await put(catalog, { at: { key: 'there' } })
      assert.equal(await catalog.get(ALPHA, newId()), undefined, 'an unknown id')
      assert.equal(await catalog.get(ALPHA, { key: 'ther' }), undefined, 'an unknown key')
      assert.equal(await catalog.get('gamma', { key: 'there' }), undefined, 'an unknown namespace')
    },
  },
  {
    id: 'commit.record',
    claim: 'commitContent() makes a record of all that was given, and get() gives it back by id and by key',
    async check({ catalog }) {
      const id = newId()
      const metadata = { title: 'Soup', steps: [1, 2], deep: { yes: true, no: null, text: '' } }
      const links = [
        { kind: 'recipe', target: '42/step/3' },
        { kind: 'album', target: 'a b' },
      ]
      const staged = await stage(catalog, { bytes: 'soup', owner: 'bob' })
      const { record, created, redundant } = await catalog.commitContent({
        ...commitInput(staged, {
          id,
          at: { key: 'soups/1.webp' },
          owner: 'bob',
          visibility: 'public',
          tags: ['food', 'warm'],
          metadata,
          links,
          contentType: 'image/webp',
          filename: 'soup.webp',
          facts: FACTS,
        }),
        placement: { id: staged.placementId, storedBytes: 17, etag: 'e1' },
      })
      assert.equal(created, true)
      assert.equal(redundant, false)
      for (const shown of [
        record,
        await catalog.get(ALPHA, id),
        await catalog.get(ALPHA, { key: 'soups/1.webp' }),
      ]) {
        assert.ok(shown !== undefined, 'the record')
        const { createdAt, updatedAt, content, ...fields } = shown
        assert.deepEqual(
          { ...fields, tags: [...fields.tags], links: fields.links.map((link) => ({ ...link })) },
          {
            id,
            namespace: ALPHA,
            key: 'soups/1.webp',
            owner: 'bob',
            visibility: 'public',
            revision: 1,
            tags: ['food', 'warm'],
            metadata,
            links,
          },
        )
        assert.ok(createdAt instanceof Date && updatedAt instanceof Date, 'times are dates')
        const { placements, facts, createdAt: contentAt, ...rest } = content
        assert.deepEqual(
          { ...rest },
          {
            number: 1,
            state: 'active',
            blobId: staged.blobId,
            digest: staged.digest,
            sizeBytes: 4,
            contentType: 'image/webp',
            filename: 'soup.webp',
          },
        )
        assert.ok(contentAt instanceof Date)
        assert.deepEqual(structuredClone(facts), FACTS)
        assert.deepEqual(
          placements.map((placement) => ({ ...placement })),
          [
            {
              id: staged.placementId,
              blobId: staged.blobId,
              volumeId: 'kit-disk',
              key: staged.key,
              state: 'live',
              owned: true,
              storedBytes: 17,
              etag: 'e1',
            },
          ],
        )
      }
    },
  },
  {
    id: 'commit.defaults',
    claim:
      'commitContent() with nothing but bytes makes a private record without key, tags, metadata and links',
    async check({ catalog }) {
      const { record } = await put(catalog)
      const shown = await recordOf(catalog, ALPHA, record.id)
      assert.equal(shown.visibility, 'private')
      assert.equal(shown.key, undefined)
      assert.ok(!('key' in shown) || shown.key === undefined)
      assert.deepEqual([...shown.tags], [])
      assert.deepEqual({ ...shown.metadata }, {})
      assert.deepEqual([...shown.links], [])
      assert.deepEqual({ ...shown.content.facts }, {})
      assert.equal(shown.revision, 1)
      assert.equal(shown.content.number, 1)
    },
  },
  {
    id: 'commit.empty',
    claim: 'commitContent() takes an empty body',
    async check({ catalog }) {
      const { record } = await put(catalog, { bytes: '' })
      assert.equal((await recordOf(catalog, ALPHA, record.id)).content.sizeBytes, 0)
    },
  },
  {
    id: 'commit.repeats',
    claim: 'repeated tags and links of a put are kept once, in the order given',
    async check({ catalog }) {
      const link = { kind: 'k', target: 't' }
      const { record } = await put(catalog, {
        tags: ['b', 'a', 'b', 'a'],
        links: [link, { ...link, target: 's' }, { ...link }],
      })
      const shown = await recordOf(catalog, ALPHA, record.id)
      assert.deepEqual([...shown.tags], ['b', 'a'])
      assert.deepEqual(
        shown.links.map(({ target }) => target),
        ['t', 's'],
      )
    },
  },
  {
    id: 'commit.id-taken',
    claim:
      'commitContent() refuses the id of another record, in any namespace, and leaves that record as it is',
    async check({ catalog }) {
      const { record } = await put(catalog)
      await refuses('MEDIA_CONFLICT', put(catalog, { id: record.id }), 'the same namespace')
      await refuses('MEDIA_CONFLICT', put(catalog, { id: record.id, namespace: BETA }), 'another namespace')
      sameRecord(await catalog.get(ALPHA, record.id), record, 'the record')
    },
  },
  {
    id: 'namespaces.records',
    claim: 'a record is seen in its own namespace only',
    async check({ catalog }) {
      const { record } = await put(catalog, { at: { key: 'one' } })
      assert.equal(await catalog.get(BETA, record.id), undefined, 'get() by id')
      assert.equal(await catalog.get(BETA, { key: 'one' }), undefined, 'get() by key')
      assert.deepEqual(await listIds(catalog, BETA), [], 'list()')
      assert.equal(await catalog.delete(BETA, record.id), undefined, 'delete()')
      await refuses('MEDIA_ABSENT', catalog.update(BETA, record.id, { owner: 'x' }), 'update()')
      await refuses('MEDIA_ABSENT', put(catalog, { namespace: BETA, at: record.id }), 'a replacement')
      sameRecord(await catalog.get(ALPHA, record.id), record, 'the record')
    },
  },
  {
    id: 'namespaces.keys',
    claim: 'the same key names another record in another namespace',
    async check({ catalog }) {
      const one = await put(catalog, { at: { key: 'same' } })
      const two = await put(catalog, { at: { key: 'same' }, namespace: BETA })
      assert.equal(two.created, true)
      assert.equal((await recordOf(catalog, ALPHA, { key: 'same' })).id, one.record.id)
      assert.equal((await recordOf(catalog, BETA, { key: 'same' })).id, two.record.id)
    },
  },
  {
    id: 'records.times',
    claim: "createdAt and updatedAt are the catalog's times; a change moves updatedAt only",
    async check({ catalog, advance }) {
      const before = await timeOf(catalog)
      const { record } = await put(catalog)
      const after = await timeOf(catalog)
      const createdMs = record.createdAt.getTime()
      assert.ok(
        createdMs >= before && createdMs <= after,
        `created at ${createdMs}, between ${before} and ${after}`,
      )
      assert.equal(record.updatedAt.getTime(), createdMs)
      await advance(20)
      const updated = await catalog.update(ALPHA, record.id, { owner: 'x' })
      assert.equal(updated.createdAt.getTime(), createdMs)
      assert.ok(updated.updatedAt.getTime() >= createdMs + 20, 'updatedAt after a change')
      await advance(20)
      const replaced = await put(catalog, { at: record.id })
      assert.equal(replaced.record.createdAt.getTime(), createdMs)
      assert.ok(replaced.record.content.createdAt.getTime() >= createdMs + 40, 'createdAt of the new content')
      assert.ok(replaced.record.updatedAt.getTime() >= createdMs + 40, 'updatedAt after a replacement')
    },
  },
  {
    id: 'records.snapshots',
    claim: 'what a caller does to a record it was given changes nothing in the catalog',
    async check({ catalog }) {
      const input = {
        at: { key: 'k' },
        tags: ['a'],
        metadata: { list: [1] },
        links: [{ kind: 'k', target: 't' }],
      }
      const { record } = await put(catalog, input)
      const { id } = record
      const wanted = JSON.stringify(await recordOf(catalog, ALPHA, id))
      for (const look of [
        async () => record,
        () => recordOf(catalog, ALPHA, id),
        async () => (await catalog.list(ALPHA, {})).records[0],
        async () => (await catalog.linked(ALPHA, input.links, 1))[0]?.[0],
      ]) {
        scribble(await look())
        assert.equal(JSON.stringify(await recordOf(catalog, ALPHA, id)), wanted)
      }
    },
  },
  {
    id: 'records.inputs',
    claim: 'what a caller does to its input after the call changes nothing in the catalog',
    async check({ catalog }) {
      const tags = ['a']
      const list = [1]
      const metadata = { list }
      const link = { kind: 'k', target: 't' }
      const links = [link]
      const { record } = await put(catalog, { tags, metadata, links })
      const wanted = JSON.stringify(await recordOf(catalog, ALPHA, record.id))
      tags.push('b')
      list.push(2)
      link.target = 'u'
      links.push({ kind: 'k', target: 'v' })
      assert.equal(JSON.stringify(await recordOf(catalog, ALPHA, record.id)), wanted)
    },
  },
]

/** Writes all over an object, as far as it lets itself. */
function scribble(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  if (value instanceof Date) {
    value.setTime(0)
    return
  }
  for (const name of Object.keys(value)) {
    const member: unknown = Reflect.get(value, name)
    if (typeof member === 'object') scribble(member)
    else Reflect.set(value, name, 'scribbled')
  }
  Reflect.set(value, 'added', 'scribbled')
}
