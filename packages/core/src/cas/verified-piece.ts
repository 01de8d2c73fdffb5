import { createHash } from 'node:crypto'
import { digestHex } from '../bytes/digest.ts'
import type { ByteRange } from '../contracts/bytes.ts'
import type { ObjectFile } from '../contracts/object-store.ts'
import { CHUNK_BYTES } from './chunk-sums.ts'
import { corruptBytes } from './corrupt.ts'
import { checkChunks, type ExpectedBytes } from './verified-blocks.ts'
import type { VerifiedChunks } from './verify-memo.ts'

/** Reads a small object whole and checks its digest. */
export async function readVerifiedObject(file: ObjectFile, expected: ExpectedBytes): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(expected.sizeBytes)
  await fill(file, bytes, 0, expected)
  if (
    expected.digest !== undefined &&
    createHash('sha256').update(bytes).digest('hex') !== digestHex(expected.digest)
  ) {
    throw corruptBytes(expected.placementId, 'digest', 'the bytes have another digest')
  }
  return bytes
}

/** Reads a small range at once: exactly its bytes where its chunks are verified already, else the chunks whole. */
export async function readVerifiedRange(
  file: ObjectFile,
  range: ByteRange,
  expected: ExpectedBytes,
  verified: VerifiedChunks,
): Promise<Buffer> {
  if (verified.covers(range)) {
    const bytes = Buffer.allocUnsafe(range.endExclusive - range.start)
    await fill(file, bytes, range.start, expected)
    if (file.stamp() === verified.stamp) return bytes // else it was written to since then, and is verified anew
  }
  const firstChunk = Math.floor(range.start / CHUNK_BYTES)
  const lastChunk = Math.floor((range.endExclusive - 1) / CHUNK_BYTES)
  const start = firstChunk * CHUNK_BYTES
  const bytes = Buffer.allocUnsafe(Math.min(expected.sizeBytes, (lastChunk + 1) * CHUNK_BYTES) - start)
  await fill(file, bytes, start, expected)
  await checkChunks(bytes, start, expected, verified)
  return bytes.subarray(range.start - start, range.endExclusive - start)
}

async function fill(
  file: ObjectFile,
  bytes: Buffer,
  position: number,
  expected: ExpectedBytes,
): Promise<void> {
  const count = await file.read(bytes, position)
  if (count !== bytes.length)
    throw corruptBytes(
      expected.placementId,
      'short',
      `${position + count} of ${expected.sizeBytes} bytes are there`,
    )
}
