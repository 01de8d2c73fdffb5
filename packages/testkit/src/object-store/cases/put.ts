import assert from 'node:assert/strict'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { bytesSource, digestOf, isMediaError } from '@mediakeep/core'
import {
  chunkedSource,
  failingSource,
  gatedSource,
  lyingSource,
  streamSource,
  unhurriedSource,
} from '../../bodies.ts'
import { seededBytes } from '../../random.ts'
import type { ObjectStoreCase } from '../context.ts'
import {
  drain,
  holds,
  isAbsent,
  openStream,
  putBytes,
  readAll,
  rejectionOf,
  rejectsWith,
  sameBytes,
} from '../expect.ts'
import { waitUntil } from '../open-files.ts'

const KiB = 1024
const MiB = 1024 * KiB

function sizeCase(label: string, sizeBytes: number): ObjectStoreCase {
  return {
    id: `put.size.${label}`,
    claim: `put() and get() keep an object of ${sizeBytes} bytes whole, from memory and from a stream`,
    async check({ store }) {
      const bytes = seededBytes(sizeBytes + 1, sizeBytes)
      for (const source of [bytesSource(bytes), streamSource(bytes)]) {
        const head = await store.put('kit/size', source)
        assert.equal(head.sizeBytes, sizeBytes)
        sameBytes(await readAll(store, 'kit/size'), bytes, 'get()')
      }
    },
  }
}

const sizes: readonly ObjectStoreCase[] = [
  sizeCase('0', 0),
  sizeCase('1', 1),
  sizeCase('64KiB-1', 64 * KiB - 1),
  sizeCase('64KiB', 64 * KiB),
  sizeCase('64KiB+1', 64 * KiB + 1),
  sizeCase('1MiB', MiB),
  sizeCase('5MiB+1', 5 * MiB + 1),
]

const sources: readonly ObjectStoreCase[] = [
  {
    id: 'put.source.small-chunks',
    claim: 'put() stores a body that comes byte by byte',
    async check({ store }) {
      const bytes = seededBytes(1, 3 * KiB)
      await store.put('kit/chunks', chunkedSource(bytes))
      await holds(store, 'kit/chunks', bytes, 'get()')
    },
  },
  {
    id: 'put.source.shorter',
    claim: 'put() refuses a source that gives fewer bytes than it declares, and keeps nothing',
    async check({ store }) {
      await rejectsWith(
        'MEDIA_BAD_INPUT',
        store.put('kit/short', lyingSource(seededBytes(2, 1000), 1001)),
        'put()',
      )
      await isAbsent(store, 'kit/short', 'after the refusal')
    },
  },
  {
    id: 'put.source.longer',
    claim: 'put() refuses a source that gives more bytes than it declares, and keeps nothing',
    async check({ store }) {
      await rejectsWith(
        'MEDIA_BAD_INPUT',
        store.put('kit/long', lyingSource(seededBytes(3, 100 * KiB), 70 * KiB)),
        'put()',
      )
      await isAbsent(store, 'kit/long', 'after the refusal')
    },
  },
  {
    id: 'put.source.empty-but-declared',
    claim: 'put() refuses a source that declares bytes and gives none',
    async check({ store }) {
      await rejectsWith('MEDIA_BAD_INPUT', store.put('kit/none', lyingSource(new Uint8Array(0), 10)), 'put()')
      await isAbsent(store, 'kit/none', 'after the refusal')
    },
  },
  {
    id: 'put.source.bytes-but-declared-empty',
    claim: 'put() refuses a source that declares no bytes and gives some',
    async check({ store }) {
      await rejectsWith('MEDIA_BAD_INPUT', store.put('kit/some', lyingSource(seededBytes(4, 10), 0)), 'put()')
      await isAbsent(store, 'kit/some', 'after the refusal')
    },
  },
  {
    id: 'put.source.wrong-length-keeps-old',
    claim: 'put() of a source with a wrong length leaves the object that was there',
    async check({ store }) {
      await putBytes(store, 'kit/old', 'old')
      await rejectionOf(store.put('kit/old', lyingSource(seededBytes(5, 9), 10)), 'put()')
      await holds(store, 'kit/old', 'old', 'after the refusal')
    },
  },
  {
    id: 'put.source.late-error',
    claim: 'put() of a source that errors at its end fails with that error and keeps nothing',
    async check({ store }) {
      const failure = new Error('the sender vanished')
      const source = failingSource(seededBytes(6, 200 * KiB), 200 * KiB, failure)
      const error = await rejectionOf(store.put('kit/late', source), 'put()')
      assert.ok(causes(error).includes(failure), `put() hides why the source failed: ${String(error)}`)
      await isAbsent(store, 'kit/late', 'after the failure')
    },
  },
  {
    id: 'put.source.late-error-keeps-old',
    claim: 'put() of a source that errors half-way leaves the object that was there',
    async check({ store }) {
      await putBytes(store, 'kit/late', 'old')
      const source = failingSource(seededBytes(7, 200 * KiB), 100 * KiB, new Error('the sender vanished'))
      await rejectionOf(store.put('kit/late', source), 'put()')
      await holds(store, 'kit/late', 'old', 'after the failure')
    },
  },
  {
    id: 'put.source.reopened',
    claim: 'put() opens the source anew: the same source put again and again is whole each time',
    async check({ store }) {
      const bytes = seededBytes(8, 100 * KiB)
      const source = streamSource(bytes)
      await Promise.all([store.put('kit/one', source), store.put('kit/two', source)])
      await store.put('kit/three', source)
      for (const key of ['kit/one', 'kit/two', 'kit/three']) await holds(store, key, bytes, key)
    },
  },
  {
    id: 'put.source.freed',
    claim: 'put() ends every stream it opened: after success, after a refusal and after a failure',
    async check({ store }) {
      const bytes = seededBytes(9, 300 * KiB)
      const good = streamSource(bytes)
      const long = lyingSource(bytes, 100 * KiB)
      const failing = failingSource(bytes, 150 * KiB, new Error('the sender vanished'))
      await store.put('kit/good', good)
      await rejectionOf(store.put('kit/long', long), 'put()')
      await rejectionOf(store.put('kit/failing', failing), 'put()')
      for (const [what, source] of Object.entries({ good, long, failing })) {
        assert.ok(await waitUntil(() => source.live === 0), `a stream of the ${what} source is still open`)
      }
    },
  },
  {
    id: 'put.snapshot.bytes',
    claim: 'put() takes a copy: changing the buffer afterwards changes nothing stored',
    async check({ store }) {
      const bytes = seededBytes(10, 5000)
      const kept = Uint8Array.from(bytes)
      await putBytes(store, 'kit/snapshot', bytes)
      bytes.fill(0)
      await holds(store, 'kit/snapshot', kept, 'after the buffer was changed')
    },
  },
]

