import sharp from 'sharp'
import { expect, test } from 'vitest'
import { bytesSource } from '../bytes/source.ts'
import type { MediaPolicy } from '../contracts/policy.ts'
import { createInspector } from './index.ts'

const inspector = createInspector()
const inspectPng = (bytes: Uint8Array, policy: MediaPolicy = { match: 'image/*' }): Promise<unknown> =>
  inspector.inspect({ source: bytesSource(bytes), contentType: 'image/png', filename: 'a.png', policy })
const drawn = (width: number, height: number): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 3, background: '#936' } })
    .png()
    .toBuffer()

test('a PNG tells its width and height', async () => {
  expect(await inspectPng(await drawn(30, 20))).toEqual({ width: 30, height: 20 })
})

test('a PNG with more pixels than its policy takes is refused', async () => {
  await expect(inspectPng(await drawn(30, 20), { match: 'image/*', maxPixels: 599 })).rejects.toMatchObject({
    code: 'MEDIA_INVALID',
    reason: 'image-too-large',
  })
})

test('a PNG with HTML behind its end is refused', async () => {
  await expect(
    inspectPng(Buffer.concat([await drawn(30, 20), Buffer.from('<script>1</script>')])),
  ).rejects.toMatchObject({ code: 'MEDIA_TYPE_REFUSED', reason: 'trailing-data' })
})
