import assert from 'node:assert/strict'
import { type Catalog, type CommittedContent, isMediaError } from '@mediakeep/core'
import { seededRandom } from '../../random.ts'
import type { CatalogCase } from '../context.ts'
import { listAll, listIds, recordOf } from '../expect.ts'
import { ALPHA, commitInput, put, stage } from '../put.ts'

/** Many at once. */
export const raceCases: readonly CatalogCase[] = [
  {
    id: 'race.one-blob',
    claim: 'many puts of the same bytes at once make their records, one blob and one live placement',
    async check({ catalog }) {
      const results = await Promise.all(
        Array.from({ length: 24 }, (_, n) => put(catalog, { bytes: 'same', owner: `o${n}` })),
      )
      const records = await listAll(catalog, ALPHA)
      assert.equal(records.length, 24)
      assert.equal(new Set(records.map(({ content }) => content.blobId)).size, 1, 'blobs')
      const placements = records.flatMap(({ content }) => content.placements.map(({ id }) => id))
      assert.equal(placements.length, 24)
      assert.equal(new Set(placements).size, 1, 'live placements')
      assert.equal(results.filter(({ created }) => created).length, 24)
    },
  },
  {
    id: 'race.create-only',
    claim: 'of many that create one key at once exactly one does, the others are refused',
    async check({ catalog }) {
      const results = await Promise.allSettled(
        Array.from({ length: 16 }, () => put(catalog, { at: { key: 'k' }, when: { type: 'absent' } })),
      )
      const refused: unknown[] = results.flatMap((result): unknown[] =>
        result.status === 'rejected' ? [result.reason] : [],
      )
      assert.equal(refused.length, 15)
      for (const reason of refused) assert.ok(isMediaError(reason, 'MEDIA_PRECONDITION'), String(reason))
      assert.equal((await listIds(catalog, ALPHA)).length, 1)
      assert.equal((await recordOf(catalog, ALPHA, { key: 'k' })).revision, 1)
    },
  },
  {
    id: 'race.one-key',
    claim: 'many puts at one key at once make one record with as many contents',
    async check({ catalog }) {
      const results = await Promise.all(Array.from({ length: 16 }, () => put(catalog, { at: { key: 'k' } })))
      assert.equal(results.filter(({ created }) => created).length, 1)
      assert.equal(new Set(results.map(({ record }) => record.id)).size, 1)
      const record = await recordOf(catalog, ALPHA, { key: 'k' })
      assert.equal(record.content.number, 16)
      assert.equal(record.revision, 16)
      const numbers = results.map(({ record: { content } }) => content.number).sort((a, b) => a - b)
      assert.deepEqual(
        numbers,
        Array.from({ length: 16 }, (_, n) => n + 1),
      )
    },
  },
  {
    id: 'race.revision',
    claim: 'of many updates of one revision at once exactly one happens',
    async check({ catalog }) {
      const { record } = await put(catalog)
      const results = await Promise.allSettled(
        Array.from({ length: 16 }, (_, n) =>
          catalog.update(ALPHA, record.id, { owner: `o${n}` }, { ifRevision: 1 }),
        ),
      )
      const won = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
      assert.equal(won.length, 1)
      const shown = await recordOf(catalog, ALPHA, record.id)
      assert.equal(shown.owner, won[0]?.owner)
      assert.equal(shown.revision, 2)
    },
  },
  {
    id: 'race.rename',
    claim: 'of many records that take one key at once exactly one gets it',
    async check({ catalog }) {
      const records = await Promise.all(Array.from({ length: 12 }, () => put(catalog)))
      const results = await Promise.allSettled(
        records.map(({ record }) => catalog.update(ALPHA, record.id, { key: 'k' })),
      )
      const won = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value.id] : []))
      assert.equal(won.length, 1)
      assert.equal((await recordOf(catalog, ALPHA, { key: 'k' })).id, won[0])
      assert.equal((await listAll(catalog, ALPHA)).filter(({ key }) => key === 'k').length, 1)
    },
  },
  {
    id: 'race.delete',
    claim: 'of many that delete one record at once exactly one is given it',
    async check({ catalog }) {
      const { record } = await put(catalog, { at: { key: 'k' } })
      const results = await Promise.all(
        Array.from({ length: 12 }, (_, n) => catalog.delete(ALPHA, n % 2 === 0 ? record.id : { key: 'k' })),
      )
      assert.equal(results.filter((deleted) => deleted !== undefined).length, 1)
    },
  },
  {
    id: 'race.commit-once',
    claim: 'of many commits of one session at once exactly one happens',
    async check({ catalog }) {
      const staged = await stage(catalog)
      const results = await Promise.allSettled(
        Array.from({ length: 8 }, () => catalog.commitContent(commitInput(staged))),
      )
      assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
      assert.equal((await listIds(catalog, ALPHA)).length, 1)
    },
  },
  {
    id: 'race.collector',
    claim: 'while puts, deletes, sweeps and two collectors run, no bytes of a record are ever claimed',
    async check({ catalog, advance }) {
      await soak([catalog, catalog], advance, 21)
    },
  },
  {
    id: 'handles.see',
    claim: 'what one handle has written every other one reads at once',
    needs: ['second-handle'],
    async check({ catalog, second }) {
      const other = await second()
      const { record } = await put(catalog, { at: { key: 'k' } })
      assert.equal((await recordOf(other, ALPHA, { key: 'k' })).id, record.id)
      await other.update(ALPHA, record.id, { owner: 'bob' })
      assert.equal((await recordOf(catalog, ALPHA, record.id)).owner, 'bob')
      await catalog.delete(ALPHA, record.id)
      assert.equal(await other.get(ALPHA, record.id), undefined)
      assert.deepEqual(await listIds(other, ALPHA), [])
    },
  },
  {
    id: 'handles.races',
    claim: 'keys, dedupe, limits and sessions hold across handles',
    needs: ['second-handle'],
    async check({ catalog, second }) {
      const handles = [catalog, await second()]
      const on = (n: number): Catalog => handles[n % 2] ?? catalog
      const created = await Promise.allSettled(
        Array.from({ length: 12 }, (_, n) =>
          put(on(n), { at: { key: 'k' }, when: { type: 'absent' }, bytes: 'same' }),
        ),
      )
      assert.equal(created.filter(({ status }) => status === 'fulfilled').length, 1, 'one creates the key')
      await Promise.all(Array.from({ length: 12 }, (_, n) => put(on(n), { bytes: 'same' })))
      const records = await listAll(on(1), ALPHA)
      const placements = new Set(records.flatMap(({ content }) => content.placements.map(({ id }) => id)))
      assert.equal(placements.size, 1, 'one live placement')
      const reserved = await Promise.allSettled(
        Array.from({ length: 12 }, (_, n) =>
          on(n).beginSession({
            id: `session-${n}`,
            namespace: ALPHA,
            owner: 'zoe',
            ttlMs: 60_000,
            reservations: [{ subject: { owner: 'zoe' }, bytes: 10, limitBytes: 50 }],
          }),
        ),
      )
      assert.equal(reserved.filter(({ status }) => status === 'fulfilled').length, 5, 'the quota holds')
    },
  },
  {
    id: 'handles.collector',
    claim: 'one handle puts while another collects: no bytes of a record are ever claimed',
    needs: ['second-handle'],
    async check({ catalog, second, advance }) {
      await soak([catalog, await second()], advance, 22)
    },
  },
]

