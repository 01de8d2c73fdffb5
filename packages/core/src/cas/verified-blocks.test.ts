import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { digestOf } from '../bytes/digest.ts'
import type { ByteRange } from '../contracts/bytes.ts'
import type { ObjectFile } from '../contracts/object-store.ts'
import { BLOCK_BYTES, createBlockPool } from './block-pool.ts'
import { CHUNK_BYTES, createChunkSummer } from './chunk-sums.ts'
import { createBlockReader, type ExpectedBytes } from './verified-blocks.ts'
import { readVerifiedObject, readVerifiedRange } from './verified-piece.ts'
import { createVerifyMemo, type VerifiedChunks } from './verify-memo.ts'

function fileOver(bytes: Buffer, stamp = '1'): ObjectFile & { reads: number } {
  const file = {
    sizeBytes: bytes.length,
    reads: 0,
    read: async (buffer: Uint8Array, position: number) => {
      file.reads++
      return bytes.copy(buffer, 0, position, position + buffer.length)
    },
    stamp: () => stamp,
    close: async () => {},
  }
  return file
}

function expectedOf(bytes: Buffer): ExpectedBytes {
  const summer = createChunkSummer()
  summer.update(bytes)
  const sums = summer.finish()
  return { placementId: 'p', digest: digestOf(bytes), sizeBytes: bytes.length, chunkSums: async () => sums }
}

const fresh = (sizeBytes: number): VerifiedChunks =>
  createVerifyMemo({ forMs: 60_000, now: () => 0 }).of('p', '1', sizeBytes)

async function readAll(
  file: ObjectFile,
  range: ByteRange,
  expected: ExpectedBytes,
  verified = fresh(expected.sizeBytes),
): Promise<Buffer> {
  const reader = createBlockReader(file, range, expected, verified, createBlockPool())
  const parts: Buffer[] = []
  for (let block = await reader.next(); block !== undefined; block = await reader.next()) {
    parts.push(Buffer.from(block.bytes))
    block.give()
  }
  await reader.stop()
  return Buffer.concat(parts)
}

const whole = (bytes: Buffer): ByteRange => ({ start: 0, endExclusive: bytes.length })

