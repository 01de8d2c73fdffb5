import assert from 'node:assert/strict'
import type { DirectParts, ObjectStore, PartsUpload, StoredPart } from '@mediakeep/core'
import { seededBytes } from '../../random.ts'
import type { ObjectStoreCase, ObjectStoreContext } from '../context.ts'
import { holds, isAbsent, putBytes, rejectsWith } from '../expect.ts'

const needs = ['directParts']
const soon = (): Date => new Date(Date.now() + 60_000)
const small = seededBytes(120, 1_000)

function partsOf(store: ObjectStore): DirectParts {
  return store.directParts ?? assert.fail('the store has no directParts')
}

/** Sends a part to an address of its own, which must take it. */
async function send(
  { store, send }: ObjectStoreContext,
  upload: PartsUpload,
  number: number,
  bytes: Uint8Array,
): Promise<string> {
  const signed = await partsOf(store).sign(upload, { number, sizeBytes: bytes.byteLength, expiresAt: soon() })
  const { status, etag } = await send(signed, bytes)
  assert.equal(status, 200, `part ${number}`)
  return etag ?? assert.fail('the answer to a part has no ETag')
}

async function listed(store: ObjectStore, upload: PartsUpload): Promise<readonly StoredPart[]> {
  return (await partsOf(store).list(upload)) ?? assert.fail('the upload is not known')
}

export const directPartsCases: readonly ObjectStoreCase[] = [
  {
    id: 'direct-parts.made',
    claim: 'parts that others send become the object in the order of their numbers, and are not seen before',
    needs,
    async check(context) {
      const { store } = context
      const bytes = seededBytes(121, Math.max(store.traits.minPartBytes, 5_000) + 700)
      const parts = [
        bytes.subarray(0, bytes.byteLength - 700),
        bytes.subarray(bytes.byteLength - 700),
      ] as const
      const upload = await partsOf(store).begin('kit/parts')
      assert.deepEqual(await listed(store, upload), [])
      await send(context, upload, 2, parts[1])
      const etag = await send(context, upload, 1, parts[0])
      await isAbsent(store, 'kit/parts', 'before complete()')
      const there = await listed(store, upload)
      assert.deepEqual(
        there.map(({ number, sizeBytes }) => [number, sizeBytes]),
        [
          [1, bytes.byteLength - 700],
          [2, 700],
        ],
      )
      assert.equal(there[0]?.etag, etag, 'the ETag that the sender was told')
      const head = await partsOf(store).complete(upload, there)
      assert.equal(head?.key, 'kit/parts')
      assert.equal(head?.sizeBytes, bytes.byteLength)
      assert.equal((await store.head('kit/parts'))?.etag, head?.etag)
      await holds(store, 'kit/parts', bytes, 'after complete()')
    },
  },
  {
    id: 'direct-parts.changed',
    claim:
      'complete() refuses a part that is not there or was sent anew, with MEDIA_CONFLICT, and makes nothing',
    needs,
    async check(context) {
      const { store } = context
      const upload = await partsOf(store).begin('kit/parts')
      await send(context, upload, 1, small)
      const before = await listed(store, upload)
      await send(context, upload, 1, small.subarray(1))
      const other = await listed(store, upload)
      assert.notEqual(other[0]?.etag, before[0]?.etag)
      await rejectsWith(
        'MEDIA_CONFLICT',
        partsOf(store).complete(upload, before),
        'a part that was sent anew',
      )
      const absent = [{ number: 2, etag: other[0]?.etag ?? '' }]
      await rejectsWith('MEDIA_CONFLICT', partsOf(store).complete(upload, absent), 'a part that is not there')
      await isAbsent(store, 'kit/parts', 'after a refusal')
      await partsOf(store).complete(upload, other)
      await holds(store, 'kit/parts', small.subarray(1), 'the part that was sent last')
    },
  },
  {
    id: 'direct-parts.exact',
    claim: 'an address signed for a length takes no part of another, and one that has expired takes none',
    needs,
    async check({ store, send: put }) {
      const upload = await partsOf(store).begin('kit/parts')
      const exact = { number: 1, sizeBytes: small.byteLength, expiresAt: soon() }
      const signed = await partsOf(store).sign(upload, exact)
      const { status } = await put(signed, small.subarray(1))
      assert.ok(status >= 400, `a shorter part is answered with ${status}`)
      assert.deepEqual(await listed(store, upload), [])
      await partsOf(store).abort('kit/parts')
    },
  },
  {
    id: 'direct-parts.over',
    claim: 'once completed, an upload is not known any more, and its addresses write nothing',
    needs,
    async check(context) {
      const { store } = context
      const upload = await partsOf(store).begin('kit/parts')
      await send(context, upload, 1, small)
      const signed = await partsOf(store).sign(upload, { number: 1, expiresAt: soon() })
      const parts = await listed(store, upload)
      const made = await partsOf(store).complete(upload, parts)
      assert.equal(await partsOf(store).list(upload), undefined, 'list() after complete()')
      const again = await partsOf(store).complete(upload, parts)
      assert.ok(again === undefined || again.etag === made?.etag, 'complete() after complete()')
      const { status } = await context.send(signed, small.subarray(1))
      assert.ok(status >= 400, `a part after complete() is answered with ${status}`)
      await holds(store, 'kit/parts', small, 'after a late part')
    },
  },
  {
    id: 'direct-parts.abort',
    claim:
      'abort() ends every upload of a key, of no other key, and leaves the object there; it may be called again',
    needs,
    async check(context) {
      const { store } = context
      const parts = partsOf(store)
      await putBytes(store, 'kit/parts', small)
      const [first, second] = [await parts.begin('kit/parts'), await parts.begin('kit/parts')]
      const other = await parts.begin('kit/parts-of-another')
      await send(context, first, 1, small)
      await parts.abort('kit/parts')
      await parts.abort('kit/parts')
      for (const upload of [first, second])
        assert.equal(await parts.list(upload), undefined, 'an upload that was ended')
      const late = await parts.sign(first, { number: 1, expiresAt: soon() })
      assert.ok((await context.send(late, small)).status >= 400, 'a part after abort()')
      await holds(store, 'kit/parts', small, 'after abort()')
      await send(context, other, 1, small.subarray(2))
      await parts.complete(other, await listed(store, other))
      await holds(store, 'kit/parts-of-another', small.subarray(2), 'the upload of another key')
    },
  },
]
