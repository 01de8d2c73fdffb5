import assert from 'node:assert/strict'
import { digestOf, newId } from '@mediakeep/core'
import type { CatalogCase } from '../context.ts'
import { listIds, refuses } from '../expect.ts'
import { ALPHA, BETA, begin, beginInput, commitInput, put, SHORT_TTL_MS, stage } from '../put.ts'

const HOUR_MS = 3_600_000
const key = { idempotencyKey: 'retry-1' }

/** A retry makes no second record. */
export const idempotencyCases: readonly CatalogCase[] = [
  {
    id: 'idempotency.repeated',
    claim: 'the key of a put that succeeded answers with the media it made, to begin and to stage',
    async check({ catalog }) {
      const { record } = await put(catalog, { session: key })
      assert.deepEqual(
        { ...(await catalog.beginSession(beginInput(key))) },
        { type: 'repeated', mediaId: record.id },
      )
      const staged = await catalog.stagePlacement({
        session: beginInput(key),
        domain: '',
        digest: digestOf(Buffer.from('other')),
        sizeBytes: 5,
        chunkSums: new Uint8Array(4),
        volumeId: 'kit-disk',
        placementId: newId(),
        key: 'unused',
      })
      assert.deepEqual({ ...staged }, { type: 'repeated', mediaId: record.id })
      assert.deepEqual([...(await catalog.listSessions(ALPHA))], [], 'no session was begun')
    },
  },
  {
    id: 'idempotency.locked',
    claim: 'the key of a put under way is refused with MEDIA_LOCKED',
    async check({ catalog }) {
      const staged = await stage(catalog, { session: key })
      await refuses('MEDIA_LOCKED', catalog.beginSession(beginInput(key)), 'beginSession()')
      await refuses('MEDIA_LOCKED', stage(catalog, { session: key }), 'stagePlacement()')
      assert.equal((await catalog.listSessions(ALPHA)).length, 1)
      await catalog.commitContent(commitInput(staged))
    },
  },
  {
    id: 'idempotency.failed',
    claim: 'the key of a put that failed is free again',
    async check({ catalog }) {
      await put(catalog, { at: { key: 'k' } })
      const refused = put(catalog, { at: { key: 'k' }, when: { type: 'absent' }, session: key })
      await refuses('MEDIA_PRECONDITION', refused, 'the first try')
      const again = await put(catalog, { at: { key: 'l' }, session: key })
      assert.equal(again.created, true)
    },
  },
  {
    id: 'idempotency.refused-begin',
    claim: 'the key of a beginSession() that was refused stays free',
    async check({ catalog }) {
      const reservations = [{ subject: { owner: 'ann' }, bytes: 2, limitBytes: 1 }]
      await refuses(
        'MEDIA_QUOTA',
        catalog.beginSession(beginInput({ ...key, reservations })),
        'beginSession()',
      )
      await begin(catalog, key)
    },
  },
  {
    id: 'idempotency.owners',
    claim: 'keys are per namespace and owner',
    async check({ catalog }) {
      await put(catalog, { session: key })
      await begin(catalog, { ...key, owner: 'bob' })
      await begin(catalog, { ...key, namespace: BETA })
      await begin(catalog, { idempotencyKey: 'retry-2' })
      await begin(catalog, {})
      await begin(catalog, {})
    },
  },
  {
    id: 'idempotency.expired-session',
    claim: 'the key of a put whose session ran out is free again',
    async check({ catalog, advance }) {
      const staged = await stage(catalog, { session: { ...key, ttlMs: 1 } })
      await advance(SHORT_TTL_MS)
      const session = await begin(catalog, key)
      await refuses('MEDIA_LEASE_LOST', catalog.commitContent(commitInput(staged)), 'the put that ran out')
      assert.deepEqual(
        (await catalog.listSessions(ALPHA)).map(({ id }) => id),
        [session.id],
      )
      assert.deepEqual(await listIds(catalog, ALPHA), [])
    },
  },
  {
    id: 'idempotency.day',
    claim: 'a key answers with its outcome for 24 hours and is free after',
    needs: ['clock'],
    async check({ catalog, advance }) {
      const { record } = await put(catalog, { session: key })
      await advance(24 * HOUR_MS - 60_000)
      await catalog.expireSessions({ limit: 100 })
      const within = await catalog.beginSession(beginInput(key))
      assert.deepEqual({ ...within }, { type: 'repeated', mediaId: record.id })
      await advance(120_000)
      await catalog.expireSessions({ limit: 100 })
      assert.equal((await catalog.beginSession(beginInput(key))).type, 'begun')
    },
  },
  {
    id: 'idempotency.race',
    claim: 'of many puts with one key at once one begins, the others are told to wait',
    async check({ catalog }) {
      const results = await Promise.allSettled(
        Array.from({ length: 12 }, () => catalog.beginSession(beginInput(key))),
      )
      assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
      assert.equal((await catalog.listSessions(ALPHA)).length, 1)
    },
  },
  {
    id: 'idempotency.reopen',
    claim: 'a key still answers after the storage is opened again',
    needs: ['reopen'],
    async check({ catalog, reopen }) {
      const { record } = await put(catalog, { session: key })
      const again = await reopen()
      assert.deepEqual(
        { ...(await again.beginSession(beginInput(key))) },
        { type: 'repeated', mediaId: record.id },
      )
    },
  },
]