const replacing: readonly ObjectStoreCase[] = [
  {
    id: 'put.overwrite',
    claim: 'put() over an existing key replaces its bytes, also by fewer',
    async check({ store }) {
      await putBytes(store, 'kit/over', 'the first, longer bytes')
      await putBytes(store, 'kit/over', 'the second')
      await holds(store, 'kit/over', 'the second', 'after the second put')
      assert.equal((await store.list()).objects.length, 1, 'list() shows the key once')
    },
  },
  {
    id: 'put.overwrite-empty',
    claim: 'put() replaces bytes by none',
    async check({ store }) {
      await putBytes(store, 'kit/over', 'some bytes')
      await putBytes(store, 'kit/over', '')
      await holds(store, 'kit/over', '', 'after the second put')
      assert.equal((await store.head('kit/over'))?.sizeBytes, 0)
    },
  },
  {
    id: 'put.atomic.reader-sees-old',
    claim: 'get() gives the old bytes whole while a put over them is under way, and the new ones after it',
    async check({ store }) {
      const old = seededBytes(11, 40 * KiB)
      const next = seededBytes(12, 200 * KiB)
      await putBytes(store, 'kit/atomic', old)
      const source = gatedSource(next, 100 * KiB)
      const put = store.put('kit/atomic', source)
      await Promise.race([source.reached, put])
      await holds(store, 'kit/atomic', old, 'while the put is under way')
      assert.equal((await store.head('kit/atomic'))?.sizeBytes, old.byteLength)
      source.release()
      await put
      await holds(store, 'kit/atomic', next, 'after the put')
    },
  },
  {
    id: 'put.atomic.invisible',
    claim: 'put() shows nothing under a new key before it has all bytes',
    async check({ store }) {
      const bytes = seededBytes(13, 200 * KiB)
      const source = gatedSource(bytes, 150 * KiB)
      const put = store.put('kit/new', source)
      await Promise.race([source.reached, put])
      await isAbsent(store, 'kit/new', 'while the put is under way')
      source.release()
      await put
      await holds(store, 'kit/new', bytes, 'after the put')
    },
  },
  {
    id: 'put.atomic.never-mixed',
    claim:
      'get() during many puts over one key always gives one of the bodies whole, with its own size and etag',
    async check({ store }) {
      const bodies = Array.from({ length: 6 }, (_, index) =>
        new Uint8Array(50 * KiB + index * 7 * KiB).fill(index + 1),
      )
      const first = bodies[0] ?? new Uint8Array(0)
      await putBytes(store, 'kit/mixed', first)
      let writing = true
      const writer = (async () => {
        try {
          for (let round = 0; round < 4; round++) {
            for (const body of bodies)
              await store.put('kit/mixed', round % 2 === 0 ? bytesSource(body) : unhurriedSource(body))
          }
        } finally {
          writing = false
        }
      })()
      writer.catch(() => {}) // awaited below; the assertions in between may throw first
      const seen = new Map<string, number>()
      while (writing) {
        await nextTurn() // a store in memory would else never let the writer, or a timer, have its turn
        const reader = await store.get('kit/mixed')
        assert.ok(reader !== undefined, 'get() says absent during an overwrite')
        const bytes = await drain(openStream(reader))
        const mark = bytes[0] ?? 0
        sameBytes(bytes, bodies[mark - 1] ?? new Uint8Array(0), 'get() during puts')
        assert.equal(reader.head.sizeBytes, bytes.byteLength, 'the head belongs to other bytes')
        assert.equal(seen.get(reader.head.etag) ?? mark, mark, 'one etag for two bodies')
        seen.set(reader.head.etag, mark)
      }
      await writer
    },
  },
  {
    id: 'put.concurrent.one-key',
    claim: 'put() of one key by 16 at once ends with one of the bodies, whole',
    async check({ store }) {
      const bodies = Array.from({ length: 16 }, (_, index) =>
        new Uint8Array(30 * KiB + index).fill(index + 1),
      )
      await Promise.all(bodies.map((body) => store.put('kit/one-key', unhurriedSource(body))))
      const bytes = await readAll(store, 'kit/one-key')
      sameBytes(bytes, bodies[(bytes[0] ?? 0) - 1] ?? new Uint8Array(0), 'get()')
      assert.equal((await store.list()).objects.length, 1)
    },
  },
  {
    id: 'put.concurrent.many-keys',
    claim: 'put() of 64 keys at once keeps each with its own bytes',
    async check({ store }) {
      const bodyOf = (index: number): Uint8Array => seededBytes(100 + index, 1 + index * 333)
      const keys = Array.from({ length: 64 }, (_, index) => index)
      await Promise.all(keys.map((index) => store.put(`kit/many/${index}`, streamSource(bodyOf(index)))))
      for (const index of keys) await holds(store, `kit/many/${index}`, bodyOf(index), `kit/many/${index}`)
    },
  },
]

