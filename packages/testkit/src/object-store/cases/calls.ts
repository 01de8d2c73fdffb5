import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { bytesSource, type Call, isMediaError, type ObjectStore } from '@mediakeep/core'
import { gatedSource, streamSource } from '../../bodies.ts'
import { seededBytes } from '../../random.ts'
import type { ObjectStoreCase } from '../context.ts'
import {
  drain,
  holds,
  isAbsent,
  openReader,
  openStream,
  putBytes,
  rejectionOf,
  rejectsWith,
} from '../expect.ts'
import { waitUntil } from '../open-files.ts'

const BIG_BYTES = 5 * 1024 * 1024

/** Every member that takes a `Call`, on the key `kit/call`, which holds `x`. */
const members: Readonly<Record<string, (store: ObjectStore, call: Call) => Promise<unknown>>> = {
  put: (store, call) => store.put('kit/call', bytesSource(Buffer.from('y')), call),
  get: async (store, call) => (await store.get('kit/call', call))?.[Symbol.asyncDispose](),
  head: (store, call) => store.head('kit/call', call),
  delete: (store, call) => store.delete('kit/call', call),
  'delete-many': (store, call) => store.deleteMany(['kit/call'], call),
  list: (store, call) => store.list(call),
}

const perMember: readonly ObjectStoreCase[] = Object.entries(members).flatMap(
  ([member, run]): ObjectStoreCase[] => [
    {
      id: `abort.before.${member}`,
      claim: `${member} with an aborted signal throws the reason untouched and does nothing`,
      async check({ store }) {
        await putBytes(store, 'kit/call', 'x')
        for (const reason of [new Error('the caller left'), { why: 'any value' }]) {
          const error = await rejectionOf(run(store, { signal: AbortSignal.abort(reason) }), member)
          assert.equal(error, reason, `${member} threw ${String(error)} instead of the reason`)
        }
        await holds(store, 'kit/call', 'x', 'after the aborted call')
      },
    },
    {
      id: `deadline.before.${member}`,
      claim: `${member} past its deadline is MEDIA_TIMEOUT and does nothing`,
      async check({ store }) {
        await putBytes(store, 'kit/call', 'x')
        await rejectsWith('MEDIA_TIMEOUT', run(store, { deadlineAt: new Date(0) }), member)
        await holds(store, 'kit/call', 'x', 'after the late call')
      },
    },
  ],
)

