import { createHash } from 'node:crypto'
import { seededBytes, seededRandom } from '@mediakeep/testkit'
import { expect, test } from 'vitest'
import { createPartBuffer } from './part-buffer.ts'

test('chunks of any size become parts of one size, the last never empty, and the digest is that of all', async () => {
  const random = seededRandom(1)
  for (const sizeBytes of [0, 1, 99, 100, 101, 200, 1234]) {
    const bytes = seededBytes(sizeBytes, sizeBytes)
    const given: Buffer[] = []
    const parts = createPartBuffer(100, async ({ bytes: part, sha256 }) => {
      expect(sha256).toBe(createHash('sha256').update(part).digest('hex'))
      given.push(Buffer.from(part))
    })
    for (let at = 0; at < sizeBytes; ) {
      const chunk = Buffer.from(bytes.subarray(at, at + random.integer(1, 260)))
      at += chunk.byteLength
      await parts.write(chunk)
      chunk.fill(0) // the caller may use its buffer again
    }
    const { rest, sha256 } = parts.end()
    expect(given.every((part) => part.byteLength === 100)).toBe(true)
    expect(rest.bytes.byteLength > 0 || sizeBytes === 0).toBe(true)
    expect(rest.sha256).toBe(createHash('sha256').update(rest.bytes).digest('hex'))
    expect(Buffer.concat([...given, rest.bytes]).equals(Buffer.from(bytes))).toBe(true)
    expect(sha256).toBe(createHash('sha256').update(bytes).digest('hex'))
  }
})