describe('verified reads of a file', () => {
  it('give exactly the bytes of any range', async () => {
    const bytes = randomBytes(700_001)
    const expected = expectedOf(bytes)
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(bytes.length - 1), async (a, b) => {
        const range = { start: Math.min(a, b), endExclusive: Math.max(a, b) + 1 }
        const want = bytes.subarray(range.start, range.endExclusive)
        expect((await readAll(fileOver(bytes), range, expected)).equals(want)).toBe(true)
        expect(
          (await readVerifiedRange(fileOver(bytes), range, expected, fresh(bytes.length))).equals(want),
        ).toBe(true)
      }),
      { numRuns: 200 },
    )
  })

  it('refuse every single flipped bit of a 4 KiB object, whole and by range', async () => {
    const bytes = randomBytes(4096)
    const expected = expectedOf(bytes)
    for (let bit = 0; bit < 4096 * 8; bit++) {
      const damaged = Buffer.from(bytes)
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7))
      await expect(readVerifiedObject(fileOver(damaged), expected)).rejects.toMatchObject({
        code: 'MEDIA_CORRUPT',
        reason: 'digest',
      })
      await expect(
        readVerifiedRange(fileOver(damaged), { start: 0, endExclusive: 10 }, expected, fresh(4096)),
      ).rejects.toMatchObject({
        code: 'MEDIA_CORRUPT',
        reason: 'checksum',
      })
    }
  })

  it('hold back the last block of a whole read until the digest of all is right', async () => {
    const bytes = randomBytes(600_000)
    const expected = expectedOf(bytes)
    const damaged = Buffer.from(bytes)
    damaged[5] = (damaged[5] as number) ^ 1
    const reader = createBlockReader(
      fileOver(damaged),
      whole(bytes),
      expected,
      fresh(bytes.length),
      createBlockPool(),
    )
    let given = 0
    await expect(
      (async () => {
        for (let block = await reader.next(); block !== undefined; block = await reader.next())
          given += block.bytes.length
      })(),
    ).rejects.toMatchObject({ code: 'MEDIA_CORRUPT', reason: 'digest' })
    expect(given).toBeLessThan(bytes.length)
  })

  it('give no byte of a damaged chunk in a range', async () => {
    const bytes = randomBytes(CHUNK_BYTES * 6)
    const damaged = Buffer.from(bytes)
    damaged[CHUNK_BYTES * 3 + 17] = (damaged[CHUNK_BYTES * 3 + 17] as number) ^ 0x80
    const range = { start: CHUNK_BYTES * 2 + 5, endExclusive: CHUNK_BYTES * 5 }
    await expect(readAll(fileOver(damaged), range, expectedOf(bytes))).rejects.toMatchObject({
      reason: 'checksum',
    })
    const before = { start: 0, endExclusive: CHUNK_BYTES * 3 }
    expect(
      (await readAll(fileOver(damaged), before, expectedOf(bytes))).equals(
        bytes.subarray(0, CHUNK_BYTES * 3),
      ),
    ).toBe(true)
  })

  it('tell a file that became shorter', async () => {
    const bytes = randomBytes(100_000)
    const expected = expectedOf(bytes)
    await expect(readAll(fileOver(bytes.subarray(0, 99_999)), whole(bytes), expected)).rejects.toMatchObject({
      reason: 'short',
    })
  })

  it('check a chunk once while the file is unchanged, and again when its stamp changes', async () => {
    const bytes = randomBytes(CHUNK_BYTES * 4)
    const expected = expectedOf(bytes)
    let now = 0
    const memo = createVerifyMemo({ forMs: 1000, now: () => now })
    const range = { start: 10, endExclusive: 20 }
    await readVerifiedRange(fileOver(bytes, 'a'), range, expected, memo.of('p', 'a', bytes.length))
    const damaged = Buffer.alloc(bytes.length)
    expect(
      await readVerifiedRange(fileOver(damaged, 'a'), range, expected, memo.of('p', 'a', bytes.length)),
    ).toHaveLength(10)
    await expect(
      readVerifiedRange(fileOver(damaged, 'b'), range, expected, memo.of('p', 'b', bytes.length)),
    ).rejects.toMatchObject({ code: 'MEDIA_CORRUPT' })
    await readVerifiedRange(fileOver(bytes, 'b'), range, expected, memo.of('p', 'b', bytes.length))
    now = 1000
    await expect(
      readVerifiedRange(fileOver(damaged, 'b'), range, expected, memo.of('p', 'b', bytes.length)),
    ).rejects.toMatchObject({ code: 'MEDIA_CORRUPT' })
  })

  it('check again what was verified when the file is written to under the reader', async () => {
    const bytes = randomBytes(BLOCK_BYTES * 3 + 5)
    const expected = expectedOf(bytes)
    const verified = createVerifyMemo({ forMs: 1000, now: () => 0 }).of('p', 'before', bytes.length)
    verified.addAll()
    for (const range of [whole(bytes), { start: 70_000, endExclusive: bytes.length - 1 }]) {
      const touched = await readAll(fileOver(bytes, 'after'), range, expected, verified)
      expect(touched.equals(bytes.subarray(range.start, range.endExclusive))).toBe(true)
      const damaged = fileOver(Buffer.from(bytes).fill(0, BLOCK_BYTES + 9, BLOCK_BYTES + 10), 'after')
      await expect(readAll(damaged, range, expected, verified)).rejects.toMatchObject({ reason: 'checksum' })
    }
    const piece = { start: BLOCK_BYTES, endExclusive: BLOCK_BYTES + 20 }
    const damaged = fileOver(Buffer.from(bytes).fill(0, BLOCK_BYTES + 9, BLOCK_BYTES + 12), 'after')
    await expect(readVerifiedRange(damaged, piece, expected, verified)).rejects.toMatchObject({
      reason: 'checksum',
    })
  })

  it('give a block back once when they are stopped while it is being read', async () => {
    const bytes = randomBytes(2_000_000)
    const given: Buffer[] = []
    const pool = { take: () => Buffer.alloc(262_144), give: (block: Buffer) => void given.push(block) }
    let arrive = (): void => {}
    const slow = {
      ...fileOver(bytes),
      read: (buffer: Uint8Array) => new Promise<number>((resolve) => (arrive = () => resolve(buffer.length))),
    }
    const reader = createBlockReader(slow, whole(bytes), expectedOf(bytes), fresh(bytes.length), pool)
    const waiting = reader.next()
    const stopping = reader.stop()
    arrive()
    expect(await waiting).toBeUndefined()
    await stopping
    expect(given).toHaveLength(1)
  })

  it('give every lent block back, also when stopped half-way', async () => {
    const bytes = randomBytes(2_000_000)
    let out = 0
    const pool = { take: () => (out++, Buffer.alloc(262_144)), give: () => void out-- }
    const reader = createBlockReader(
      fileOver(bytes),
      whole(bytes),
      expectedOf(bytes),
      fresh(bytes.length),
      pool,
    )
    const block = await reader.next()
    block?.give()
    await reader.stop()
    expect(out).toBe(0)
  })
})