const abort: readonly ObjectStoreCase[] = [
  {
    id: 'abort.during.put',
    claim:
      'put() aborted while its body comes throws the reason untouched, frees the source and keeps nothing',
    async check({ store }) {
      for (const reason of [new Error('the caller left'), { why: 'any value' }]) {
        const controller = new AbortController()
        const source = gatedSource(seededBytes(70, 300_000), 150_000)
        const put = rejectionOf(store.put('kit/abort', source, { signal: controller.signal }), 'put()')
        await source.reached
        controller.abort(reason)
        assert.equal(await put, reason, 'put() threw something else than the reason')
        assert.ok(await waitUntil(() => source.live === 0), 'the source is still open')
        await isAbsent(store, 'kit/abort', 'after the abort')
      }
    },
  },
  {
    id: 'abort.during.put-keeps-old',
    claim: 'put() aborted while its body comes leaves the object that was there',
    async check({ store }) {
      const { etag } = await putBytes(store, 'kit/abort', 'old')
      const controller = new AbortController()
      const source = gatedSource(seededBytes(71, 300_000), 299_999)
      const put = rejectionOf(store.put('kit/abort', source, { signal: controller.signal }), 'put()')
      await source.reached
      controller.abort()
      await put
      await holds(store, 'kit/abort', 'old', 'after the abort')
      assert.equal((await store.head('kit/abort'))?.etag, etag)
    },
  },
  {
    id: 'abort.during.get',
    claim: 'a stream whose call is aborted ends with the reason and frees all it holds',
    async check({ store, openHandles }) {
      await putBytes(store, 'kit/abort', seededBytes(72, BIG_BYTES))
      const before = await openHandles()
      const controller = new AbortController()
      const reason = new Error('the viewer left')
      const reader = await store.get('kit/abort', { signal: controller.signal })
      assert.ok(reader !== undefined)
      const error = await rejectionOf(
        (async () => {
          for await (const _chunk of openStream(reader)) controller.abort(reason)
        })(),
        'the stream',
      )
      assert.equal(error, reason, `the stream ended with ${String(error)}`)
      assert.ok(await waitUntil(async () => (await openHandles()) <= before), 'a handle is still open')
    },
  },
  {
    id: 'abort.during.unread',
    claim: 'a reader whose call is aborted before it is read frees all it holds',
    async check({ store, openHandles }) {
      await putBytes(store, 'kit/abort', seededBytes(73, BIG_BYTES))
      const before = await openHandles()
      const controller = new AbortController()
      const reader = await store.get('kit/abort', { signal: controller.signal })
      controller.abort(new Error('the viewer left'))
      await reader?.[Symbol.asyncDispose]()
      assert.ok(await waitUntil(async () => (await openHandles()) <= before), 'a handle is still open')
    },
  },
  {
    id: 'abort.afterwards',
    claim: 'a signal aborted after its call has ended changes nothing',
    async check({ store }) {
      const controller = new AbortController()
      const { signal } = controller
      await store.put('kit/after', streamSource(seededBytes(74, 1000)), { signal })
      controller.abort(new Error('too late'))
      await holds(store, 'kit/after', seededBytes(74, 1000), 'after the late abort')
    },
  },
  {
    id: 'abort.listeners',
    claim: 'calls that have ended leave no listener on the signal',
    async check({ store }) {
      const { signal } = new AbortController()
      await store.put('kit/listeners', streamSource(seededBytes(75, 100_000)), { signal })
      await store.head('kit/listeners', { signal })
      await store.list({ signal })
      const reader = await store.get('kit/listeners', { signal })
      assert.ok(reader !== undefined)
      await drain(openStream(reader))
      await reader[Symbol.asyncDispose]()
      const unread = await store.get('kit/listeners', { signal })
      await unread?.[Symbol.asyncDispose]()
      await rejectionOf(
        store.get('kit/listeners', { signal, range: { start: 2 ** 40, endExclusive: 2 ** 41 } }),
        'get()',
      )
      await store.delete('kit/listeners', { signal })
      const none = await waitUntil(() => getEventListeners(signal, 'abort').length === 0)
      assert.ok(none, `${getEventListeners(signal, 'abort').length} listeners are left`)
    },
  },
]

const deadline: readonly ObjectStoreCase[] = [
  {
    id: 'deadline.during.put',
    claim:
      'put() whose deadline passes while its body comes is MEDIA_TIMEOUT, frees the source and keeps nothing',
    async check({ store }) {
      const source = gatedSource(seededBytes(76, 300_000), 150_000)
      const put = store.put('kit/deadline', source, { deadlineAt: new Date(Date.now() + 60) })
      await rejectsWith('MEDIA_TIMEOUT', put, 'put()')
      assert.ok(await waitUntil(() => source.live === 0), 'the source is still open')
      await isAbsent(store, 'kit/deadline', 'after the deadline')
    },
  },
  {
    id: 'deadline.far',
    claim: 'a deadline a thousand years ahead is no deadline now',
    async check({ store }) {
      const call = { deadlineAt: new Date(Date.UTC(3026, 0)) }
      await store.put('kit/far', streamSource(seededBytes(77, 500_000)), call)
      const reader = await store.get('kit/far', call)
      assert.ok(reader !== undefined)
      const stream = openStream(reader)
      // A timer longer than 2^31 ms fires at once: give it the turns to do so.
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
      await new Promise((resolve) => setTimeout(resolve, 2))
      assert.equal((await drain(stream)).byteLength, 500_000)
      assert.equal((await store.list(call)).objects.length, 1)
      await store.delete('kit/far', call)
    },
  },
]

