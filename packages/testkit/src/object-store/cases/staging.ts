import assert from 'node:assert/strict'
import { type Digest, digestOf, type ObjectStore, type StagedBody, type Staging } from '@mediakeep/core'
import { seededBytes } from '../../random.ts'
import type { ObjectStoreCase } from '../context.ts'
import { drain, holds, listAll, rejectionOf, rejectsWith, sameBytes } from '../expect.ts'

const needs = ['staging']
const bytes = seededBytes(94, 150_000)
const digest: Digest = digestOf(bytes)

function stagingOf(store: ObjectStore): Staging {
  return store.staging ?? assert.fail('the store has no staging')
}

async function stage(store: ObjectStore, name: string, body: Uint8Array = bytes): Promise<StagedBody> {
  const writer = await stagingOf(store).create({ name, sizeBytes: body.byteLength })
  for (let at = 0; at < body.byteLength; at += 40_000) await writer.write(body.subarray(at, at + 40_000))
  return writer.finish(digestOf(body))
}

export const stagingCases: readonly ObjectStoreCase[] = [
  {
    id: 'staging.body',
    claim: 'a finished body can be opened again and again, whole and by range, and tells size and digest',
    needs,
    async check({ store }) {
      const body = await stage(store, 'kit-1')
      assert.equal(body.sizeBytes, bytes.byteLength)
      assert.equal(body.digest, digest)
      sameBytes(await drain(body.open()), bytes, 'the first time')
      const parts = [body.open(), body.open({ range: { start: 39_999, endExclusive: 80_001 } })]
      const [whole, part] = await Promise.all(parts.map((stream) => drain(stream)))
      sameBytes(whole ?? Buffer.alloc(0), bytes, 'the second time')
      sameBytes(part ?? Buffer.alloc(0), bytes.subarray(39_999, 80_001), 'a range')
      await body.discard()
    },
  },
  {
    id: 'staging.put',
    claim: 'put() takes a staged body; discarding it afterwards leaves the object whole',
    needs,
    async check({ store }) {
      const body = await stage(store, 'kit-1')
      await store.put('kit/staged', body, { checksum: digest })
      await body.discard()
      await holds(store, 'kit/staged', bytes, 'after discard()')
    },
  },
  {
    id: 'staging.unseen',
    claim: 'a staged body is no object: list() does not show it',
    needs,
    async check({ store }) {
      const body = await stage(store, 'kit-1')
      assert.deepEqual(await listAll(store), [])
      await body.discard()
    },
  },
  {
    id: 'staging.chunk-reused',
    claim: 'write() is done with the chunk when it resolves: the caller may use the buffer again',
    needs,
    async check({ store }) {
      const writer = await stagingOf(store).create({ name: 'kit-1', sizeBytes: bytes.byteLength })
      const buffer = new Uint8Array(10_000)
      for (let at = 0; at < bytes.byteLength; at += buffer.byteLength) {
        buffer.set(bytes.subarray(at, at + buffer.byteLength))
        await writer.write(buffer)
        buffer.fill(0xff)
      }
      const body = await writer.finish(digest)
      sameBytes(await drain(body.open()), bytes, 'the staged body')
      await body.discard()
    },
  },
  {
    id: 'staging.budget.counted',
    claim: 'usedBytes counts what is reserved from create() on, and nothing after discard() or abort()',
    needs,
    async check({ store }) {
      const staging = stagingOf(store)
      const before = staging.usedBytes
      const writer = await staging.create({ name: 'kit-1', sizeBytes: 100_000 })
      assert.ok(
        staging.usedBytes - before >= 100_000,
        `${staging.usedBytes - before} bytes are reserved of 100000`,
      )
      await writer.abort()
      await writer.abort()
      assert.equal(staging.usedBytes, before, 'after abort()')
      const body = await stage(store, 'kit-2')
      assert.ok(staging.usedBytes - before >= bytes.byteLength, 'a finished body is not counted')
      await body.discard()
      await body.discard()
      assert.equal(staging.usedBytes, before, 'after discard()')
    },
  },
  {
    id: 'staging.budget.unknown-length',
    claim: 'usedBytes grows while a body of unknown length is written',
    needs,
    async check({ store }) {
      const staging = stagingOf(store)
      const before = staging.usedBytes
      const writer = await staging.create({ name: 'kit-1' })
      await writer.write(bytes)
      assert.ok(
        staging.usedBytes - before >= bytes.byteLength,
        `${staging.usedBytes - before} bytes are counted of ${bytes.byteLength}`,
      )
      const body = await writer.finish(digest)
      sameBytes(await drain(body.open()), bytes, 'the staged body')
      await body.discard()
      assert.equal(staging.usedBytes, before)
    },
  },
  {
    id: 'staging.budget.over',
    claim: 'create() over the budget is MEDIA_BUSY and reserves nothing',
    needs,
    async check({ store }) {
      const staging = stagingOf(store)
      if (!Number.isSafeInteger(staging.budgetBytes)) return
      const before = staging.usedBytes
      const sizeBytes = staging.budgetBytes + 1
      await rejectsWith('MEDIA_BUSY', staging.create({ name: 'kit-1', sizeBytes }), 'create()')
      assert.equal(staging.usedBytes, before)
    },
  },
  {
    id: 'staging.abort',
    claim: 'an aborted writer takes no more and cannot be finished',
    needs,
    async check({ store }) {
      const writer = await stagingOf(store).create({ name: 'kit-1', sizeBytes: 10 })
      await writer.write(Buffer.from('12345'))
      await writer.abort()
      await rejectionOf(writer.write(Buffer.from('67890')), 'write() after abort()')
      await rejectionOf(writer.finish(digest), 'finish() after abort()')
    },
  },
  {
    id: 'staging.signal',
    claim: 'create() with an aborted signal throws the reason and reserves nothing',
    needs,
    async check({ store }) {
      const reason = new Error('the caller left')
      const signal = AbortSignal.abort(reason)
      const create = stagingOf(store).create({ name: 'kit-1', sizeBytes: 10, signal })
      assert.equal(await rejectionOf(create, 'create()'), reason)
      assert.equal(stagingOf(store).usedBytes, 0)
    },
  },
  {
    id: 'staging.same-name',
    claim: 'two bodies of one name do not mix',
    needs,
    async check({ store }) {
      const first = await stage(store, 'kit-same', Buffer.from('first'))
      const second = await stage(store, 'kit-same', Buffer.from('second'))
      sameBytes(await drain(first.open()), Buffer.from('first'), 'the first')
      await first.discard()
      sameBytes(await drain(second.open()), Buffer.from('second'), 'the second after the first was discarded')
      await second.discard()
    },
  },
  {
    id: 'staging.sweep.kept',
    claim: 'sweep() leaves the bodies whose session lives',
    needs,
    async check({ store }) {
      const body = await stage(store, 'kit-live')
      await stagingOf(store).sweep(async () => true)
      sameBytes(await drain(body.open()), bytes, 'after sweep()')
      await body.discard()
    },
  },
]