/** Puts, deletes and replacements of few different bytes beside two collectors without grace. */
async function soak(
  handles: readonly [Catalog, Catalog],
  advance: (ms: number) => Promise<void>,
  seed: number,
): Promise<void> {
  const [writer, collector] = handles
  const random = seededRandom(seed)
  const dropped = new Set<string>()
  let writing = 4

  const write = async (lane: number): Promise<void> => {
    for (let n = 0; n < 30; n++) {
      // Shared bytes have a record soon and stay; bytes of one's own are garbage for sure.
      const own = n % 5 === 3
      const bytes = own ? `soak ${lane} of its own ${n}` : `soak ${random.integer(0, 5)}`
      const committed = await putAgain(writer, bytes, lane)
      for (const { id } of committed.record.content.placements) {
        assert.equal(dropped.has(id), false, `the placement ${id} of an acknowledged put was deleted`)
      }
      if (own || random.next() < 0.6) await writer.delete(ALPHA, committed.record.id)
    }
    writing -= 1
  }
  const collect = async (): Promise<void> => {
    for (let last = false; !last; ) {
      last = writing <= 0
      await collector.condemn({ limit: 10 })
      await advance(2)
      const claimed = await collector.claimGarbage({ graceMs: 0, limit: 10 })
      for (const { id } of claimed) dropped.add(id)
      await collector.dropPlacements(claimed.map(({ id }) => id))
      await collector.expireSessions({ limit: 10 })
    }
  }
  try {
    await Promise.all([...Array.from({ length: 4 }, (_, lane) => write(lane)), collect(), collect()])
  } finally {
    writing = 0
  }
  const records = await listAll(writer, ALPHA)
  for (const { id, content } of records) {
    assert.equal(content.placements.length, 1, `the record ${id} has no bytes`)
    for (const placement of content.placements)
      assert.equal(dropped.has(placement.id), false, `${id}: deleted bytes`)
    assert.ok((await writer.chunkSums(content.blobId)) !== undefined, `${id}: no blob`)
  }
  assert.ok(dropped.size > 0, 'nothing was collected: the case has shown nothing')
}

/** As an ingest does: an existing placement that went away meanwhile means to stage again. */
async function putAgain(catalog: Catalog, bytes: string, lane: number): Promise<CommittedContent> {
  const input = { bytes, at: { key: `lane ${lane}` } }
  for (let tries = 0; ; tries++) {
    try {
      return await put(catalog, input)
    } catch (error) {
      if (tries >= 5 || !isMediaError(error, 'MEDIA_CONFLICT')) throw error
    }
  }
}