const closing: readonly ObjectStoreCase[] = [
  {
    id: 'close.then-calls',
    claim: 'every call after close() is MEDIA_CLOSED, never an answer of "absent"',
    async check({ store }) {
      await putBytes(store, 'kit/call', 'x')
      await store.delete('kit/call')
      await store.close()
      for (const [member, run] of Object.entries(members))
        await rejectsWith('MEDIA_CLOSED', run(store, {}), member)
      const { createWriter, openFile } = store
      if (createWriter !== undefined)
        await rejectsWith('MEDIA_CLOSED', createWriter.call(store, 'kit/call'), 'createWriter')
      if (openFile !== undefined)
        await rejectsWith('MEDIA_CLOSED', openFile.call(store, 'kit/call'), 'openFile')
    },
  },
  {
    id: 'close.idempotent',
    claim: 'close() and asyncDispose may be called again, also at once',
    async check({ store }) {
      await Promise.all([store.close(), store.close(), store[Symbol.asyncDispose]()])
      await store.close()
    },
  },
  {
    id: 'close.dispose',
    claim: 'asyncDispose closes the store',
    async check({ store }) {
      await store[Symbol.asyncDispose]()
      await rejectsWith('MEDIA_CLOSED', store.head('kit/x'), 'head()')
    },
  },
  {
    id: 'close.ends-streams',
    claim: 'close() ends open streams with an error and frees all they hold',
    async check({ store, openHandles }) {
      const before = await openHandles()
      await putBytes(store, 'kit/close', seededBytes(78, BIG_BYTES))
      const stream = openStream(await openReader(store, 'kit/close'))
      const chunks = stream[Symbol.asyncIterator]()
      await chunks.next()
      await Promise.all([
        store.close(),
        rejectionOf(
          (async () => {
            for (let next = await chunks.next(); next.done !== true; next = await chunks.next());
          })(),
          'the stream',
        ),
      ])
      assert.ok(await waitUntil(async () => (await openHandles()) <= before), 'a handle is still open')
    },
  },
  {
    id: 'close.ends-puts',
    claim: 'close() ends a put under way with MEDIA_CLOSED, frees its source, and nothing of it is stored',
    async check({ store }) {
      const source = gatedSource(seededBytes(79, 300_000), 150_000)
      const put = rejectsWith('MEDIA_CLOSED', store.put('kit/close', source), 'put()')
      await source.reached
      await Promise.all([store.close(), put])
      assert.ok(await waitUntil(() => source.live === 0), 'the source is still open')
    },
  },
  {
    id: 'close.ends-puts-unseen',
    claim: 'a put ended by close() leaves nothing that another store sees',
    needs: ['second'],
    async check({ store, second }) {
      const other = await second()
      const source = gatedSource(seededBytes(80, 300_000), 150_000)
      const put = rejectionOf(store.put('kit/close', source), 'put()')
      await source.reached
      await Promise.all([store.close(), put])
      source.release()
      await isAbsent(other, 'kit/close', 'in the other store')
    },
  },
  {
    id: 'close.only-itself',
    claim: 'close() leaves another store over the same bytes working',
    needs: ['second'],
    async check({ store, second }) {
      const other = await second()
      await putBytes(store, 'kit/shared', 'x')
      await store.close()
      await holds(other, 'kit/shared', 'x', 'in the other store')
      await other.delete('kit/shared')
    },
  },
]

const outages: readonly ObjectStoreCase[] = [
  {
    id: 'outage.never-absent',
    claim:
      'a backend that fails is a failure of every call, never "absent", never an empty list, never a success',
    needs: ['outage'],
    async check({ store, breakBackend }) {
      await putBytes(store, 'kit/call', 'x')
      await breakBackend()
      for (const [member, run] of Object.entries(members)) {
        if (member === 'delete-many') continue
        const error = await rejectionOf(run(store, {}), member)
        assert.ok(isMediaError(error), `${member} threw ${String(error)}, which is no MediaError`)
      }
      const answers = await store.deleteMany(['kit/call']).catch((error: unknown) => [{ error }])
      assert.ok(answers[0]?.error !== undefined, 'deleteMany() tells success')
    },
  },
]

export const callCases: readonly ObjectStoreCase[] = [
  ...perMember,
  ...abort,
  ...deadline,
  ...closing,
  ...outages,
]
