import { type Digest, digestOf } from '@mediakeep/core'
import { expect, test } from 'vitest'
import { postgresCatalog } from './index.ts'
import { commitInput, NAMESPACE, put, sessionInput, stageInput, VOLUME } from './testing/put.fixture.ts'
import { describeOnPostgres } from './testing/server.fixture.ts'

await describeOnPostgres('postgres catalog, beyond the kit', (on) => {
  test('times are those of the database, whatever the host believes', async () => {
    const pool = on.pool()
    const catalog = postgresCatalog({ pool })
    await catalog.open()
    const real = Date.now
    try {
      Date.now = () => real() - 86_400_000
      const { rows: before } = await pool.query<{ ms: number }>(
        'SELECT extract(epoch FROM now())::float8 * 1000 AS ms',
      )
      const { record } = await put(catalog)
      const begun = await catalog.beginSession(sessionInput({ ttlMs: 1_000 }))
      const { rows: after } = await pool.query<{ ms: number }>(
        'SELECT extract(epoch FROM now())::float8 * 1000 AS ms',
      )
      for (const atMs of [
        record.createdAt.getTime(),
        begun.type === 'begun' ? begun.session.expiresAt.getTime() - 1_000 : 0,
      ]) {
        expect(atMs).toBeGreaterThanOrEqual(Math.floor(before[0]?.ms ?? 0))
        expect(atMs).toBeLessThanOrEqual(after[0]?.ms ?? 0)
      }
    } finally {
      Date.now = real
    }
    await catalog.close()
  })

  test('lists follow the order of ids, not that of the language of the database', async () => {
    const catalog = postgresCatalog({ pool: on.pool(), schema: 'ordered' })
    await catalog.open()
    const key = (text: string) => ({ at: { key: text } })
    for (const name of ['b', 'B', 'a-', 'aB', 'ä', '~', 'Z']) await put(catalog, key(name))
    await catalog.registerVolume(VOLUME)
    const { media } = await catalog.exportMedia({ limit: 100 })
    const ids = media.map(({ id }) => id)
    expect(ids).toEqual(ids.toSorted())
    const { records } = await catalog.list(NAMESPACE, {})
    expect(records.map(({ id }) => id)).toEqual(ids.toReversed())
    await catalog.close()
  })

  test('bytes that two hosts put at once are one blob with one live placement', async () => {
    const [one, other] = [on.pool(), on.pool()].map((pool) => postgresCatalog({ pool, schema: 'hosts' }))
    if (one === undefined || other === undefined) throw new Error('two were made')
    await Promise.all([one.open(), other.open()])
    const digest = digestOf(Buffer.from('same'))
    const [mine, theirs] = [stageInput({ digest }), stageInput({ digest })]
    const [staged, stagedThere] = await Promise.all([one.stagePlacement(mine), other.stagePlacement(theirs)])
    await one.commitContent(commitInput(mine, staged))
    const late = await other.commitContent(commitInput(theirs, stagedThere))
    expect(late.redundant).toBe(true)
    expect(late.record.content.placements.map(({ id }) => id)).toEqual([mine.placementId])
    await Promise.all([one.close(), other.close()])
  })

  test('of references that go at the same time the last one tells that the bytes are garbage', async () => {
    const pool = on.pool({ max: 12 })
    const catalog = postgresCatalog({ pool, schema: 'loose' })
    await catalog.open()
    const ROUNDS = 60
    const pinned = async (digest: Digest): Promise<() => Promise<unknown>> => {
      const staged = await catalog.stagePlacement(stageInput({ digest }))
      if (staged.type === 'repeated') throw new Error('it has no idempotency key')
      return () => catalog.endSession(staged.session)
    }
    const recorded = async (digest: Digest): Promise<() => Promise<unknown>> => {
      const { record } = await put(catalog, {}, { digest })
      return () => catalog.delete(NAMESPACE, record.id)
    }
    for (let round = 0; round < ROUNDS; round++) {
      const digest = digestOf(Buffer.from(`round ${round}`))
      const ends = [await (round % 2 === 0 ? recorded : pinned)(digest), await pinned(digest)]
      await Promise.all(ends.map((end) => end()))
    }
    expect(await catalog.condemn({ limit: 100 })).toEqual({ condemned: ROUNDS, more: false })
    await catalog.close()
  })

  test('calls before open and after close are MEDIA_CLOSED', async () => {
    const catalog = postgresCatalog({ pool: on.pool(), schema: 'closed' })
    await expect(catalog.ping()).rejects.toMatchObject({ code: 'MEDIA_CLOSED' })
    await catalog.open()
    await catalog.close()
    await catalog.close()
    await expect(catalog.ping()).rejects.toMatchObject({ code: 'MEDIA_CLOSED' })
    await expect(catalog.open()).rejects.toMatchObject({ code: 'MEDIA_CLOSED' })
  })
})
