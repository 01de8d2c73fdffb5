import assert from 'node:assert/strict'
import { digestOf, type ObjectStore, type ObjectWriter } from '@mediakeep/core'
import { seededBytes } from '../../random.ts'
import type { ObjectStoreCase } from '../context.ts'
import { holds, isAbsent, listAll, putBytes, rejectionOf, rejectsWith } from '../expect.ts'
import { waitUntil } from '../open-files.ts'

const needs = ['createWriter']
const bytes = seededBytes(90, 150_000)

async function createWriter(store: ObjectStore, key: string, signal?: AbortSignal): Promise<ObjectWriter> {
  if (store.createWriter === undefined) return assert.fail('the store has no createWriter')
  return store.createWriter(key, signal === undefined ? {} : { signal })
}

async function writeAll(writer: ObjectWriter): Promise<void> {
  for (let at = 0; at < bytes.byteLength; at += 40_000) await writer.write(bytes.subarray(at, at + 40_000))
}

export const writerCases: readonly ObjectStoreCase[] = [
  {
    id: 'writer.commit',
    claim: 'commit() publishes all that was written, with the options given',
    needs,
    async check({ store }) {
      const writer = await createWriter(store, 'kit/writer')
      await writeAll(writer)
      const head = await writer.commit({ checksum: digestOf(bytes) })
      assert.equal(head.key, 'kit/writer')
      assert.equal(head.sizeBytes, bytes.byteLength)
      assert.equal((await store.head('kit/writer'))?.etag, head.etag)
      await holds(store, 'kit/writer', bytes, 'after commit()')
    },
  },
  {
    id: 'writer.empty',
    claim: 'commit() of nothing written stores an empty object',
    needs,
    async check({ store }) {
      await (await createWriter(store, 'kit/writer')).commit()
      await holds(store, 'kit/writer', '', 'after commit()')
    },
  },
  {
    id: 'writer.invisible',
    claim: 'nothing is visible before commit(), and what was there stays',
    needs,
    async check({ store }) {
      await putBytes(store, 'kit/old', 'old')
      const fresh = await createWriter(store, 'kit/fresh')
      const over = await createWriter(store, 'kit/old')
      await writeAll(fresh)
      await writeAll(over)
      await isAbsent(store, 'kit/fresh', 'before commit()')
      await holds(store, 'kit/old', 'old', 'before commit()')
      assert.equal((await listAll(store)).length, 1)
      await fresh.commit()
      await over.commit()
      await holds(store, 'kit/old', bytes, 'after commit()')
    },
  },
  {
    id: 'writer.abort',
    claim: 'abort() drops all that was written, also when called twice',
    needs,
    async check({ store, openHandles }) {
      const before = await openHandles()
      const writer = await createWriter(store, 'kit/writer')
      await writeAll(writer)
      await writer.abort()
      await writer.abort()
      await isAbsent(store, 'kit/writer', 'after abort()')
      await rejectionOf(writer.write(bytes), 'write() after abort()')
      await rejectionOf(writer.commit(), 'commit() after abort()')
      await isAbsent(store, 'kit/writer', 'after commit() was refused')
      assert.ok(await waitUntil(async () => (await openHandles()) <= before), 'a handle is still open')
    },
  },
  {
    id: 'writer.abort-after-commit',
    claim: 'abort() after commit() does nothing, and no more can be written or committed',
    needs,
    async check({ store }) {
      const writer = await createWriter(store, 'kit/writer')
      await writeAll(writer)
      await writer.commit()
      await writer.abort()
      await rejectionOf(writer.write(bytes), 'write() after commit()')
      await rejectionOf(writer.commit(), 'a second commit()')
      await holds(store, 'kit/writer', bytes, 'after abort()')
    },
  },
  {
    id: 'writer.when',
    claim: 'commit() when absent is refused once the key is taken, and keeps what took it',
    needs: [...needs, 'conditional-put'],
    async check({ store }) {
      const writer = await createWriter(store, 'kit/writer')
      await writeAll(writer)
      await putBytes(store, 'kit/writer', 'quick')
      await rejectsWith('MEDIA_PRECONDITION', writer.commit({ when: { type: 'absent' } }), 'commit()')
      await writer.abort()
      await holds(store, 'kit/writer', 'quick', 'after the refusal')
    },
  },
  {
    id: 'writer.checksum',
    claim: 'commit() with another checksum is refused and keeps nothing',
    needs,
    async check({ store }) {
      const writer = await createWriter(store, 'kit/writer')
      await writeAll(writer)
      await rejectsWith(
        'MEDIA_DIGEST_MISMATCH',
        writer.commit({ checksum: digestOf(new Uint8Array(1)) }),
        'commit()',
      )
      await writer.abort()
      await isAbsent(store, 'kit/writer', 'after the refusal')
    },
  },
  {
    id: 'writer.signal',
    claim: 'a writer whose signal is aborted throws the reason and leaves nothing',
    needs,
    async check({ store, openHandles }) {
      const before = await openHandles()
      const controller = new AbortController()
      const reason = new Error('the caller left')
      const writer = await createWriter(store, 'kit/writer', controller.signal)
      await writeAll(writer)
      controller.abort(reason)
      assert.equal(await rejectionOf(writer.commit(), 'commit()'), reason)
      await writer.abort()
      await isAbsent(store, 'kit/writer', 'after the abort')
      assert.ok(await waitUntil(async () => (await openHandles()) <= before), 'a handle is still open')
    },
  },
  {
    id: 'writer.two',
    claim: 'two writers of one key do not mix: the later commit wins whole',
    needs,
    async check({ store }) {
      const first = await createWriter(store, 'kit/writer')
      const second = await createWriter(store, 'kit/writer')
      await Promise.all([first.write(Buffer.from('first')), second.write(Buffer.from('second'))])
      await first.commit()
      await second.commit()
      await holds(store, 'kit/writer', 'second', 'after both commits')
    },
  },
]
