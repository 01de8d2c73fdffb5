import assert from 'node:assert/strict'
import { type ObjectFile, type ObjectStore } from '@mediakeep/core'
import { seededBytes, seededRandom } from '../../random.ts'
import type { ObjectStoreCase } from '../context.ts'
import { putBytes, rejectionOf, sameBytes } from '../expect.ts'
import { waitUntil } from '../open-files.ts'

const needs = ['openFile']
const bytes = seededBytes(91, 200_000)

async function openFile(store: ObjectStore, key: string): Promise<ObjectFile> {
  const file = await store.openFile?.(key)
  return file ?? assert.fail(`openFile(${key}) says absent`)
}

async function readAt(file: ObjectFile, position: number, sizeBytes: number): Promise<Uint8Array> {
  const buffer = new Uint8Array(sizeBytes)
  const read = await file.read(buffer, position)
  return buffer.subarray(0, read)
}

export const fileCases: readonly ObjectStoreCase[] = [
  {
    id: 'file.absent',
    claim: 'openFile() of an absent key is undefined',
    needs,
    async check({ store }) {
      await putBytes(store, 'kit/file', 'x')
      assert.equal(await store.openFile?.('kit/none'), undefined)
      assert.equal(await store.openFile?.('kit'), undefined)
    },
  },
  {
    id: 'file.read',
    claim: 'read() fills the buffer from the position; fewer bytes come only at the end, none past it',
    needs,
    async check({ store }) {
      await putBytes(store, 'kit/file', bytes)
      const file = await openFile(store, 'kit/file')
      assert.equal(file.sizeBytes, bytes.byteLength)
      sameBytes(await readAt(file, 0, bytes.byteLength), bytes, 'the whole')
      sameBytes(await readAt(file, 70_000, 1), bytes.subarray(70_000, 70_001), 'one byte')
      sameBytes(await readAt(file, 199_990, 50), bytes.subarray(199_990), 'the end')
      for (const position of [200_000, 200_001, 2 ** 33]) {
        assert.equal(await file.read(new Uint8Array(10), position), 0, `read at ${position}`)
      }
      await file.close()
    },
  },
  {
    id: 'file.empty',
    claim: 'openFile() of an empty object gives a file of no bytes',
    needs,
    async check({ store }) {
      await putBytes(store, 'kit/file', '')
      const file = await openFile(store, 'kit/file')
      assert.equal(file.sizeBytes, 0)
      assert.equal(await file.read(new Uint8Array(10), 0), 0)
      await file.close()
    },
  },
  {
    id: 'file.overlapping',
    claim: 'read() calls may overlap: 50 at once each give their own bytes',
    needs,
    async check({ store }) {
      await putBytes(store, 'kit/file', bytes)
      const file = await openFile(store, 'kit/file')
      const random = seededRandom(92)
      await Promise.all(
        Array.from({ length: 50 }, async () => {
          const position = random.integer(0, 190_000)
          sameBytes(
            await readAt(file, position, 9_000),
            bytes.subarray(position, position + 9_000),
            `at ${position}`,
          )
        }),
      )
      await file.close()
    },
  },
  {
    id: 'file.own-buffer',
    claim: 'changing the buffer after read() changes nothing stored',
    needs,
    async check({ store }) {
      await putBytes(store, 'kit/file', 'stored')
      const file = await openFile(store, 'kit/file')
      const first = await readAt(file, 0, 6)
      first.fill(0)
      sameBytes(await readAt(file, 0, 6), Buffer.from('stored'), 'read again')
      await file.close()
    },
  },
  {
    id: 'file.stamp',
    claim: 'stamp() stays while nothing changes, and two objects put after each other differ in it',
    needs,
    async check({ store }) {
      await putBytes(store, 'kit/file', 'aaaa')
      const before = await openFile(store, 'kit/file')
      const stamp = before.stamp()
      await readAt(before, 0, 4)
      assert.equal(before.stamp(), stamp, 'the stamp changed by reading')
      await putBytes(store, 'kit/file', 'bbbb')
      const after = await openFile(store, 'kit/file')
      assert.notEqual(after.stamp(), stamp, 'the stamp is that of the object replaced')
      await before.close()
      await after.close()
    },
  },
  {
    id: 'file.survives',
    claim: 'an open file gives the old bytes whole when the object is replaced or deleted under it',
    needs,
    async check({ store }) {
      await putBytes(store, 'kit/file', bytes)
      const file = await openFile(store, 'kit/file')
      await readAt(file, 0, 10)
      await putBytes(store, 'kit/file', seededBytes(93, 200_000))
      sameBytes(await readAt(file, 0, bytes.byteLength), bytes, 'after a put')
      await store.delete('kit/file')
      sameBytes(await readAt(file, 0, bytes.byteLength), bytes, 'after a delete')
      await file.close()
    },
  },
  {
    id: 'file.close',
    claim: 'close() waits for reads under way, frees the handle, may be called twice; read() after it fails',
    needs,
    async check({ store, openHandles }) {
      await putBytes(store, 'kit/file', bytes)
      const before = await openHandles()
      const file = await openFile(store, 'kit/file')
      const reads = Array.from({ length: 8 }, (_, index) => readAt(file, index * 1000, 20_000))
      const closed = file.close()
      const got = await Promise.all(reads)
      got.forEach((part, index) =>
        sameBytes(part, bytes.subarray(index * 1000, index * 1000 + 20_000), 'a read under way'),
      )
      await closed
      await file.close()
      await rejectionOf(file.read(new Uint8Array(1), 0), 'read() after close()')
      assert.ok(await waitUntil(async () => (await openHandles()) <= before), 'a handle is still open')
    },
  },
]
