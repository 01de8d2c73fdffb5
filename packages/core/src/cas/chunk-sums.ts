import { crc32 } from 'node:zlib'

/** Bytes per chunk sum. Part of the stored format: never change it. */
export const CHUNK_BYTES = 65_536

/** Sums bytes that arrive in pieces of any size: one CRC-32 per chunk of the whole. */
export interface ChunkSummer {
  update(bytes: Uint8Array): void
  /** 4 bytes a chunk, big-endian; empty for an empty body. */
  finish(): Uint8Array
  /** One that has seen the same bytes and goes on by itself. */
  fork(): ChunkSummer
}

export function createChunkSummer(): ChunkSummer {
  return summerFrom({ sums: Buffer.alloc(64), count: 0, filled: 0, sum: 0 })
}

function summerFrom(start: {
  readonly sums: Buffer
  readonly count: number
  readonly filled: number
  readonly sum: number
}): ChunkSummer {
  let { sums, count, filled, sum } = start
  const push = (): void => {
    if ((count + 1) * 4 > sums.length) sums = Buffer.concat([sums], sums.length * 2)
    sums.writeUInt32BE(sum, count * 4)
    count++
    filled = 0
    sum = 0
  }
  return {
    update(bytes) {
      let at = 0
      while (at < bytes.byteLength) {
        const take = Math.min(CHUNK_BYTES - filled, bytes.byteLength - at)
        sum = crc32(at === 0 && take === bytes.byteLength ? bytes : bytes.subarray(at, at + take), sum)
        filled += take
        at += take
        if (filled === CHUNK_BYTES) push()
      }
    },
    finish() {
      if (filled > 0) push()
      return new Uint8Array(sums.subarray(0, count * 4))
    },
    fork: () => summerFrom({ sums: Buffer.from(sums), count, filled, sum }),
  }
}

/** Number of chunks of a body. */
export function chunkCount(sizeBytes: number): number {
  return Math.ceil(sizeBytes / CHUNK_BYTES)
}

/** Whether `bytes`, which are chunk `index` whole, have the sum that was stored for it. */
export function isChunkIntact(sums: Uint8Array, index: number, bytes: Uint8Array): boolean {
  const at = index * 4
  if (at + 4 > sums.byteLength) return false
  const stored =
    (((sums[at] as number) << 24) |
      ((sums[at + 1] as number) << 16) |
      ((sums[at + 2] as number) << 8) |
      (sums[at + 3] as number)) >>>
    0
  return crc32(bytes) === stored
}
