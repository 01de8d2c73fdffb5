import assert from 'node:assert/strict'
import type { CatalogCase } from '../context.ts'
import { listAll, listIds, refuses, sameRecord } from '../expect.ts'
import { ALPHA, BETA, put } from '../put.ts'
import { fill } from './fill.ts'

/** Pages, order, cursors. */
export const listCases: readonly CatalogCase[] = [
  {
    id: 'list.newest-first',
    claim: 'list() gives the records of the namespace, newest first',
    async check({ catalog }) {
      const ids = await fill(catalog, 12)
      await put(catalog, { namespace: BETA })
      assert.deepEqual(await listIds(catalog, ALPHA), ids)
      assert.deepEqual({ ...(await catalog.list('gamma', {})), records: [] }, { records: [] })
    },
  },
  {
    id: 'list.whole-records',
    claim: 'list() gives whole records, the same as get()',
    async check({ catalog }) {
      await fill(catalog, 3, (n) => ({
        bytes: `bytes ${n}`,
        at: { key: `k${n}` },
        tags: ['a', `t${n}`],
        metadata: { n },
        links: [{ kind: 'k', target: `${n}` }],
      }))
      for (const record of await listAll(catalog, ALPHA)) {
        sameRecord(await catalog.get(ALPHA, record.id), record, 'get()')
      }
      assert.equal((await listAll(catalog, ALPHA)).length, 3)
    },
  },
  {
    id: 'list.limit',
    claim: 'a page holds 50 records by default and never more than asked for',
    async check({ catalog }) {
      const ids = await fill(catalog, 60)
      const page = await catalog.list(ALPHA, {})
      assert.deepEqual(
        page.records.map(({ id }) => id),
        ids.slice(0, 50),
      )
      assert.ok(page.nextCursor !== undefined)
      const one = await catalog.list(ALPHA, { limit: 1 })
      assert.deepEqual(
        one.records.map(({ id }) => id),
        ids.slice(0, 1),
      )
      assert.equal((await catalog.list(ALPHA, { limit: 100 })).records.length, 60)
    },
  },
  {
    id: 'list.bad-limit',
    claim: 'a limit that is no whole number from 1 to 100 is refused with MEDIA_BAD_INPUT',
    async check({ catalog }) {
      await put(catalog)
      for (const limit of [0, -1, 101, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
        await refuses('MEDIA_BAD_INPUT', catalog.list(ALPHA, { limit }), `limit ${limit}`)
      }
    },
  },
  {
    id: 'list.pages',
    claim: 'pages of any size give every one of 1,200 records exactly once, in order',
    async check({ catalog }) {
      const ids = await fill(catalog, 1_200, (n) => (n % 3 === 0 ? { tags: ['third'] } : {}))
      for (const limit of [7, 64, 100])
        assert.deepEqual(await listIds(catalog, ALPHA, { limit }), ids, `by ${limit}`)
      const third = ids.filter((_, n) => (1_199 - n) % 3 === 0)
      for (const limit of [9, 100]) {
        assert.deepEqual(await listIds(catalog, ALPHA, { limit, tag: 'third' }), third, `the tag by ${limit}`)
      }
    },
  },
  {
    id: 'list.last-page',
    claim: 'the last page has no cursor, also when it is full',
    async check({ catalog }) {
      const ids = await fill(catalog, 20, () => ({ tags: ['t'] }))
      for (const query of [{}, { tag: 't' }, { tag: 't', owner: 'ann' }]) {
        const first = await catalog.list(ALPHA, { ...query, limit: 10 })
        assert.ok(first.nextCursor !== undefined)
        const last = await catalog.list(ALPHA, { ...query, limit: 10, cursor: first.nextCursor })
        assert.deepEqual(
          last.records.map(({ id }) => id),
          ids.slice(10),
        )
        assert.equal(last.nextCursor, undefined)
      }
    },
  },
  {
    id: 'list.limit-changes',
    claim: 'the size of pages may change on the way',
    async check({ catalog }) {
      const ids = await fill(catalog, 20)
      const first = await catalog.list(ALPHA, { limit: 3 })
      assert.ok(first.nextCursor !== undefined)
      const second = await catalog.list(ALPHA, { limit: 100, cursor: first.nextCursor })
      assert.deepEqual(
        [...first.records, ...second.records].map(({ id }) => id),
        ids,
      )
    },
  },
  {
    id: 'list.stable',
    claim: 'paging goes on steadily while records come and go: none twice, none that stays is missed',
    async check({ catalog }) {
      const ids = await fill(catalog, 60)
      const seen: string[] = []
      const gone = new Set<string>()
      let cursor: string | undefined
      do {
        const page = await catalog.list(ALPHA, { limit: 7, ...(cursor === undefined ? {} : { cursor }) })
        seen.push(...page.records.map(({ id }) => id))
        cursor = page.nextCursor
        // Newer ones come, the last one seen goes, and so does one further down.
        await put(catalog, { bytes: 'listed' })
        const last = seen.at(-1)
        const further = ids[seen.length + 3]
        if (last !== undefined) await catalog.delete(ALPHA, last)
        if (further !== undefined) {
          gone.add(further)
          await catalog.delete(ALPHA, further)
        }
      } while (cursor !== undefined)
      assert.equal(new Set(seen).size, seen.length, 'a record came twice')
      assert.deepEqual(
        seen,
        ids.filter((id) => !gone.has(id) || seen.includes(id)),
        'what stays comes, in order',
      )
    },
  },
  {
    id: 'cursor.other-query',
    claim: 'a cursor of another query or namespace is refused with MEDIA_BAD_INPUT',
    async check({ catalog }) {
      await fill(catalog, 4, () => ({ tags: ['t'] }))
      const { nextCursor: cursor } = await catalog.list(ALPHA, { limit: 1, tag: 't' })
      assert.ok(cursor !== undefined)
      for (const query of [{}, { tag: 'u' }, { tag: 't', owner: 'ann' }, { q: 't' }, { owner: 't' }]) {
        await refuses(
          'MEDIA_BAD_INPUT',
          catalog.list(ALPHA, { ...query, cursor }),
          JSON.stringify(query),
          'bad-cursor',
        )
      }
      await refuses(
        'MEDIA_BAD_INPUT',
        catalog.list(BETA, { tag: 't', cursor }),
        'another namespace',
        'bad-cursor',
      )
      assert.equal((await catalog.list(ALPHA, { tag: 't', cursor })).records.length, 3)
    },
  },
  {
    id: 'cursor.garbage',
    claim: 'a cursor that was not made here is refused with MEDIA_BAD_INPUT, whatever it is',
    async check({ catalog }) {
      await fill(catalog, 3)
      const { nextCursor } = await catalog.list(ALPHA, { limit: 1 })
      assert.ok(nextCursor !== undefined)
      const cursors = [
        '',
        ' ',
        'x',
        '%00',
        '../../etc/passwd',
        '\0',
        '😀',
        'null',
        '{}',
        nextCursor.slice(0, -3),
        `${nextCursor}A`,
        ` ${nextCursor}`,
        nextCursor.repeat(2),
        'A'.repeat(100_000),
        Buffer.from('1.x.y').toString('base64url'),
        Buffer.from("1.x.' OR 1=1 --").toString('base64url'),
      ]
      for (const cursor of cursors) {
        const shown = JSON.stringify(cursor.slice(0, 60))
        await refuses('MEDIA_BAD_INPUT', catalog.list(ALPHA, { cursor }), shown, 'bad-cursor')
      }
    },
  },
]
