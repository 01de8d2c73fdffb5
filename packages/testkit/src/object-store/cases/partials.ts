import assert from 'node:assert/strict'
import {
  digestOf,
  isMediaError,
  type ObjectStore,
  type PartialPart,
  type Partials,
  type StagedBody,
} from '@mediakeep/core'
import { seededBytes } from '../../random.ts'
import type { ObjectStoreCase } from '../context.ts'
import { drain, holds, listAll, rejectionOf, rejectsWith, sameBytes } from '../expect.ts'
import { waitUntil } from '../open-files.ts'

const needs = ['partials']
const bytes = seededBytes(95, 150_000)
const sizeBytes = bytes.byteLength
const part: PartialPart = { name: 'kit-session', part: 0 }

function partialsOf(store: ObjectStore): Partials {
  return store.staging?.partials ?? assert.fail('the store takes no bodies in pieces')
}

/** Writes pieces at their places, all under way at once, syncs and closes. */
async function write(
  store: ObjectStore,
  to: PartialPart,
  ...pieces: readonly (readonly [body: Uint8Array, position: number])[]
): Promise<void> {
  const writer = await partialsOf(store).open(to)
  await Promise.all(pieces.map(([body, position]) => writer.write(body, position)))
  await writer.sync()
  await writer.close()
}

async function find(store: ObjectStore, of: PartialPart, bytes: number): Promise<StagedBody> {
  const body = await partialsOf(store).find({ ...of, sizeBytes: bytes })
  return body ?? assert.fail(`part ${of.part} of ${of.name} is not there`)
}

async function has(store: ObjectStore, of: PartialPart, body: Uint8Array, what: string): Promise<void> {
  sameBytes(await drain((await find(store, of, body.byteLength)).open()), body, what)
}

async function isGone(store: ObjectStore, of: PartialPart, what: string): Promise<void> {
  assert.equal(await partialsOf(store).find({ ...of, sizeBytes: 1 }), undefined, what)
}

const drop = (store: ObjectStore, of: PartialPart = part): Promise<void> => partialsOf(store).delete(of)

