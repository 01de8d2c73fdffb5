import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { digestOf } from '../bytes/digest.ts'
import { createChunkSummer } from './chunk-sums.ts'
import { verifyRange, verifyWhole, widenToChunks } from './verified-stream.ts'

const bytes = randomBytes(300_123)
const summer = createChunkSummer()
summer.update(bytes)
const sums = summer.finish()
const expected = {
  placementId: 'p',
  digest: digestOf(bytes),
  sizeBytes: bytes.length,
  chunkSums: async () => sums,
}

function* pieces(source: Buffer, sizes: readonly number[]): Generator<Buffer> {
  let at = 0
  for (let index = 0; at < source.length; index++) {
    const size = sizes[index % sizes.length] as number
    yield source.subarray(at, at + size)
    at += size
  }
}

async function collect(
  source: Buffer,
  sizes: readonly number[],
  check: ReturnType<typeof verifyWhole>,
): Promise<Buffer> {
  const out: Buffer[] = []
  await pipeline(Readable.from(pieces(source, sizes), { objectMode: false }), check, async (checked) => {
    for await (const chunk of checked) out.push(chunk as Buffer)
  })
  return Buffer.concat(out)
}

describe('verified streams', () => {
  it('give exactly the range, however the stream is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(bytes.length - 1),
        fc.nat(bytes.length - 1),
        fc.array(fc.integer({ min: 1, max: 90_000 }), { minLength: 1, maxLength: 4 }),
        async (a, b, sizes) => {
          const range = { start: Math.min(a, b), endExclusive: Math.max(a, b) + 1 }
          const wide = widenToChunks(range, bytes.length)
          const got = await collect(
            bytes.subarray(wide.start, wide.endExclusive),
            sizes.map((size) => size + 1000),
            verifyRange(range, sums, expected),
          )
          expect(got.equals(bytes.subarray(range.start, range.endExclusive))).toBe(true)
        },
      ),
      { numRuns: 100 },
    )
  })

  it('give the whole content when its digest is right', async () => {
    expect((await collect(bytes, [65_536], verifyWhole(expected))).equals(bytes)).toBe(true)
  })

  it('fail before the end when one bit differs', async () => {
    const damaged = Buffer.from(bytes)
    damaged[200_000] = (damaged[200_000] as number) ^ 4
    await expect(collect(damaged, [65_536], verifyWhole(expected))).rejects.toMatchObject({
      code: 'MEDIA_CORRUPT',
      reason: 'digest',
    })
    const range = { start: 190_000, endExclusive: 210_000 }
    const wide = widenToChunks(range, bytes.length)
    await expect(
      collect(damaged.subarray(wide.start, wide.endExclusive), [1000], verifyRange(range, sums, expected)),
    ).rejects.toMatchObject({ reason: 'checksum' })
  })

  it('fail when the stream is short', async () => {
    await expect(collect(bytes.subarray(0, -1), [65_536], verifyWhole(expected))).rejects.toMatchObject({
      reason: 'short',
    })
    await expect(
      collect(
        bytes.subarray(0, 70_000),
        [65_536],
        verifyRange({ start: 0, endExclusive: 131_072 }, sums, expected),
      ),
    ).rejects.toMatchObject({ reason: 'short' })
  })
})
