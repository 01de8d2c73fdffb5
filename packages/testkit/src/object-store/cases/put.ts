import assert from 'node:assert/strict'
import { bytesSource } from '@mediakeep/core'
import type { ObjectStoreCase } from '../cases.ts'
import { seededBytes } from '../../random.ts'
import { holds, putBytes, readAll, sameBytes } from '../expect.ts'

const KiB = 1024
const MiB = 1024 * KiB

function sizeCase(label: string, sizeBytes: number): ObjectStoreCase {
  return {
    id: `put.size.${label}`,
    claim: `put() and get() keep an object of ${sizeBytes} bytes whole`,
    async check({ store }) {
      const bytes = seededBytes(sizeBytes + 1, sizeBytes)
      const head = await store.put('kit/size', bytesSource(bytes))
      assert.equal(head.sizeBytes, sizeBytes)
      sameBytes(await readAll(store, 'kit/size'), bytes, 'get()')
    },
  }
}

export const putCases: readonly ObjectStoreCase[] = [
  sizeCase('0', 0),
  sizeCase('1', 1),
  sizeCase('64KiB-1', 64 * KiB - 1),
  sizeCase('64KiB', 64 * KiB),
  sizeCase('64KiB+1', 64 * KiB + 1),
  sizeCase('1MiB', MiB),
  sizeCase('5MiB+1', 5 * MiB + 1),
  {
    id: 'put.overwrite',
    claim: 'put() over an existing key replaces its bytes',
    async check({ store }) {
      await putBytes(store, 'kit/over', 'the first, longer bytes')
      await putBytes(store, 'kit/over', 'the second')
      await holds(store, 'kit/over', 'the second', 'after the second put')
    },
  },
]