const writing: readonly ObjectStoreCase[] = [
  {
    id: 'partials.synced',
    claim: 'what was synced is there when the part is opened again, and more can be written behind it',
    needs,
    async check({ store }) {
      await write(store, part, [bytes.subarray(0, 90_001), 0])
      await has(store, part, bytes.subarray(0, 90_001), 'after the first writer')
      await write(store, part, [bytes.subarray(90_001), 90_001])
      await has(store, part, bytes, 'after the second writer')
      await drop(store)
    },
  },
  {
    id: 'partials.second-store',
    claim: 'what was synced is there for another store over the same bytes, which can go on',
    needs: [...needs, 'second'],
    async check({ store, second }) {
      await write(store, part, [bytes.subarray(0, 90_001), 0])
      const other = await second()
      await has(other, part, bytes.subarray(0, 90_001), 'what the first store synced')
      await write(other, part, [bytes.subarray(90_001), 90_001])
      await has(store, part, bytes, 'what both stores synced')
      await drop(other)
      await isGone(store, part, 'the other store has deleted it')
    },
  },
  {
    id: 'partials.any-order',
    claim: 'positions come in any order, several writes under way at once, and each byte is at its place',
    needs,
    async check({ store }) {
      const pieces = [3, 0, 4, 1, 2].map((at) => {
        return [bytes.subarray(at * 30_000, (at + 1) * 30_000), at * 30_000] as const
      })
      await write(store, part, ...pieces)
      await has(store, part, bytes, 'the part')
      await drop(store)
    },
  },
  {
    id: 'partials.again',
    claim: 'a piece that comes again takes the place of what was there, also when a later writer brings it',
    needs,
    async check({ store }) {
      const other = seededBytes(96, 30_000)
      await write(store, part, [bytes, 0])
      await write(store, part, [other, 30_000])
      const writer = await partialsOf(store).open(part)
      await writer.write(seededBytes(97, 30_000), 60_000)
      await writer.write(bytes.subarray(60_000, 90_000), 60_000)
      await writer.sync()
      await writer.close()
      const expected = Buffer.from(bytes)
      expected.set(other, 30_000)
      await has(store, part, expected, 'the part')
      await drop(store)
    },
  },
  {
    id: 'partials.resumed',
    claim: 'a writer that goes on before the end of what is there has its own bytes from there on',
    needs,
    async check({ store }) {
      await write(store, part, [bytes.subarray(0, 50_000), 0], [seededBytes(98, 60_000), 50_000])
      const writer = await partialsOf(store).open(part)
      for (let at = 50_000; at < sizeBytes; at += 7_000)
        await writer.write(bytes.subarray(at, at + 7_000), at)
      await writer.sync()
      await writer.close()
      await has(store, part, bytes, 'the part')
      await drop(store)
    },
  },
  {
    id: 'partials.chunk-reused',
    claim: 'write() is done with the chunk when it resolves: the caller may use the buffer again',
    needs,
    async check({ store }) {
      const writer = await partialsOf(store).open({ ...part, sizeBytes })
      const buffer = new Uint8Array(10_000)
      for (let at = 0; at < sizeBytes; at += buffer.byteLength) {
        buffer.set(bytes.subarray(at, at + buffer.byteLength))
        await writer.write(buffer, at)
        buffer.fill(0xff)
      }
      await writer.sync()
      await writer.close()
      await has(store, part, bytes, 'the part')
      await drop(store)
    },
  },
  {
    id: 'partials.unsynced',
    claim: 'what was never synced may be lost, and never shows as other bytes or takes synced ones along',
    needs,
    async check({ store }) {
      await write(store, part, [bytes.subarray(0, 40_000), 0])
      const writer = await partialsOf(store).open(part)
      await writer.write(bytes.subarray(40_000), 40_000)
      await writer.close()
      const whole = await partialsOf(store)
        .find({ ...part, sizeBytes })
        .catch((error: unknown) => {
          if (!isMediaError(error, 'MEDIA_CORRUPT') || error.reason !== 'part-short') throw error
        })
      if (whole !== undefined) sameBytes(await drain(whole.open()), bytes, 'all of it')
      await has(store, part, bytes.subarray(0, 40_000), 'what was synced')
      await drop(store)
    },
  },
  {
    id: 'partials.close',
    claim: 'close() waits for writes under way, also when called twice; a closed writer takes no more',
    needs,
    async check({ store }) {
      const writer = await partialsOf(store).open(part)
      let written = 0
      const writes = [0, 50_000, 100_000].map(async (at) => {
        await writer.write(bytes.subarray(at, at + 50_000), at)
        written += 1
      })
      const settled = Promise.allSettled(writes)
      await Promise.all([writer.close(), writer.close()])
      assert.equal(written, 3, 'writes that have resolved before close()')
      await settled
      await rejectsWith('MEDIA_BAD_INPUT', writer.write(bytes, 0), 'write() after close()')
      await rejectsWith('MEDIA_BAD_INPUT', writer.sync(), 'sync() after close()')
      await drop(store)
    },
  },
  {
    id: 'partials.no-budget',
    claim: 'parts take nothing of the budget of staging',
    needs,
    async check({ store }) {
      await write(store, part, [bytes, 0])
      assert.equal(store.staging?.usedBytes, 0)
      await drop(store)
    },
  },
  {
    id: 'partials.refused',
    claim: 'no position below 0 or between two bytes, no such part and no empty name: MEDIA_BAD_INPUT',
    needs,
    async check({ store }) {
      const partials = partialsOf(store)
      for (const bad of [
        { name: '', part: 0 },
        { name: 'kit-session', part: -1 },
        { name: 'kit-session', part: 0.5 },
      ]) {
        await rejectsWith('MEDIA_BAD_INPUT', partials.open(bad), `open() of ${JSON.stringify(bad)}`)
        const found = partials.find({ ...bad, sizeBytes: 0 })
        await rejectsWith('MEDIA_BAD_INPUT', found, `find() of ${JSON.stringify(bad)}`)
        await rejectsWith('MEDIA_BAD_INPUT', partials.delete(bad), `delete() of ${JSON.stringify(bad)}`)
      }
      const writer = await partials.open(part)
      for (const position of [-1, 0.5, Number.NaN])
        await rejectsWith('MEDIA_BAD_INPUT', writer.write(bytes, position), `write() at ${position}`)
      await writer.close()
      await drop(store)
    },
  },
  {
    id: 'partials.closed',
    claim: 'after close() of the store everything about parts is MEDIA_CLOSED',
    needs,
    async check({ store }) {
      const partials = partialsOf(store)
      const writer = await partials.open(part)
      await drop(store)
      await store.close()
      const late = async (): Promise<void> => {
        await writer.write(bytes, 0) // which may only take note of it
        await writer.sync()
      }
      await rejectsWith('MEDIA_CLOSED', late(), 'write() and sync()')
      await rejectsWith('MEDIA_CLOSED', partials.open(part), 'open()')
      await rejectsWith('MEDIA_CLOSED', partials.find({ ...part, sizeBytes: 1 }), 'find()')
      await rejectsWith('MEDIA_CLOSED', partials.delete(part), 'delete()')
      await writer.close()
    },
  },
]

