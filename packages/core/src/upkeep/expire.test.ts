import { Readable } from 'node:stream'
import { expect, it } from 'vitest'
import { bytesOf, fixture, large } from '../media-store/store.fixture.ts'

it('expire() leaves what a live session stages', async () => {
  const { store, objects } = await fixture()
  const body = new Readable({ read() {} })
  body.push(large.subarray(0, 2_000_000))
  const put = store.put(body, { filename: 'large.bin' })
  while (objects.staging?.usedBytes === 0) await new Promise(setImmediate)
  let removed = 0
  for await (const { removedStagingFiles } of store.upkeep.expire()) removed += removedStagingFiles
  expect(removed).toBe(0)
  body.push(large.subarray(2_000_000))
  body.push(null)
  expect(large.equals(await bytesOf(store, (await put).id))).toBe(true)
  expect(objects.staging?.usedBytes).toBe(0)
})
