import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { describeObjectStore } from '../vitest.ts'
import { type Rows, rowStore } from './sample-store.ts'

describeObjectStore('the adapter of the guide', {
  async create() {
    const rows: Rows = new Map()
    return {
      store: rowStore(rows),
      second: async () => rowStore(rows),
      cleanup: async () => rows.clear(),
    }
  },
})

test('the guide shows the adapter as it is tested', async () => {
  const guide = await readFile(new URL('../../../../docs/guide/write-an-adapter.md', import.meta.url), 'utf8')
  const source = await readFile(new URL('./sample-store.ts', import.meta.url), 'utf8')
  expect(guide).toContain(source)
})