const finding: readonly ObjectStoreCase[] = [
  {
    id: 'partials.body',
    claim: 'a part that was found can be opened again and again, whole and by range, and tells its facts',
    needs,
    async check({ store }) {
      await write(store, part, [bytes, 0])
      const digest = digestOf(bytes)
      const body = await partialsOf(store).find({ ...part, sizeBytes, digest })
      if (body === undefined) return assert.fail('the part is not there')
      assert.equal(body.sizeBytes, sizeBytes)
      assert.equal(body.digest, digest)
      assert.equal((await find(store, part, sizeBytes)).digest, undefined, 'a digest that nobody gave')
      sameBytes(await drain(body.open()), bytes, 'the first time')
      const ranges = [
        { start: 0, endExclusive: 1 },
        { start: 29_999, endExclusive: 120_001 },
        { start: sizeBytes - 1, endExclusive: sizeBytes },
        { start: 7, endExclusive: 7 },
      ]
      const found = await Promise.all(ranges.map((range) => drain(body.open({ range }))))
      for (const [index, { start, endExclusive }] of ranges.entries())
        sameBytes(found[index] ?? Buffer.alloc(0), bytes.subarray(start, endExclusive), `from byte ${start}`)
      await drop(store)
    },
  },
  {
    id: 'partials.unread',
    claim: 'a stream of a part that is destroyed half-way holds nothing any more',
    needs,
    async check({ store, openHandles }) {
      await write(store, part, [bytes, 0])
      const before = await openHandles()
      const body = await find(store, part, sizeBytes)
      const unread = body.open()
      unread.destroy()
      for await (const chunk of body.open()) {
        assert.ok(chunk instanceof Uint8Array)
        break
      }
      assert.ok(await waitUntil(async () => (await openHandles()) <= before), 'handles of destroyed streams')
      await drop(store)
    },
  },
  {
    id: 'partials.empty',
    claim: 'a part of no bytes is there once it was synced',
    needs,
    async check({ store }) {
      await write(store, part)
      await has(store, part, new Uint8Array(0), 'the part')
      await drop(store)
      assert.equal(await partialsOf(store).find({ ...part, sizeBytes: 0 }), undefined, 'after delete()')
    },
  },
  {
    id: 'partials.longer',
    claim: 'of a longer part find() gives the bytes that were asked for, and no more',
    needs,
    async check({ store }) {
      await write(store, part, [bytes, 0])
      const body = await find(store, part, 90_001)
      assert.equal(body.sizeBytes, 90_001)
      sameBytes(await drain(body.open()), bytes.subarray(0, 90_001), 'the part')
      await drop(store)
    },
  },
  {
    id: 'partials.shorter',
    claim: 'a part that is shorter than what is asked for, if only by a byte, is MEDIA_CORRUPT part-short',
    needs,
    async check({ store }) {
      await write(store, part, [bytes, 0])
      const error = await rejectionOf(partialsOf(store).find({ ...part, sizeBytes: sizeBytes + 1 }), 'find()')
      assert.ok(isMediaError(error, 'MEDIA_CORRUPT'), `find() threw ${String(error)}`)
      assert.equal(error.reason, 'part-short')
      await has(store, part, bytes, 'after the refusal')
      await drop(store)
    },
  },
  {
    id: 'partials.put',
    claim: 'put() takes a part; discarding it afterwards leaves the object whole and the part is gone',
    needs,
    async check({ store }) {
      await write(store, part, [bytes, 0])
      const body = await find(store, part, sizeBytes)
      await store.put('kit/parts', body, { checksum: digestOf(bytes) })
      await body.discard()
      await body.discard()
      await isGone(store, part, 'after discard()')
      await holds(store, 'kit/parts', bytes, 'after discard()')
    },
  },
  {
    id: 'partials.adopt',
    claim:
      'adopt() takes over the bytes of a part that were found; discard() leaves the object, and the part is gone',
    needs: [...needs, 'adopt'],
    async check({ store }) {
      await write(store, part, [bytes, 0])
      const body = await find(store, part, 90_001)
      if (body.path === undefined) return // kept elsewhere: it is copied
      const adopted = bytes.subarray(0, 90_001)
      await store.adopt?.('kit/adopted', body.path, { checksum: digestOf(adopted) })
      await body.discard()
      await holds(store, 'kit/adopted', adopted, 'after discard()')
      await isGone(store, part, 'after adopt()')
    },
  },
  {
    id: 'partials.unseen',
    claim: 'a part is no object: list() does not show it',
    needs,
    async check({ store }) {
      await write(store, part, [bytes, 0])
      assert.deepEqual(await listAll(store), [])
      await drop(store)
    },
  },
]

