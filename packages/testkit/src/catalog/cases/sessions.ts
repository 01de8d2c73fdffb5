import assert from 'node:assert/strict'
import type { CatalogCase } from '../context.ts'
import { listIds, plain, refuses } from '../expect.ts'
import {
  ALPHA,
  BETA,
  begin,
  beginInput,
  commitInput,
  LONG_TTL_MS,
  put,
  SHORT_TTL_MS,
  stage,
  timeOf,
} from '../put.ts'

/** Sessions and their fences. */
export const sessionCases: readonly CatalogCase[] = [
  {
    id: 'session.record',
    claim: 'beginSession() gives what was asked for, and an end of life by the time of the catalog',
    async check({ catalog }) {
      const declared = { filename: 'x.png', sizeBytes: 7 }
      const before = await timeOf(catalog)
      const input = beginInput({ owner: 'bob', declared, ttlMs: 5_000_000 })
      const begun = await catalog.beginSession(input)
      const after = await timeOf(catalog)
      assert.ok(begun.type === 'begun')
      const { fence, expiresAt, declared: shown, ...rest } = begun.session
      assert.deepEqual({ ...rest }, { id: input.id, namespace: ALPHA, owner: 'bob', offsetBytes: 0 })
      assert.deepEqual({ ...shown }, declared)
      assert.ok(Number.isSafeInteger(fence))
      const endMs = expiresAt.getTime() - 5_000_000
      assert.ok(endMs >= before && endMs <= after, 'the end of life')
    },
  },
  {
    id: 'session.taken',
    claim: 'beginSession() refuses the id of a session that is open',
    async check({ catalog }) {
      const session = await begin(catalog)
      await refuses('MEDIA_CONFLICT', catalog.beginSession(beginInput({ id: session.id })), 'the same id')
      assert.equal(await catalog.isSessionLive(session.id), true)
    },
  },
  {
    id: 'session.list',
    claim: 'listSessions() gives the open sessions of the namespace, as they are',
    async check({ catalog }) {
      const one = await begin(catalog, { declared: { a: 1 } })
      const two = await begin(catalog)
      const other = await begin(catalog, { namespace: BETA })
      await catalog.endSession(two)
      const listed = await catalog.listSessions(ALPHA)
      assert.deepEqual(plain(listed), plain([one]))
      assert.deepEqual(
        (await catalog.listSessions(BETA)).map(({ id }) => id),
        [other.id],
      )
      assert.deepEqual([...(await catalog.listSessions('gamma'))], [])
    },
  },
  {
    id: 'session.live',
    claim: 'isSessionLive() knows the sessions that are open and no others',
    async check({ catalog }) {
      const session = await begin(catalog)
      assert.equal(await catalog.isSessionLive(session.id), true)
      assert.equal(await catalog.isSessionLive('another'), false)
      await catalog.endSession(session)
      assert.equal(await catalog.isSessionLive(session.id), false)
    },
  },
  {
    id: 'session.extend',
    claim: 'extendSession() moves the end of life and the offset',
    async check({ catalog, advance }) {
      const session = await begin(catalog, { ttlMs: SHORT_TTL_MS })
      const extended = await catalog.extendSession(session, { ttlMs: LONG_TTL_MS, offsetBytes: 12 })
      assert.equal(extended.offsetBytes, 12)
      assert.ok(extended.expiresAt.getTime() > session.expiresAt.getTime(), 'the end of life')
      assert.equal(
        (await catalog.extendSession(session, { ttlMs: LONG_TTL_MS })).offsetBytes,
        12,
        'the offset stays',
      )
      await advance(2 * SHORT_TTL_MS)
      assert.deepEqual([...(await catalog.expireSessions({ limit: 10 }))], [])
      assert.equal(await catalog.isSessionLive(session.id), true)
    },
  },
  {
    id: 'session.fence',
    claim: 'a wrong fence is refused with MEDIA_LEASE_LOST by extend, stage and commit, and ends nothing',
    async check({ catalog }) {
      const staged = await stage(catalog)
      const wrong = { id: staged.session.id, fence: staged.session.fence + 1 }
      await refuses(
        'MEDIA_LEASE_LOST',
        catalog.extendSession(wrong, { ttlMs: LONG_TTL_MS }),
        'extendSession()',
      )
      await refuses('MEDIA_LEASE_LOST', stage(catalog, {}, wrong), 'stagePlacement()')
      const commit = catalog.commitContent({ ...commitInput(staged), session: wrong })
      await refuses('MEDIA_LEASE_LOST', commit, 'commitContent()')
      await catalog.endSession(wrong)
      assert.equal(await catalog.isSessionLive(staged.session.id), true, 'endSession() of another fence')
      await catalog.commitContent(commitInput(staged))
    },
  },
  {
    id: 'session.end',
    claim: 'endSession() ends a session for good and may be called again',
    async check({ catalog }) {
      const staged = await stage(catalog)
      await catalog.endSession(staged.session)
      await catalog.endSession(staged.session)
      const extend = catalog.extendSession(staged.session, { ttlMs: LONG_TTL_MS })
      await refuses('MEDIA_LEASE_LOST', extend, 'extendSession()')
      await refuses('MEDIA_LEASE_LOST', stage(catalog, {}, staged.session), 'stagePlacement()')
      await refuses('MEDIA_LEASE_LOST', catalog.commitContent(commitInput(staged)), 'commitContent()')
      assert.deepEqual(await listIds(catalog, ALPHA), [])
    },
  },
  {
    id: 'session.commit-ends',
    claim: 'a commit ends its session: it is not listed, and cannot commit again',
    async check({ catalog }) {
      const staged = await stage(catalog)
      const { record } = await catalog.commitContent(commitInput(staged))
      assert.deepEqual([...(await catalog.listSessions(ALPHA))], [])
      assert.equal(await catalog.isSessionLive(staged.session.id), false)
      await refuses('MEDIA_LEASE_LOST', catalog.commitContent(commitInput(staged)), 'a second commit')
      await catalog.endSession(staged.session)
      assert.deepEqual(await listIds(catalog, ALPHA), [record.id])
      assert.equal((await catalog.get(ALPHA, record.id))?.content.placements.length, 1, 'the placement stays')
    },
  },
  {
    id: 'session.expire',
    claim: 'expireSessions() ends the sessions past their time, no others, and names them',
    async check({ catalog, advance }) {
      const short = [await begin(catalog, { ttlMs: 1 }), await begin(catalog, { ttlMs: 1, namespace: BETA })]
      const long = await begin(catalog)
      await advance(SHORT_TTL_MS)
      const expired = await catalog.expireSessions({ limit: 10 })
      assert.deepEqual(expired.map(({ id }) => id).sort(), short.map(({ id }) => id).sort())
      for (const session of expired)
        assert.deepEqual(session, { ...short.find(({ id }) => id === session.id) }, 'as it was')
      for (const { id } of short) assert.equal(await catalog.isSessionLive(id), false)
      assert.equal(await catalog.isSessionLive(long.id), true)
      assert.deepEqual([...(await catalog.expireSessions({ limit: 10 }))], [], 'a second round')
    },
  },
  {
    id: 'session.expire-limit',
    claim: 'expireSessions() ends at most `limit` sessions a call',
    async check({ catalog, advance }) {
      for (let n = 0; n < 5; n++) await begin(catalog, { ttlMs: 1 })
      await advance(SHORT_TTL_MS)
      assert.equal((await catalog.expireSessions({ limit: 2 })).length, 2)
      assert.equal((await catalog.listSessions(ALPHA)).length, 3)
      assert.equal((await catalog.expireSessions({ limit: 10 })).length, 3)
    },
  },
  {
    id: 'session.expired-commit',
    claim: 'a session that ran out and was swept can never commit, stage or be extended',
    async check({ catalog, advance }) {
      const staged = await stage(catalog, { session: { ttlMs: 1 } })
      await advance(SHORT_TTL_MS)
      const expired = await catalog.expireSessions({ limit: 10 })
      assert.deepEqual(
        expired.map(({ id }) => id),
        [staged.session.id],
      )
      await refuses('MEDIA_LEASE_LOST', catalog.commitContent(commitInput(staged)), 'commitContent()')
      await refuses('MEDIA_LEASE_LOST', stage(catalog, {}, staged.session), 'stagePlacement()')
      const extend = catalog.extendSession(staged.session, { ttlMs: LONG_TTL_MS })
      await refuses('MEDIA_LEASE_LOST', extend, 'extendSession()')
      assert.deepEqual(await listIds(catalog, ALPHA), [], 'nothing is to be seen')
    },
  },
  {
    id: 'session.expired-existing',
    claim: 'a swept session that was to use an existing placement cannot commit either',
    async check({ catalog, advance }) {
      await put(catalog, { bytes: 'shared' })
      const staged = await stage(catalog, { bytes: 'shared', session: { ttlMs: 1 } })
      await advance(SHORT_TTL_MS)
      await catalog.expireSessions({ limit: 10 })
      await refuses('MEDIA_LEASE_LOST', catalog.commitContent(commitInput(staged)), 'commitContent()')
      assert.equal((await listIds(catalog, ALPHA)).length, 1)
    },
  },
]
