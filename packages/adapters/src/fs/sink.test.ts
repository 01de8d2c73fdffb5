import nodeFs from 'node:fs'
import { KiB, MiB } from '@mediakeep/core'
import { describe, expect, test } from 'vitest'
import { BLOCK_BYTES, createBlockPool } from './blocks.ts'
import { createFsPromises, type FsCalls, type FsPromises } from './calls.ts'
import { createFileSink, type FileSink } from './sink.ts'

/** A file in memory. What is written is looked at when the write ends: bytes that were used again too early are wrong. */
function memoryFile(sizeBytes: number, failAt = Number.POSITIVE_INFINITY) {
  const bytes = Buffer.alloc(sizeBytes)
  const writes: number[] = []
  const take = (buffers: readonly Uint8Array[], position: number): number => {
    let at = position
    for (const buffer of buffers) {
      bytes.set(buffer, at)
      at += buffer.byteLength
    }
    writes.push(at - position)
    return at - position
  }
  const raw: FsCalls = {
    ...nodeFs,
    write: (_fd, buffer, offset, length, position, done) =>
      void setImmediate(() =>
        position + length > failAt
          ? done(new Error('full'))
          : done(null, take([buffer.subarray(offset, offset + length)], position)),
      ),
    writev: (_fd, buffers, position, done) =>
      void setImmediate(() =>
        position >= failAt ? done(new Error('full')) : done(null, take(buffers, position)),
      ),
  }
  return { bytes, writes, fs: createFsPromises(raw) }
}

/** Bytes that tell their place, other ones for each seed. */
const numbers = new Uint32Array((2 * MiB) / 4 + 100).map((_, at) => at * 2_654_435_761)
const bodyOf = (sizeBytes: number, seed = 0): Buffer => Buffer.from(numbers.buffer, 4 * seed, sizeBytes)

/** Gives the body in pieces from one buffer, as one who uses it again as soon as that is allowed. */
async function writeReusing(sink: FileSink, body: Buffer, pieceBytes: number): Promise<void> {
  const piece = Buffer.alloc(pieceBytes)
  for (let at = 0; at < body.length; at += pieceBytes) {
    const filled = body.copy(piece, 0, at, at + pieceBytes)
    await sink.write(piece.subarray(0, filled))
    piece.fill(0xff)
  }
  await sink.end()
}

const copying = (fs: FsPromises, pool = createBlockPool(1 * MiB)): FileSink =>
  createFileSink(fs, 0, { chunks: 'copy', pool })

describe('a sink', () => {
  test('has written everything when its end resolves, wherever the last chunk falls between two writes', async () => {
    for (let microtasks = 0; microtasks < 12; microtasks++) {
      let written = 0
      const raw: FsCalls = {
        ...nodeFs,
        write: (_fd, buffer, _offset, length, _position, done) => {
          written += length
          done(null, buffer.byteLength)
        },
      }
      const sink = createFileSink(createFsPromises(raw), 0, { chunks: 'own' })
      void sink.write(Buffer.alloc(300_000))
      for (let turn = 0; turn < microtasks; turn++) await Promise.resolve()
      void sink.write(Buffer.alloc(5))
      await sink.end()
      expect(written, `${microtasks} microtasks later`).toBe(300_005)
    }
  })

  test('gathers 256 KiB for a write while few are writing, and a block when blocks are scarce', async () => {
    const body = bodyOf(2 * MiB)
    const alone = memoryFile(body.length)
    await writeReusing(copying(alone.fs, createBlockPool(16 * MiB)), body, 10_000)
    expect(Math.min(...alone.writes.slice(0, -1))).toBeGreaterThanOrEqual(256 * KiB)
    const pool = createBlockPool(1 * MiB)
    pool.count(512 * KiB)
    const crowded = memoryFile(body.length)
    await writeReusing(copying(crowded.fs, pool), body, 10_000)
    expect(Math.max(...crowded.writes)).toBe(BLOCK_BYTES)
    expect([alone.bytes.equals(body), crowded.bytes.equals(body)]).toEqual([true, true])
  })

  test('takes no more than its pool lends, however many there are, and each gets on', async () => {
    const pool = createBlockPool(1 * MiB)
    let highestBytes = 0
    const uploads = Array.from({ length: 100 }, (_, index) => {
      const body = bodyOf(300_000 + index, index)
      const file = memoryFile(body.length)
      const sink = copying(file.fs, pool)
      const watched: FileSink = {
        ...sink,
        write(chunk) {
          const wait = sink.write(chunk)
          highestBytes = Math.max(highestBytes, pool.heldBytes)
          return wait
        },
      }
      return { body, file, done: writeReusing(watched, body, 1_000 + 997 * index) }
    })
    await Promise.all(uploads.map(({ done }) => done))
    expect(highestBytes).toBe(1 * MiB)
    expect(uploads.filter(({ body, file }) => !file.bytes.equals(body))).toEqual([])
    expect(pool.heldBytes).toBe(0)
  })

  test('waits for no other one: where silent ones hold every block it writes from the chunk itself', async () => {
    const pool = createBlockPool(1 * MiB)
    const silent = Array.from({ length: 1 * (MiB / BLOCK_BYTES) }, () => copying(memoryFile(1).fs, pool))
    for (const sink of silent) expect(sink.write(Buffer.alloc(1))).toBeUndefined()
    expect(pool.heldBytes).toBe(1 * MiB)
    const body = bodyOf(1_000_003)
    const file = memoryFile(body.length)
    await writeReusing(copying(file.fs, pool), body, 70_001)
    expect(file.bytes.equals(body)).toBe(true)
    expect(pool.heldBytes).toBe(1 * MiB)
    for (const sink of silent) await sink.end()
    expect(pool.heldBytes).toBe(0)
  })

  for (const chunks of ['copy', 'own'] as const)
    test(`gives back all that it holds, however it ends (${chunks})`, async () => {
      const pool = createBlockPool(1 * MiB)
      const open = (failAt?: number): FileSink =>
        createFileSink(memoryFile(2 * MiB, failAt).fs, 0, { chunks, pool })
      const body = bodyOf(1_500_000)
      await writeReusing(open(), body, 100_000)
      expect(pool.heldBytes).toBe(0)

      const failing = open(400_000)
      await expect(writeReusing(failing, body, 100_000)).rejects.toThrow('full')
      expect(pool.heldBytes).toBe(0)
      expect(() => failing.write(Buffer.alloc(1))).toThrow('full')
      await failing.stop()
      expect(pool.heldBytes).toBe(0)

      const stopped = open()
      void stopped.write(body.subarray(0, 300_000))
      void stopped.write(body.subarray(300_000, 400_000))
      expect(pool.heldBytes).toBeGreaterThan(0)
      await stopped.stop()
      expect(pool.heldBytes).toBe(0)
    })
})
