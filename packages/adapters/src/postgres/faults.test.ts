import { inspect } from 'node:util'
import { type Catalog, isMediaError } from '@mediakeep/core'
import type { Pool } from 'pg'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { postgresCatalog } from './index.ts'
import type { PostgresCatalogSettings } from './options.ts'
import { commitInput, NAMESPACE, put, sessionInput, stageInput, VOLUME } from './testing/put.fixture.ts'
import { describeOnPostgres } from './testing/server.fixture.ts'
import { onWire, raising, type WireHooks } from './testing/wire.fixture.ts'

await describeOnPostgres('postgres catalog, faults', (on) => {
  const pool = on.pool()
  const catalogs: Catalog[] = []
  const open = async (
    source: { pool: Parameters<typeof onWire>[0] | ReturnType<typeof onWire> },
    settings: PostgresCatalogSettings = {},
  ): Promise<Catalog> => {
    const catalog = postgresCatalog({ ...source, ...settings })
    catalogs.push(catalog)
    await catalog.open()
    return catalog
  }
  const opened = (
    hooks: WireHooks,
    settings?: PostgresCatalogSettings,
    inner: Pool = pool,
  ): Promise<Catalog> => open({ pool: onWire(inner, hooks) }, settings)

  beforeAll(async () => {
    const catalog = await open({ pool })
    await catalog.registerVolume(VOLUME)
  })
  afterEach(async () => {
    await Promise.all(catalogs.splice(0).map((catalog) => catalog.close()))
  })

  /** Fails the statement of this number in each first attempt of a call, until one has so few. */
  function failingAt(state: string): WireHooks & { next(): boolean } {
    let at = -1
    let attempts = 0
    let hit = true
    return {
      lent() {
        attempts += 1
      },
      statement(_text, _values, nth) {
        if (attempts !== 1 || nth !== at) return undefined
        hit = true
        return raising(state)
      },
      next() {
        const more = hit
        at += 1
        attempts = 0
        hit = false
        return more
      },
    }
  }

  for (const state of ['40001', '40P01']) {
    test(`${state} at any statement of a put, COMMIT too, is run again and leaves nothing`, async () => {
      const reservations = [{ subject: { volumeId: VOLUME.id }, bytes: 10, limitBytes: 1e12 }]
      const fault = failingAt(state)
      const catalog = await opened(fault)
      const before = (await catalog.volumeUsage())[0]
      let puts = 0
      for (; fault.next(); puts++) {
        const input = stageInput({
          session: sessionInput({ idempotencyKey: `${state} ${puts}`, reservations }),
        })
        const staged = await catalog.stagePlacement(input)
        await catalog.commitContent(commitInput(input, staged, { at: { key: `${state}/${puts}` } }))
      }
      expect(puts).toBeGreaterThan(15)
      const commits = failingAt(state)
      const other = await opened(commits)
      let committed = 0
      for (; ; committed++) {
        const input = stageInput({ session: sessionInput({ reservations }) })
        const staged = await catalog.stagePlacement(input)
        if (!commits.next()) break
        await other.commitContent(commitInput(input, staged, { at: { key: `${state}/${committed % 3}` } }))
      }
      expect(committed).toBeGreaterThan(15)
      const after = (await catalog.volumeUsage())[0]
      expect(after).toMatchObject({
        objects: (before?.objects ?? 0) + puts + committed,
        storedBytes: (before?.storedBytes ?? 0) + 10 * (puts + committed),
      })
    })
  }

  test('40001 at any statement of every other change is run again', async () => {
    const fault = failingAt('40001')
    const catalog = await opened(fault)
    const quiet = await open({ pool })
    while (fault.next()) {
      const { record } = await put(quiet)
      await catalog.update(NAMESPACE, record.id, { owner: 'p', tags: ['x'], filename: 'y' })
      expect((await quiet.get(NAMESPACE, record.id))?.revision).toBe(2)
    }
    const ends = failingAt('40001')
    const ending = await opened(ends)
    while (ends.next()) {
      const { record } = await put(quiet)
      expect((await ending.delete(NAMESPACE, record.id))?.id).toBe(record.id)
      expect(await quiet.get(NAMESPACE, record.id)).toBeUndefined()
    }
    const reads = failingAt('40001')
    const reading = await opened(reads)
    const { record } = await put(quiet)
    while (reads.next()) expect((await reading.get(NAMESPACE, record.id))?.id).toBe(record.id)
  })

  test('a call that others come between each time is MEDIA_BUSY in the end', async () => {
    const catalog = await opened({ statement: (text) => (text === 'COMMIT' ? raising('40001') : undefined) })
    await expect(catalog.beginSession(sessionInput())).rejects.toMatchObject({
      code: 'MEDIA_BUSY',
      reason: 'catalog-busy',
    })
    expect(pool.idleCount).toBe(pool.totalCount)
  })

  test('a commit whose answer is lost is MEDIA_UNAVAILABLE, is not run again, and its put can be told', async () => {
    let lost = 0
    const isCommit = (texts: readonly string[]): boolean => texts.includes('COMMIT')
    const catalog = await opened({ losesAnswer: (texts) => isCommit(texts) && lost++ === 0 })
    const quiet = await open({ pool })
    const session = sessionInput({ idempotencyKey: 'lost' })
    const input = stageInput({ session })
    const staged = await quiet.stagePlacement(input)
    const commit = commitInput(input, staged, { at: { key: 'lost' } })
    await expect(catalog.commitContent(commit)).rejects.toMatchObject({
      code: 'MEDIA_UNAVAILABLE',
      reason: 'catalog-unreachable',
    })
    expect(lost).toBe(1)
    const record = await catalog.get(NAMESPACE, { key: 'lost' })
    expect(record?.content.placements).toHaveLength(1)
    await catalog.endSession(commit.session)
    expect((await catalog.get(NAMESPACE, { key: 'lost' }))?.content.placements).toHaveLength(1)
    const again = await catalog.beginSession({ ...session, id: sessionInput().id })
    expect(again).toEqual({ type: 'repeated', mediaId: record?.id })
  })

  test('a connection killed in the middle of a transaction is MEDIA_UNAVAILABLE, and the next call works', async () => {
    let kills = 1
    const catalog = await opened({
      async beforeBatch(client, nth) {
        if (nth !== 1 || kills-- !== 1) return
        const { processID } = client as unknown as { readonly processID: number }
        const ended = new Promise((resolve) => client.once('end', resolve))
        await pool.query('SELECT pg_terminate_backend($1)', [processID])
        await ended
      },
    })
    const input = stageInput()
    await expect(catalog.stagePlacement(input)).rejects.toMatchObject({
      code: 'MEDIA_UNAVAILABLE',
      reason: 'catalog-unreachable',
    })
    expect((await catalog.stagePlacement(input)).type).toBe('staged')
  })

  test('a server that stops answering is MEDIA_UNAVAILABLE in time, and its connection is not used again', async () => {
    let stopped = 0
    const inner = on.pool({ max: 2 })
    const catalog = await opened(
      {
        beforeBatch(client) {
          if (stopped !== 0) return
          stopped = (client as unknown as { readonly processID: number }).processID
          process.kill(stopped, 'SIGSTOP')
        },
      },
      { answerTimeoutMs: 200 },
      inner,
    )
    try {
      await expect(catalog.ping()).rejects.toMatchObject({
        code: 'MEDIA_UNAVAILABLE',
        reason: 'catalog-timeout',
      })
      await catalog.ping()
    } finally {
      process.kill(stopped, 'SIGCONT')
    }
  })

  test('statement_timeout is MEDIA_UNAVAILABLE and lock_timeout MEDIA_BUSY, and both leave the catalog usable', async () => {
    const quiet = await open({ pool })
    const begun = await quiet.beginSession(sessionInput())
    if (begun.type !== 'begun') throw new Error('it was never begun')
    const holder = await pool.connect()
    await holder.query('BEGIN')
    await holder.query('SELECT FROM mediakeep.sessions WHERE id = $1 FOR UPDATE', [begun.session.id])
    const told = [
      [{ statement_timeout: 100 }, { code: 'MEDIA_UNAVAILABLE', reason: 'statement-timeout' }],
      [{ lock_timeout: 100 }, { code: 'MEDIA_BUSY', reason: 'catalog-busy' }],
    ] as const
    for (const [options, error] of told) {
      const catalog = await open({ pool: on.pool(options) })
      await expect(catalog.extendSession(begun.session, { ttlMs: 1_000 })).rejects.toMatchObject(error)
      await catalog.ping()
    }
    await holder.query('ROLLBACK')
    holder.release()
    await quiet.extendSession(begun.session, { ttlMs: 1_000 })
  })

  test('a pool without a free connection is MEDIA_BUSY, and what comes late goes back', async () => {
    for (const [options, settings] of [
      [{ max: 1 }, { acquireTimeoutMs: 100 }],
      [{ max: 1, connectionTimeoutMillis: 100 }, {}],
    ] as const) {
      const inner = on.pool(options)
      const catalog = await open({ pool: inner }, settings)
      const held = await inner.connect()
      await expect(catalog.ping()).rejects.toMatchObject({ code: 'MEDIA_BUSY', reason: 'no-connection' })
      held.release()
      await catalog.ping()
      expect(inner.idleCount).toBe(1)
    }
  })

  test('a pool whose clients pipeline is refused at open', async () => {
    const inner = on.pool({ pipeline: true } as object)
    await expect(postgresCatalog({ pool: inner }).open()).rejects.toMatchObject({
      code: 'MEDIA_UNSUPPORTED',
      reason: 'pool-pipelines',
    })
  })

  test('what a pooler forgets of prepared statements is noticed: the call succeeds, and later ones send whole statements', async () => {
    let forget = 0
    const inner = on.pool({ max: 1 })
    const names: string[] = []
    const catalog = await opened(
      {
        async beforeBatch(client) {
          if (forget-- === 1) await client.query('DEALLOCATE ALL')
        },
        statement(text) {
          names.push(text)
          return undefined
        },
      },
      {},
      inner,
    )
    const { record } = await put(catalog)
    expect(await catalog.get(NAMESPACE, record.id)).toEqual(record)
    forget = 1
    expect(await catalog.get(NAMESPACE, record.id)).toEqual(record)
    const { rows } = await inner.query('SELECT count(*)::int AS n FROM pg_prepared_statements')
    const before = rows[0] as { n: number }
    expect(await catalog.get(NAMESPACE, { key: 'nothing' })).toBeUndefined()
    expect((await inner.query('SELECT count(*)::int AS n FROM pg_prepared_statements')).rows[0]).toEqual(
      before,
    )
  })

  test('no error shows what a connection string holds', async () => {
    const secret = 's3cret'
    for (const [connectionString, reason] of [
      [`postgres://bob:${secret}@127.0.0.1:1/x`, 'catalog-unreachable'],
      [`postgres://bob:${secret}@[nonsense:99999999/x`, 'catalog-unreachable'],
      [
        `postgres://mediakeep:${secret}@/${secret}?host=${encodeURIComponent(on.server.connection.host)}`,
        'catalog-refused',
      ],
    ] as const) {
      const error: unknown = await postgresCatalog({ connectionString })
        .open()
        .catch((thrown: unknown) => thrown)
      expect(isMediaError(error, 'MEDIA_UNAVAILABLE')).toBe(true)
      expect(error).toMatchObject({ reason })
      if (reason === 'catalog-unreachable')
        expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(secret)
    }
  })

  test('a catalog of a connection string makes its pool, and closes it', async () => {
    const { host, port, user, database } = on.server.connection
    const connectionString = `postgres://${user}@/${database}?host=${encodeURIComponent(host)}&port=${port}`
    const catalog = postgresCatalog({ connectionString, maxConnections: 2, schema: 'of_its_own' })
    await catalog.open()
    await catalog.registerVolume(VOLUME)
    expect(await catalog.listVolumes()).toEqual([VOLUME])
    await catalog.close()
    await expect(catalog.ping()).rejects.toMatchObject({ code: 'MEDIA_CLOSED' })
    expect(pool.ended).toBe(false)
  })

  test('close() answers the calls under way first, and leaves the pool of the host open', async () => {
    const catalog = await open({ pool })
    const calls = Array.from({ length: 20 }, () => catalog.beginSession(sessionInput()))
    await catalog.close()
    await Promise.all(calls)
    await pool.query('SELECT 1')
  })
})

await describeOnPostgres('postgres catalog, a server that ends', (on) => {
  test('calls are MEDIA_UNAVAILABLE while there is no server', async () => {
    const pool = on.pool()
    const catalog = postgresCatalog({ pool })
    await catalog.open()
    await put(catalog)
    await on.server.stop()
    for (const call of [() => catalog.ping(), () => put(catalog), () => catalog.list(NAMESPACE, {})])
      await expect(call()).rejects.toMatchObject({ code: 'MEDIA_UNAVAILABLE', reason: 'catalog-unreachable' })
    await catalog.close()
  })
})
