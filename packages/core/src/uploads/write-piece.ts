import { createHash, type Hash } from 'node:crypto'
import type { Body } from '../contracts/bytes.ts'
import type { PieceChecksum } from '../contracts/uploads.ts'
import { MediaError } from '../errors/media-error.ts'
import { forEachChunk } from '../ingest/chunks.ts'
import { discardIntake, toIntake } from '../ingest/intake.ts'

/** A piece of a body while it is read. */
export interface Piece {
  /** Gives every chunk to `take`, and checks the length and the checksum. */
  read(take: (chunk: Uint8Array) => Promise<void>, signal: AbortSignal): Promise<void>
  /** It will not be read. */
  discard(): void
}

export interface PieceOptions {
  readonly checksum: PieceChecksum | (() => PieceChecksum | undefined) | undefined
}

/** Opens a body as a piece. Whoever does not read it discards it. */
export async function openPiece(body: Body, { checksum }: PieceOptions): Promise<Piece> {
  const intake = await toIntake(body)
  if (intake.kind === 'staged' || intake.kind === 'placed')
    throw new TypeError('a piece is a body of its own')
  const stream = (): Parameters<typeof forEachChunk>[0] => {
    switch (intake.kind) {
      case 'bytes':
        return one(intake.bytes)
      case 'file':
        return intake.source.open()
      case 'stream':
        return intake.stream
    }
  }
  return {
    async read(take, signal) {
      const hashes = hashesFor(checksum)
      await forEachChunk(
        stream(),
        (chunk) => {
          for (const { hash } of hashes) hash.update(chunk)
          return take(chunk)
        },
        signal,
      )
      checkSum(hashes, typeof checksum === 'function' ? checksum() : checksum)
    },
    discard: () => discardIntake(intake),
  }
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

interface RunningSum {
  readonly algorithm: PieceChecksum['algorithm']
  readonly hash: Hash
}

const ALGORITHMS: readonly PieceChecksum['algorithm'][] = ['sha1', 'sha256', 'md5']

/** One that is told only behind the body may be of any kind. */
function hashesFor(checksum: PieceOptions['checksum']): readonly RunningSum[] {
  if (checksum === undefined) return []
  const algorithms = typeof checksum === 'function' ? ALGORITHMS : [checksum.algorithm]
  return algorithms.map((algorithm) => ({ algorithm, hash: createHash(algorithm) }))
}

function checkSum(hashes: readonly RunningSum[], given: PieceChecksum | undefined): void {
  if (given === undefined) return
  const sum = hashes.find(({ algorithm }) => algorithm === given.algorithm)?.hash.digest('base64')
  if (sum === given.base64) return
  throw new MediaError('MEDIA_DIGEST_MISMATCH', 'the piece has another checksum than was told', {
    reason: 'checksum-mismatch',
  })
}
