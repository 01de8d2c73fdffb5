import assert from 'node:assert/strict'
import { newId } from '@mediakeep/core'
import type { CatalogCase } from '../context.ts'
import { recordOf, refuses, sameRecord } from '../expect.ts'
import { ALPHA, BETA, put } from '../put.ts'

const step = { kind: 'recipe', target: '42/step/3' }

/** Links, from either side. */
export const linkCases: readonly CatalogCase[] = [
  {
    id: 'link.add',
    claim: 'link() adds a link to those there are, and the record shows it',
    async check({ catalog }) {
      const { record } = await put(catalog, { links: [step] })
      const linked = await catalog.link(ALPHA, record.id, { kind: 'album', target: '7' })
      assert.deepEqual(
        linked.links.map((link) => ({ ...link })),
        [step, { kind: 'album', target: '7' }],
      )
      assert.equal(linked.revision, 2)
      sameRecord(await catalog.get(ALPHA, record.id), linked, 'get()')
    },
  },
  {
    id: 'link.again',
    claim: 'link() of a link that is there and unlink() of one that is not change nothing',
    async check({ catalog }) {
      const { record } = await put(catalog, { links: [step] })
      assert.equal((await catalog.link(ALPHA, record.id, { ...step })).links.length, 1)
      assert.equal((await catalog.unlink(ALPHA, record.id, { kind: 'recipe', target: '43' })).links.length, 1)
      assert.equal(
        (await catalog.unlink(ALPHA, record.id, { kind: 'album', target: step.target })).links.length,
        1,
      )
      assert.deepEqual(
        (await recordOf(catalog, ALPHA, record.id)).links.map((link) => ({ ...link })),
        [step],
      )
    },
  },
  {
    id: 'link.remove',
    claim: 'unlink() takes exactly this link away',
    async check({ catalog }) {
      const { record } = await put(catalog, { at: { key: 'k' }, links: [step, { ...step, target: '43' }] })
      const unlinked = await catalog.unlink(ALPHA, { key: 'k' }, step)
      assert.deepEqual(
        unlinked.links.map(({ target }) => target),
        ['43'],
      )
      assert.equal(unlinked.revision, 2)
      assert.deepEqual((await catalog.linked(ALPHA, [step], 5)).flat(), [])
      assert.equal((await recordOf(catalog, ALPHA, record.id)).links.length, 1)
    },
  },
  {
    id: 'link.absent',
    claim: 'link() and unlink() of a record that is not there are refused with MEDIA_ABSENT',
    async check({ catalog }) {
      await refuses('MEDIA_ABSENT', catalog.link(ALPHA, newId(), step), 'link()')
      await refuses('MEDIA_ABSENT', catalog.unlink(ALPHA, { key: 'k' }, step), 'unlink()')
      assert.deepEqual((await catalog.linked(ALPHA, [step], 5)).flat(), [])
    },
  },
  {
    id: 'linked.many',
    claim: 'linked() answers for many targets in their order, newest media first, at most so many each',
    async check({ catalog }) {
      const targets = Array.from({ length: 50 }, (_, n) => ({ kind: 'recipe', target: `${n}` }))
      const wanted: string[][] = targets.map(() => [])
      for (let n = 0; n < 150; n++) {
        const at = (n * 7) % 40
        const target = targets[at]
        assert.ok(target !== undefined)
        const { record } = await put(catalog, { bytes: 'thumb', links: [target] })
        wanted[at]?.unshift(record.id)
      }
      const answers = await catalog.linked(ALPHA, targets, 3)
      assert.equal(answers.length, 50)
      const ids = answers.map((records) => records.map(({ id }) => id))
      assert.deepEqual(
        ids,
        wanted.map((all) => all.slice(0, 3)),
      )
      const record = answers[0]?.[0]
      assert.ok(record !== undefined)
      sameRecord(record, await recordOf(catalog, ALPHA, record.id), 'a whole record')
    },
  },
  {
    id: 'linked.repeats',
    claim: 'linked() answers each time a target is asked for, and for none with none',
    async check({ catalog }) {
      const { record } = await put(catalog, { links: [step] })
      const answers = await catalog.linked(ALPHA, [step, { kind: 'none', target: 'x' }, step], 5)
      assert.deepEqual(
        answers.map((records) => records.map(({ id }) => id)),
        [[record.id], [], [record.id]],
      )
      assert.deepEqual([...(await catalog.linked(ALPHA, [], 5))], [])
    },
  },
  {
    id: 'linked.namespaces',
    claim: 'linked() sees its own namespace only',
    async check({ catalog }) {
      await put(catalog, { links: [step], namespace: BETA })
      const { record } = await put(catalog, { links: [step] })
      assert.deepEqual(
        (await catalog.linked(ALPHA, [step], 5)).flat().map(({ id }) => id),
        [record.id],
      )
    },
  },
  {
    id: 'linked.exact',
    claim: 'links are told apart by kind and target exactly',
    async check({ catalog }) {
      const links = [
        { kind: 'a b', target: 'c' },
        { kind: 'a', target: 'b c' },
        { kind: 'a:b', target: 'c' },
        { kind: 'a', target: 'b:c' },
        { kind: 'A', target: 'b:c' },
        { kind: 'a', target: '%' },
        { kind: 'a', target: '' },
        { kind: 'a', target: 'x'.repeat(600) },
        { kind: 'a', target: `${'x'.repeat(599)}y` },
      ]
      const ids: string[] = []
      for (const link of links) ids.push((await put(catalog, { links: [link] })).record.id)
      const answers = await catalog.linked(ALPHA, links, 10)
      assert.deepEqual(
        answers.map((records) => records.map(({ id }) => id)),
        ids.map((id) => [id]),
      )
    },
  },
  {
    id: 'linked.changes',
    claim: 'linked() follows links given by put, update, link and unlink',
    async check({ catalog }) {
      const other = { kind: 'recipe', target: 'other' }
      const ids = async (target: typeof step) =>
        (await catalog.linked(ALPHA, [target], 9)).flat().map(({ id }) => id)
      const { record } = await put(catalog, { at: { key: 'k' }, links: [step] })
      await catalog.update(ALPHA, record.id, { links: [other] })
      assert.deepEqual(await ids(step), [])
      assert.deepEqual(await ids(other), [record.id])
      await catalog.link(ALPHA, record.id, step)
      assert.deepEqual(await ids(step), [record.id])
      await catalog.unlink(ALPHA, record.id, other)
      assert.deepEqual(await ids(other), [])
      await put(catalog, { at: { key: 'k' }, links: [other] })
      assert.deepEqual(await ids(step), [])
      assert.deepEqual(await ids(other), [record.id])
    },
  },
  {
    id: 'link.parallel',
    claim: 'links added at once are all kept',
    async check({ catalog }) {
      const { record } = await put(catalog)
      await Promise.all(
        Array.from({ length: 20 }, (_, n) => catalog.link(ALPHA, record.id, { kind: 'k', target: `${n}` })),
      )
      const shown = await recordOf(catalog, ALPHA, record.id)
      assert.equal(shown.links.length, 20)
      assert.equal(shown.revision, 21)
    },
  },
]
