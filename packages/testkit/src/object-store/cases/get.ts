import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { ByteRange } from '@mediakeep/core'
import { isMediaError } from '@mediakeep/core'
import { seededBytes, seededRandom } from '../../random.ts'
import type { ObjectStoreCase, ObjectStoreContext } from '../context.ts'
import { drain, openReader, openStream, putBytes, readAll, rejectsWith, sameBytes } from '../expect.ts'
import { waitUntil } from '../open-files.ts'

const SIZE_BYTES = 200_000
const BIG_BYTES = 5 * 1024 * 1024

function rangeCase(id: string, claim: string, range: ByteRange, given: ByteRange): ObjectStoreCase {
  return {
    id: `range.${id}`,
    claim,
    async check({ store }) {
      const bytes = seededBytes(40, SIZE_BYTES)
      await putBytes(store, 'kit/range', bytes)
      const reader = await openReader(store, 'kit/range', range)
      assert.deepEqual({ ...reader.range }, given, 'the range that the reader tells')
      assert.equal(reader.head.sizeBytes, SIZE_BYTES, 'the head tells the size of the whole object')
      sameBytes(await drain(openStream(reader)), bytes.subarray(given.start, given.endExclusive), 'get()')
    },
  }
}

const end = SIZE_BYTES
const ranges: readonly ObjectStoreCase[] = [
  rangeCase(
    'first-byte',
    'get() returns exactly the first byte',
    { start: 0, endExclusive: 1 },
    { start: 0, endExclusive: 1 },
  ),
  rangeCase(
    'last-byte',
    'get() returns exactly the last byte',
    { start: end - 1, endExclusive: end },
    { start: end - 1, endExclusive: end },
  ),
  rangeCase(
    'whole',
    'get() of the whole as a range returns every byte',
    { start: 0, endExclusive: end },
    { start: 0, endExclusive: end },
  ),
  rangeCase(
    'middle',
    'get() returns exactly the bytes in the middle',
    { start: 65_535, endExclusive: 131_074 },
    { start: 65_535, endExclusive: 131_074 },
  ),
  rangeCase(
    'past-end',
    'get() clamps a range that ends past the object',
    { start: end - 10, endExclusive: end + 10 },
    { start: end - 10, endExclusive: end },
  ),
  rangeCase(
    'far-past-end',
    'get() clamps a range that ends at the largest integer',
    { start: 1, endExclusive: Number.MAX_SAFE_INTEGER },
    { start: 1, endExclusive: end },
  ),
  {
    id: 'range.start-at-end',
    claim: 'get() of a range that starts at or past the end is MEDIA_RANGE',
    async check({ store }) {
      await putBytes(store, 'kit/range', 'four')
      for (const start of [4, 5, 2 ** 40]) {
        await rejectsWith(
          'MEDIA_RANGE',
          store.get('kit/range', { range: { start, endExclusive: start + 1 } }),
          `start ${start}`,
        )
      }
    },
  },
  {
    id: 'range.empty-object',
    claim: 'get() of an empty object gives no bytes; a range of it is MEDIA_RANGE',
    async check({ store }) {
      await putBytes(store, 'kit/range', '')
      assert.equal((await readAll(store, 'kit/range')).byteLength, 0)
      await rejectsWith(
        'MEDIA_RANGE',
        store.get('kit/range', { range: { start: 0, endExclusive: 1 } }),
        'get()',
      )
    },
  },
  {
    id: 'range.bad',
    claim: 'get() refuses what is no range: empty, reversed, negative, fractional',
    async check({ store }) {
      await putBytes(store, 'kit/range', 'four')
      const bad: readonly ByteRange[] = [
        { start: 1, endExclusive: 1 },
        { start: 2, endExclusive: 1 },
        { start: -1, endExclusive: 1 },
        { start: 0.5, endExclusive: 2 },
        { start: 0, endExclusive: Number.NaN },
      ]
      for (const range of bad)
        await rejectsWith('MEDIA_BAD_INPUT', store.get('kit/range', { range }), JSON.stringify(range))
    },
  },
  {
    id: 'range.absent',
    claim: 'get() of a range of an absent key is undefined, not a failure',
    async check({ store }) {
      assert.equal(await store.get('kit/none', { range: { start: 0, endExclusive: 1 } }), undefined)
    },
  },
  {
    id: 'range.random',
    claim: 'get() of 100 random ranges, ten at a time, returns the bytes of each',
    async check({ store }) {
      const bytes = seededBytes(41, SIZE_BYTES)
      await putBytes(store, 'kit/range', bytes)
      const random = seededRandom(42)
      for (let round = 0; round < 10; round++) {
        const reads = Array.from({ length: 10 }, async () => {
          const start = random.integer(0, SIZE_BYTES)
          const range = { start, endExclusive: random.integer(start + 1, SIZE_BYTES + 1) }
          sameBytes(
            await readAll(store, 'kit/range', range),
            bytes.subarray(range.start, range.endExclusive),
            JSON.stringify(range),
          )
        })
        await Promise.all(reads)
      }
    },
  },
]

