import { type Catalog, linkTerm, type MediaRecord, newId, termsOf } from '@mediakeep/core'
import type { PoolClient } from 'pg'
import { beforeAll, expect, test } from 'vitest'
import { postgresCatalog } from './index.ts'
import { commitInput, NAMESPACE, put, sessionInput, stageInput, VOLUME } from './testing/put.fixture.ts'
import { describeOnPostgres } from './testing/server.fixture.ts'
import { onWire } from './testing/wire.fixture.ts'

const MEDIA = 50_000
/** Tables that grow with the media. */
const BIG = /Seq Scan on (blobs|placements|media|contents|terms)\b/

interface Sent {
  readonly text: string
  readonly values: readonly (string | Buffer | null)[]
}

await describeOnPostgres('postgres catalog, its statements', (on) => {
  const pool = on.pool()
  let catalog: Catalog
  let sent: Sent[] = []
  let batches = 0

  beforeAll(async () => {
    catalog = postgresCatalog({
      pool: onWire(pool, {
        beforeBatch() {
          batches += 1
        },
        statement(text, values) {
          sent.push({ text, values: values as Sent['values'] })
          return undefined
        },
      }),
    })
    await catalog.open()
    await catalog.registerVolume(VOLUME)
    const { record } = await put(catalog, {
      tags: ['t'],
      links: [{ kind: 'recipe', target: '1' }],
      metadata: { title: 'soup' },
    })
    const terms = [...termsOf(record), linkTerm({ kind: 'recipe', target: '1' })]
    const id = "'01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0')"
    const all = `generate_series(1, ${MEDIA}) AS n`
    await pool.query(`SET search_path TO mediakeep;
      INSERT INTO blobs(id, domain, digest, size_bytes, state, chunk_sums)
        SELECT ${id}, '', sha256(n::text::bytea), 1000, 'live', '\\x01020304' FROM ${all};
      INSERT INTO placements(id, blob_id, volume_id, key, state, owned, stored_bytes)
        SELECT ${id}, ${id}, 'v', 'k' || n, 'live', TRUE, 1000 FROM ${all};
      INSERT INTO media(namespace, id, key, owner, visibility, revision, content_number, created_at, updated_at, tags, links, metadata)
        SELECT '${NAMESPACE}', ${id}, 'key/' || n, 'o', 'private', 1, 1, 0, 0, '["t"]', '[{"kind":"recipe","target":"1"}]', '{"title":"soup"}' FROM ${all};
      INSERT INTO contents(media_id, number, blob_id, content_type, filename, facts, state, created_at)
        SELECT ${id}, 1, ${id}, 'image/png', 'a b.png', '{}', 'active', 0 FROM ${all}`)
    await pool.query(
      `INSERT INTO mediakeep.terms(namespace, term, media_id)
       SELECT '${NAMESPACE}', term, ${id} FROM ${all}, unnest($1::text[]) AS t(term) ON CONFLICT DO NOTHING`,
      [terms],
    )
    await pool.query('ANALYZE')
  }, 120_000)

  const during = async <T>(work: () => Promise<T>): Promise<T> => {
    sent = []
    batches = 0
    return work()
  }
  const roundTrips = async (work: () => Promise<unknown>): Promise<number> => {
    await during(work)
    return batches
  }

  test('a put is two round trips twice, a look is one, whatever it looks at', async () => {
    const input = stageInput({
      session: sessionInput({
        idempotencyKey: 'trips',
        reservations: [{ subject: { volumeId: 'v' }, bytes: 1, limitBytes: 1e12 }],
      }),
    })
    const staged = await during(() => catalog.stagePlacement(input))
    expect(batches).toBe(2)
    const commit = commitInput(input, staged, { at: { key: 'trips' }, tags: ['a', 'b'] })
    const { record } = await during(() => catalog.commitContent(commit))
    expect(batches).toBe(2)
    expect(await roundTrips(() => catalog.update(NAMESPACE, record.id, { owner: 'x' }))).toBe(2)
    expect(await roundTrips(() => catalog.get(NAMESPACE, record.id))).toBe(1)
    expect(await roundTrips(() => catalog.list(NAMESPACE, { tag: 't', owner: 'o' }))).toBe(1)
    expect(await roundTrips(() => catalog.list(NAMESPACE, { tag: 't', q: 'soup', limit: 100 }))).toBe(1)
    expect(await roundTrips(() => catalog.linked(NAMESPACE, [{ kind: 'recipe', target: '1' }], 10))).toBe(1)
    expect(await roundTrips(() => catalog.copiesOf(record.content.blobId))).toBe(1)
    expect(await roundTrips(() => catalog.delete(NAMESPACE, record.id))).toBe(2)
  })

  test('what is told of uploads waits for the disk, what a put begins does not', async () => {
    const waits = async (work: () => Promise<unknown>): Promise<boolean> => {
      await during(work)
      return !sent.some(({ text }) => text.includes('synchronous_commit'))
    }
    const upload = sessionInput({ upload: { state: 'created' } })
    const input = sessionInput()
    expect(await waits(() => catalog.beginSession(upload))).toBe(true)
    expect(await waits(() => catalog.beginSession(input))).toBe(false)
    const session = await catalog.claimSession(upload.id, { leaseMs: 1_000, force: true })
    expect(await waits(() => catalog.claimSession(upload.id, { leaseMs: 1, force: true }))).toBe(true)
    const held = await catalog.claimSession(upload.id, { leaseMs: 0, force: true })
    expect(held.fence).toBeGreaterThan(session.fence)
    for (const to of [{ leaseMs: 0 }, { state: 'receiving' as const }, { declared: {} }])
      expect(await waits(() => catalog.extendSession(held, to))).toBe(true)
    expect(await waits(() => catalog.extendSession(held, { offsetBytes: 1 }))).toBe(false)
    const kept = { state: 'aborted', declared: {}, ttlMs: 1 } as const
    expect(await waits(() => catalog.endSession(held, kept))).toBe(true)
  })

  /** One of every call but `usage`, which reads a whole namespace. */
  async function useAll(): Promise<void> {
    const target = { kind: 'recipe', target: '1' }
    const session = sessionInput({
      idempotencyKey: newId(),
      reservations: [{ subject: { volumeId: 'v' }, bytes: 1, limitBytes: 1e12 }],
    })
    const input = stageInput({ session, distrust: [newId()] })
    const commit = commitInput(input, await catalog.stagePlacement(input), { at: { key: newId() } })
    const { record } = await catalog.commitContent(commit)
    await put(catalog, { at: record.id, tags: ['new'] }, { digest: input.digest })
    await catalog.update(NAMESPACE, record.id, { key: newId(), owner: 'y', tags: ['z'], filename: 'f' })
    await catalog.link(NAMESPACE, record.id, target)
    await catalog.unlink(NAMESPACE, record.id, target)
    for (const query of [
      {},
      { owner: 'o' },
      { tag: 't', type: 'image/*' },
      { q: 'a b' },
      { key: 'key/7' },
      { createdBefore: new Date() },
    ])
      await catalog.list(NAMESPACE, query)
    await catalog.linked(NAMESPACE, [target], 5)
    const copy = await catalog.stageCopy({
      session: sessionInput(),
      blobId: record.content.blobId,
      volumeId: 'w',
      placementId: newId(),
      key: newId(),
      leaseMs: 1_000,
    })
    if (copy.type === 'staged') await catalog.endSession(copy.session)
    await catalog.listCopies({ volumeIds: ['v'], limit: 10 })
    await catalog.listThinBlobs({ volumeIds: ['v'], minCopies: 1, limit: 10 })
    await catalog.chunkSums(record.content.blobId)
    await catalog.markVerified([newId()])
    await catalog.markBad(newId())
    await catalog.unknownKeys('v', ['k1', 'x'])
    await catalog.leaveOrphans('v', [{ key: newId(), storedBytes: 1 }])
    await catalog.recheckBlobs({ limit: 100 })
    const { media } = await catalog.exportMedia({ limit: 5 })
    await catalog.exportMedia({ limit: 5, blobId: record.content.blobId })
    await catalog.importMedia(media.map((one) => ({ ...one, revision: one.revision + 1 })))
    await useTiers(record)
    await useUploads(record)
    await catalog.delete(NAMESPACE, record.id)
    await catalog.condemn({ limit: 10 })
    await catalog.planGarbage({ graceMs: 0 })
    const claimed = await catalog.claimGarbage({ graceMs: 0, limit: 10 })
    await catalog.dropPlacements(claimed.map(({ id }) => id))
    await catalog.expireSessions({ limit: 10 })
  }

  async function useTiers({ content }: MediaRecord): Promise<void> {
    await catalog.leaveCopies([content.placements[0]?.id ?? ''], { homes: ['v'], keep: 1 })
    const [id] = await catalog.planMoves([
      { id: newId(), blobId: content.blobId, toVolumeId: 'w', cause: 'burst', rank: 1 },
    ])
    expect(id).toBeDefined()
    await catalog.listMoves({ limit: 10 })
    await catalog.settleMove({ id: id ?? '', fence: 0 }, { type: 'retry', afterMs: 0, reason: 'x' })
    const [move] = await catalog.claimMoves({ volumeIds: ['v', 'w'], limit: 1, leaseMs: 1_000 })
    if (move !== undefined) await catalog.settleMove(move, { type: 'done' })
    await catalog.withdrawMoves([newId()])
    const key = newId()
    const external = { namespace: NAMESPACE, volumeId: 'x', owner: 'o', visibility: 'public' as const }
    for (const etag of ['1', '2'])
      await catalog.registerExternal({
        ...external,
        objects: [
          {
            newId: newId(),
            placementId: newId(),
            key,
            mediaKey: key,
            sizeBytes: 10,
            etag,
            contentType: 'image/png',
            filename: 'a.png',
          },
        ],
      })
    const { objects } = await catalog.listExternal('x', { limit: 10 })
    const learned = { domain: '', chunkSums: new Uint8Array(4) }
    for (const { blobId, sizeBytes } of objects)
      if (sizeBytes === content.sizeBytes && content.digest !== undefined)
        await catalog.learnDigest(blobId, { ...learned, digest: content.digest })
    await catalog.forgetExternal('x', [{ key, etag: '2' }])
    await catalog.addToLedger([{ volumeId: 'v', class: 'get', cause: 'read', calls: 1, bytes: 1 }])
    await catalog.ledger({ fromDay: '2026-01-01', toDay: '2026-12-31' })
    await catalog.reserveSpend({ budget: 'b', amount: 1, limit: 10 })
    await catalog.returnSpend({ budget: 'b', day: '2026-01-01', amount: 1 })
    await catalog.claimGarbage({ graceMs: 0, limit: 10, volumeIds: ['v'], kind: 'leaving' })
  }

  async function useUploads({ content }: MediaRecord): Promise<void> {
    const reservations = [{ subject: { owner: 'o' }, bytes: 1, limitBytes: 1e12 }]
    const input = sessionInput({ reservations, upload: { state: 'created', maxOpen: 1_000 } })
    await catalog.beginSession(input)
    const session = await catalog.claimSession(input.id, { leaseMs: 1_000 })
    await catalog.extendSession(session, { leaseMs: 0, state: 'receiving', reservations })
    await catalog.getSession(input.id)
    await catalog.isSessionLive(input.id)
    await catalog.listSessions(NAMESPACE)
    const staged = stageInput({ session })
    const commit = commitInput(staged, await catalog.stagePlacement(staged), {})
    const verdict = { verdict: 'clean', engine: 'e', database: '1' } as const
    const { record } = await catalog.commitContent({
      ...commit,
      content: { ...commit.content, state: 'pending', verdict },
      keepSession: { declared: {}, ttlMs: 1 },
    })
    await catalog.listUnscanned({ which: 'pending', limit: 10 })
    await catalog.listUnscanned({ which: { engine: 'e', database: '2' }, limit: 10 })
    await catalog.verdictOf('', content.digest ?? 'sha256:')
    const waiting = { at: record.id, tags: ['w'] }
    await put(catalog, waiting, {})
    await put(catalog, { ...waiting }, { digest: staged.digest })
    const contents = { from: ['pending', 'active'], to: 'quarantined', limit: 10 } as const
    await catalog.settleVerdict(record.content.blobId, verdict, contents)
    await catalog.heldContents(record.id)
    const back = { from: ['quarantined'], to: 'active', limit: 10 } as const
    await catalog.settleVerdict(record.content.blobId, verdict, back)
    const begun = await catalog.beginSession(sessionInput({ upload: { state: 'created' } }))
    if (begun.type === 'begun')
      await catalog.endSession(begun.session, { state: 'aborted', declared: {}, ttlMs: 1 })
  }

  async function planOf(client: PoolClient, { text, values }: Sent): Promise<string> {
    await client.query(`PREPARE looked_at AS ${text}`)
    try {
      const given = values.map((value) =>
        value === null
          ? 'NULL'
          : client.escapeLiteral(typeof value === 'string' ? value : `\\x${value.toString('hex')}`),
      )
      const call = given.length === 0 ? 'looked_at' : `looked_at(${given.join()})`
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN EXECUTE ${call}`)
      return rows.map((row) => row['QUERY PLAN']).join('\n')
    } finally {
      await client.query('DEALLOCATE looked_at')
    }
  }

  for (const mode of ['force_custom_plan', 'force_generic_plan'])
    test(`no statement reads a table of media whole (${mode})`, async () => {
      await during(useAll)
      const statements = new Map(
        sent.filter(({ text }) => !/^(BEGIN|COMMIT|SET)/.test(text)).map((one) => [one.text, one]),
      )
      expect(statements.size).toBeGreaterThan(90)
      const client = await pool.connect()
      try {
        await client.query(`SET plan_cache_mode = ${mode}`)
        const whole: string[] = []
        for (const statement of statements.values()) {
          const plan = await planOf(client, statement)
          // "Is there any" takes the first row.
          const read = plan.replaceAll(/InitPlan \d+ \(returns \$\d+\)\n\s+->\s+Seq Scan on media\s.*/g, '')
          if (BIG.test(read)) whole.push(`${statement.text}\n${plan}`)
        }
        expect(whole).toEqual([])
      } finally {
        client.release(true)
      }
    })
})
