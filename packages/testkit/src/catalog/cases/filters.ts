import assert from 'node:assert/strict'
import { type Catalog, type MediaQuery, matchesQuery } from '@mediakeep/core'
import { seededRandom } from '../../random.ts'
import type { CatalogCase } from '../context.ts'
import { listAll, listIds } from '../expect.ts'
import { ALPHA, BETA, idAt, type PutInput, put, timeOf } from '../put.ts'
import { fill } from './fill.ts'

const OWNERS = ['ann', 'bob', 'cy']
const TYPES = ['image/png', 'image/webp', 'video/mp4', 'text/plain']
const STATES = ['active', 'active', 'active', 'pending', 'rejected', 'quarantined'] as const
const WORDS = ['red', 'green', 'blue', 'fish', 'bowl']

/** A mixed crowd, and queries about it; what they mean is `matchesQuery`, written down once for all catalogs. */
function crowd(seed: number): (n: number) => PutInput {
  const random = seededRandom(seed)
  const pick = <T>(from: readonly T[]): T => {
    const found = from[random.integer(0, from.length)]
    if (found === undefined) throw new Error('nothing to pick from')
    return found
  }
  return (n) => ({
    bytes: `listed ${n % 10}`,
    owner: pick(OWNERS),
    contentType: pick(TYPES),
    state: pick(STATES),
    tags: WORDS.filter(() => random.next() < 0.3),
    links: ['1', '2', '3'].filter(() => random.next() < 0.3).map((target) => ({ kind: 'k', target })),
    filename: `${pick(WORDS)}_${pick(WORDS)}.${n % 2 === 0 ? 'png' : 'mp4'}`,
    metadata: random.next() < 0.3 ? { title: `${pick(WORDS)} ${pick(WORDS)}` } : {},
    ...(n % 4 === 0 ? { at: { key: `keys/${n}` } } : {}),
  })
}

async function likeTheOracle(catalog: Catalog, queries: readonly MediaQuery[]): Promise<void> {
  const all = await listAll(catalog, ALPHA)
  let found = 0
  for (const query of queries) {
    const wanted = all.filter((record) => matchesQuery(record, query)).map(({ id }) => id)
    found += wanted.length
    assert.deepEqual(await listIds(catalog, ALPHA, query), wanted, JSON.stringify(query))
  }
  assert.ok(found > 0, 'no query found anything')
}

const filterCases: readonly CatalogCase[] = (
  [
    ['owner', [{ owner: 'ann' }, { owner: 'an' }, { owner: 'ANN' }]],
    [
      'type',
      [
        { type: 'image/png' },
        { type: 'image/*' },
        { type: 'IMAGE/PNG' },
        { type: 'audio/*' },
        { type: 'image/p' },
      ],
    ],
    ['state', STATES.map((state) => ({ state }))],
    ['tag', [{ tag: 'red' }, { tag: 'RED' }, { tag: 're' }, { tag: 'none' }]],
    [
      'link',
      [
        { link: { kind: 'k', target: '1' } },
        { link: { kind: 'K', target: '1' } },
        { link: { kind: 'k', target: '' } },
      ],
    ],
    [
      'key',
      [
        { key: 'keys/4' },
        { key: 'keys/5' },
        { key: 'keys/4', owner: 'ann' },
        { key: 'keys/8', type: 'image/*' },
      ],
    ],
    ['q', [{ q: 'red' }, { q: 'red fish' }, { q: 'fish red png' }, { q: 'nothing' }]],
  ] as const
).map(([name, queries]) => ({
  id: `list.filter.${name}`,
  claim: `list() by ${name} gives exactly the records that match`,
  async check({ catalog }) {
    await fill(catalog, 80, crowd(7))
    await put(catalog, { namespace: BETA, tags: ['red'] })
    await likeTheOracle(catalog, queries)
  },
}))