/** Nothing that readers hold is held any more. */
async function nothingHeld(context: ObjectStoreContext, before: number, what: string): Promise<void> {
  assert.ok(
    await waitUntil(async () => (await context.openHandles()) <= before),
    `${what}: a handle is still open`,
  )
}

const readers: readonly ObjectStoreCase[] = [
  {
    id: 'get.absent',
    claim: 'get() of a key that was never put is undefined',
    async check({ store }) {
      await putBytes(store, 'kit/there', 'x')
      for (const key of ['kit/not-there', 'kit/ther', 'kit/there2', 'kit', 'kit/']) {
        const reader = await store.get(key)
        await reader?.[Symbol.asyncDispose]()
        assert.equal(reader, undefined, key)
      }
    },
  },
  {
    id: 'get.stream-once',
    claim: 'stream() a second time is MEDIA_BAD_INPUT, and the first stream stays whole',
    async check({ store }) {
      const bytes = seededBytes(43, SIZE_BYTES)
      await putBytes(store, 'kit/once', bytes)
      const reader = await openReader(store, 'kit/once')
      const stream = openStream(reader)
      assert.throws(
        () => reader.stream(),
        (error) => isMediaError(error, 'MEDIA_BAD_INPUT'),
        'the second stream()',
      )
      sameBytes(await drain(stream), bytes, 'the first stream()')
    },
  },
  {
    id: 'get.stream-after-dispose',
    claim: 'stream() of a disposed reader throws and opens nothing',
    async check(context) {
      const before = await context.openHandles()
      await putBytes(context.store, 'kit/disposed', 'x')
      const reader = await openReader(context.store, 'kit/disposed')
      await reader[Symbol.asyncDispose]()
      assert.throws(
        () => reader.stream(),
        (error) => isMediaError(error),
        'stream() after dispose',
      )
      await nothingHeld(context, before, 'after dispose')
    },
  },
  {
    id: 'get.dispose.unread',
    claim: 'a reader disposed unread frees all it holds, also when disposed twice',
    async check(context) {
      await putBytes(context.store, 'kit/unread', seededBytes(44, SIZE_BYTES))
      const before = await context.openHandles()
      for (let round = 0; round < 5; round++) {
        const reader = await openReader(context.store, 'kit/unread')
        await reader[Symbol.asyncDispose]()
        await reader[Symbol.asyncDispose]()
      }
      await nothingHeld(context, before, 'after dispose')
    },
  },
  {
    id: 'get.dispose.stream-untouched',
    claim: 'a reader whose stream was opened and never read frees all it holds when disposed',
    async check(context) {
      await putBytes(context.store, 'kit/untouched', seededBytes(45, BIG_BYTES))
      const before = await context.openHandles()
      const reader = await openReader(context.store, 'kit/untouched')
      const stream = openStream(reader)
      await reader[Symbol.asyncDispose]()
      assert.ok(await waitUntil(() => stream.destroyed), 'the stream lives on')
      await nothingHeld(context, before, 'after dispose')
    },
  },
  {
    id: 'get.dispose.half-way',
    claim: 'a stream destroyed half-way frees all the reader holds',
    async check(context) {
      await putBytes(context.store, 'kit/half', seededBytes(46, BIG_BYTES))
      const before = await context.openHandles()
      for (let round = 0; round < 3; round++) {
        const reader = await openReader(context.store, 'kit/half')
        const stream = openStream(reader)
        for await (const _chunk of stream) break // leaving the loop destroys the stream
        assert.ok(stream.destroyed)
      }
      await nothingHeld(context, before, 'after destroy')
    },
  },
  {
    id: 'get.dispose.read-to-end',
    claim: 'a reader read to its end frees all it holds without being disposed',
    async check(context) {
      await putBytes(context.store, 'kit/end', seededBytes(47, SIZE_BYTES))
      const before = await context.openHandles()
      const reader = await openReader(context.store, 'kit/end')
      const stream = openStream(reader)
      const closed = once(stream, 'close')
      stream.resume()
      await closed
      await nothingHeld(context, before, 'after the end')
      await reader[Symbol.asyncDispose]()
    },
  },
  {
    id: 'get.two-readers',
    claim: 'two readers of one object, read in turns, each give every byte',
    async check({ store }) {
      const bytes = seededBytes(48, BIG_BYTES)
      await putBytes(store, 'kit/two', bytes)
      const streams = await Promise.all(
        [1, 2].map(async () => openStream(await openReader(store, 'kit/two'))),
      )
      const bodies = await Promise.all(streams.map((stream) => drain(stream)))
      for (const body of bodies) sameBytes(body, bytes, 'one of two readers')
    },
  },
  {
    id: 'get.survives-delete',
    claim: 'a reader gives its bytes whole when the object is deleted under it',
    async check({ store }) {
      const bytes = seededBytes(49, BIG_BYTES)
      await putBytes(store, 'kit/survive', bytes)
      const unread = await openReader(store, 'kit/survive')
      const reading = await openReader(store, 'kit/survive')
      const chunks = openStream(reading)[Symbol.asyncIterator]()
      const first = asBytes((await chunks.next()).value)
      await store.delete('kit/survive')
      sameBytes(await drain(openStream(unread)), bytes, 'the reader opened before the delete')
      sameBytes(
        Buffer.concat([first, await drainRest(chunks)]),
        bytes,
        'the reader read half-way before the delete',
      )
      assert.equal(await store.head('kit/survive'), undefined)
    },
  },
  {
    id: 'get.survives-replace',
    claim: 'a reader gives the old bytes whole when the object is replaced under it',
    async check({ store }) {
      const bytes = seededBytes(50, BIG_BYTES)
      await putBytes(store, 'kit/survive', bytes)
      const unread = await openReader(store, 'kit/survive')
      const reading = await openReader(store, 'kit/survive')
      const chunks = openStream(reading)[Symbol.asyncIterator]()
      const first = asBytes((await chunks.next()).value)
      await putBytes(store, 'kit/survive', seededBytes(51, BIG_BYTES))
      sameBytes(await drain(openStream(unread)), bytes, 'the reader opened before the put')
      sameBytes(
        Buffer.concat([first, await drainRest(chunks)]),
        bytes,
        'the reader read half-way before the put',
      )
    },
  },
  {
    id: 'get.mutated-chunk',
    claim: 'changing the bytes that a stream gave changes nothing stored',
    async check({ store }) {
      const bytes = seededBytes(52, 1000)
      await putBytes(store, 'kit/mutate', bytes)
      const reader = await openReader(store, 'kit/mutate')
      for await (const chunk of openStream(reader)) asBytes(chunk).fill(0)
      sameBytes(await readAll(store, 'kit/mutate'), bytes, 'after its chunks were changed')
    },
  },
  {
    id: 'get.paused',
    claim: 'a slow consumer gets every byte: what it does not take yet waits',
    async check({ store }) {
      const bytes = seededBytes(53, BIG_BYTES)
      await putBytes(store, 'kit/slow', bytes)
      const stream = openStream(await openReader(store, 'kit/slow'))
      await once(stream, 'readable')
      assert.ok(
        stream.readableLength < BIG_BYTES / 2,
        `${stream.readableLength} bytes are buffered before anything was taken`,
      )
      sameBytes(await drain(stream), bytes, 'get()')
    },
  },
  {
    id: 'get.second-store',
    claim: 'another store over the same bytes sees what was put, replaced and deleted',
    needs: ['second'],
    async check({ store, second }) {
      const other = await second()
      await putBytes(store, 'kit/shared', 'one')
      sameBytes(await readAll(other, 'kit/shared'), Buffer.from('one'), 'the other store')
      await putBytes(other, 'kit/shared', 'two')
      sameBytes(await readAll(store, 'kit/shared'), Buffer.from('two'), 'this store')
      await other.delete('kit/shared')
      assert.equal(await store.head('kit/shared'), undefined)
    },
  },
]

export const getCases: readonly ObjectStoreCase[] = [...ranges, ...readers]

function asBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk
  return assert.fail(`the stream gave ${typeof chunk}, not bytes`)
}

async function drainRest(chunks: AsyncIterator<unknown>): Promise<Buffer> {
  const rest: Uint8Array[] = []
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next())
    rest.push(asBytes(next.value))
  return Buffer.concat(rest)
}