const checks: readonly ObjectStoreCase[] = [
  {
    id: 'put.checksum.right',
    claim: 'put() takes bytes whose checksum is right, also none',
    async check({ store }) {
      for (const bytes of [seededBytes(14, 70 * KiB), new Uint8Array(0)]) {
        await store.put('kit/sum', streamSource(bytes), { checksum: digestOf(bytes) })
        await holds(store, 'kit/sum', bytes, 'get()')
      }
    },
  },
  {
    id: 'put.checksum.wrong',
    claim: 'put() refuses bytes of another checksum and keeps nothing',
    async check({ store }) {
      const bytes = seededBytes(15, 70 * KiB)
      for (const source of [bytesSource(bytes), streamSource(bytes)]) {
        const put = store.put('kit/sum', source, { checksum: digestOf(new Uint8Array(1)) })
        await rejectsWith('MEDIA_DIGEST_MISMATCH', put, 'put()')
        await isAbsent(store, 'kit/sum', 'after the refusal')
      }
    },
  },
  {
    id: 'put.checksum.wrong-keeps-old',
    claim: 'put() with a wrong checksum leaves the object that was there, with its etag',
    async check({ store }) {
      const head = await putBytes(store, 'kit/sum', 'old')
      const put = store.put('kit/sum', streamSource(seededBytes(16, 500)), {
        checksum: digestOf(new Uint8Array(1)),
      })
      await rejectionOf(put, 'put()')
      await holds(store, 'kit/sum', 'old', 'after the refusal')
      assert.equal((await store.head('kit/sum'))?.etag, head.etag)
    },
  },
  {
    id: 'put.too-large',
    claim: 'put() refuses more than the store takes without reading the body',
    needs: ['size-limit'],
    async check({ store }) {
      const source = lyingSource(new Uint8Array(1), store.traits.maxObjectBytes + 1)
      await rejectsWith('MEDIA_TOO_LARGE', store.put('kit/large', source), 'put()')
      assert.equal(source.opened, 0, 'the body was opened')
      await isAbsent(store, 'kit/large', 'after the refusal')
    },
  },
]

export const putCases: readonly ObjectStoreCase[] = [...sizes, ...sources, ...replacing, ...checks]

/** The error, its cause, and theirs. */
function causes(error: unknown): readonly unknown[] {
  const found: unknown[] = []
  for (
    let at: unknown = error;
    at !== undefined && found.length < 10;
    at = at instanceof Error ? at.cause : undefined
  )
    found.push(at)
  return isMediaError(error) || error instanceof Error ? found : []
}