/** Filters, alone and together. */
export const filterListCases: readonly CatalogCase[] = [
  ...filterCases,
  {
    id: 'list.filter.time',
    claim: 'list() by time gives exactly the records created between, by the time of the catalog',
    async check({ catalog, advance }) {
      const ids: string[] = []
      const times: Date[] = []
      for (let n = 0; n < 5; n++) {
        const { record } = await put(catalog, {
          id: idAt(await timeOf(catalog), n),
          tags: [n % 2 === 0 ? 'even' : 'odd'],
        })
        ids.unshift(record.id)
        times.unshift(record.createdAt)
        await advance(10)
      }
      const [newest, , middle, , oldest] = times
      assert.ok(newest !== undefined && middle !== undefined && oldest !== undefined)
      const after = (at: Date) => ({ createdAfter: at })
      const before = (at: Date) => ({ createdBefore: at })
      assert.deepEqual(await listIds(catalog, ALPHA, after(middle)), ids.slice(0, 2), 'after')
      assert.deepEqual(await listIds(catalog, ALPHA, before(middle)), ids.slice(3), 'before')
      assert.deepEqual(
        await listIds(catalog, ALPHA, { ...after(oldest), ...before(newest) }),
        ids.slice(1, 4),
        'between',
      )
      assert.deepEqual(
        await listIds(catalog, ALPHA, { ...after(oldest), tag: 'odd' }),
        [ids[1], ids[3]],
        'with a tag',
      )
      assert.deepEqual(await listIds(catalog, ALPHA, after(newest)), [], 'after all')
      assert.deepEqual(await listIds(catalog, ALPHA, before(oldest)), [], 'before all')
      assert.deepEqual(await listIds(catalog, ALPHA, after(new Date(0))), ids, 'since ever')
    },
  },
  {
    id: 'list.filter.late',
    claim: 'list() by time goes by when a record came, not by when its id was made',
    needs: ['clock'],
    async check({ catalog, advance }) {
      const startMs = await timeOf(catalog)
      await advance(3 * 24 * 3_600_000)
      const { record } = await put(catalog, { id: idAt(startMs) })
      const dayBefore = new Date(record.createdAt.getTime() - 24 * 3_600_000)
      assert.deepEqual(await listIds(catalog, ALPHA, { createdAfter: dayBefore }), [record.id])
      assert.deepEqual(await listIds(catalog, ALPHA, { createdBefore: dayBefore }), [])
    },
  },
  {
    id: 'list.filter.combined',
    claim: 'list() by any filters together gives exactly the records that match all of them',
    async check({ catalog }) {
      await fill(catalog, 160, crowd(11))
      const random = seededRandom(13)
      const maybe = <T>(values: readonly T[]): T | undefined =>
        random.next() < 0.4 ? values[random.integer(0, values.length)] : undefined
      const queries: MediaQuery[] = []
      for (let n = 0; n < 120; n++) {
        const [owner, type, state, tag] = [
          maybe(OWNERS),
          maybe([...TYPES, 'image/*']),
          maybe(STATES),
          maybe(WORDS),
        ]
        const [target, q] = [maybe(['1', '2', '3']), maybe([...WORDS, 'red fish', 'blue png'])]
        queries.push({
          ...(owner === undefined ? {} : { owner }),
          ...(type === undefined ? {} : { type }),
          ...(state === undefined ? {} : { state }),
          ...(tag === undefined ? {} : { tag }),
          ...(target === undefined ? {} : { link: { kind: 'k', target } }),
          ...(q === undefined ? {} : { q }),
          limit: 1 + random.integer(0, 20),
        })
      }
      await likeTheOracle(catalog, queries)
    },
  },
  {
    id: 'list.filter.sparse',
    claim: 'filters that hardly ever meet end, with every record that matches',
    async check({ catalog }) {
      const ids = await fill(catalog, 1_000, (n) => ({
        tags: n === 3 || n === 990 ? ['even', 'odd'] : [n % 2 === 0 ? 'even' : 'odd'],
        owner: n % 2 === 0 ? 'odd' : 'even',
      }))
      assert.deepEqual(await listIds(catalog, ALPHA, { tag: 'even', q: 'odd', limit: 5 }), [ids[9], ids[996]])
      assert.deepEqual(await listIds(catalog, ALPHA, { tag: 'even', owner: 'even', limit: 5 }), [ids[996]])
    },
  },
  {
    id: 'list.filter.follows',
    claim: 'filters follow every change of a record',
    async check({ catalog }) {
      const { record } = await put(catalog, {
        owner: 'ann',
        tags: ['old'],
        filename: 'old.png',
        state: 'pending',
      })
      const { id } = record
      await catalog.update(ALPHA, id, {
        owner: 'bob',
        tags: ['new'],
        filename: 'new.png',
        metadata: { title: 'fresh' },
      })
      await catalog.update(ALPHA, id, { key: 'named/now' })
      const has = async (query: MediaQuery) => (await listIds(catalog, ALPHA, query)).length === 1
      for (const query of [{ owner: 'ann' }, { tag: 'old' }, { q: 'old' }]) {
        assert.equal(await has(query), false, `before: ${JSON.stringify(query)}`)
      }
      for (const query of [
        { owner: 'bob' },
        { tag: 'new' },
        { q: 'new fresh named' },
        { key: 'named/now' },
      ]) {
        assert.equal(await has(query), true, `after: ${JSON.stringify(query)}`)
      }
      assert.equal(await has({ state: 'pending', type: 'image/*' }), true, 'the waiting content')
      await put(catalog, { at: id, contentType: 'video/mp4', filename: 'clip.mp4' })
      assert.equal(await has({ state: 'pending' }), false, 'state')
      assert.equal(await has({ type: 'image/*' }), false, 'type')
      assert.equal(
        await has({ state: 'active', type: 'video/mp4', q: 'clip', tag: 'new' }),
        true,
        'the new content',
      )
    },
  },
]