const ending: readonly ObjectStoreCase[] = [
  {
    id: 'partials.separate',
    claim: 'parts of one name are separate, and no two names or numbers are mixed up',
    needs,
    async check({ store }) {
      const all: readonly PartialPart[] = [
        { name: 'kit-a', part: 0 },
        { name: 'kit-a', part: 1 },
        { name: 'kit-a', part: 11 },
        { name: 'kit-a1', part: 1 },
        { name: 'kit-A', part: 1 },
        { name: 'kit/../a', part: 1 },
      ]
      for (const [index, one] of all.entries()) await write(store, one, [seededBytes(index, 5_000), 0])
      for (const [index, one] of all.entries()) {
        await has(store, one, seededBytes(index, 5_000), `part ${one.part} of ${one.name}`)
        await drop(store, one)
        await isGone(store, one, `part ${one.part} of ${one.name} after delete()`)
      }
    },
  },
  {
    id: 'partials.absent',
    claim: 'a part that nobody opened is undefined, whatever length is asked for',
    needs,
    async check({ store }) {
      await isGone(store, part, 'a part that nobody opened')
      assert.equal(await partialsOf(store).find({ ...part, sizeBytes: 0 }), undefined)
    },
  },
  {
    id: 'partials.delete',
    claim: 'delete() removes a part, also twice and where there is none; a part of that name begins empty',
    needs,
    async check({ store }) {
      await drop(store)
      await write(store, part, [bytes, 0])
      await drop(store)
      await drop(store)
      await isGone(store, part, 'after delete()')
      await write(store, part, [Buffer.from('new'), 0])
      await has(store, part, Buffer.from('new'), 'the new part')
      await rejectsWith('MEDIA_CORRUPT', find(store, part, 4), 'find() of more than the new part has')
      await drop(store)
    },
  },
  {
    id: 'partials.sweep',
    claim: 'sweep() asks for each name and removes the parts of those that are not kept, and of no others',
    needs,
    async check({ store }) {
      const live: PartialPart = { name: 'kit-live', part: 1 }
      await write(store, live, [bytes, 0])
      for (const number of [0, 1]) await write(store, { name: 'kit-dead', part: number }, [bytes, 0])
      const asked = new Set<string>()
      const swept = await waitUntil(async () => {
        await store.staging?.sweep(async (name) => {
          asked.add(name)
          return name !== 'kit-dead'
        })
        const found = [0, 1].map((number) => {
          return partialsOf(store).find({ name: 'kit-dead', part: number, sizeBytes: 1 })
        })
        return (await Promise.all(found)).every((body) => body === undefined)
      })
      assert.ok(swept, 'parts of a name that is not kept are there')
      assert.deepEqual([...asked].sort(), ['kit-dead', 'kit-live'])
      await has(store, live, bytes, 'the part of a name that is kept')
      await drop(store, live)
    },
  },
]

/** Bodies that come in pieces. */
export const partialsCases: readonly ObjectStoreCase[] = [...writing, ...finding, ...ending]
