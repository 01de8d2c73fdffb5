import { KiB, MiB } from '@mediakeep/core'
import { BLOCK_BYTES, type BlockPool, writeBlocks } from './blocks.ts'
import type { FsPromises } from './calls.ts'

/** Bytes per gathered write: larger ones measured no faster. */
const WRITE_BYTES = 256 * KiB
/** Most bytes that one writer holds in memory before its caller waits. */
const MAX_HELD_BYTES = 1 * MiB

/** Writes chunks of any size as few large writes, one under way while the next is gathered. */
export interface FileSink {
  writtenBytes(): number
  /** Of them, those that are in the file. */
  flushedBytes(): number
  /** Takes the chunk; a promise when the caller must wait before it gives more. Throws or rejects with the first failure. */
  write(chunk: Uint8Array): Promise<void> | undefined
  /** Resolves when all bytes are written. */
  end(): Promise<void>
  /** Resolves when no write is under way and starts no other: from then on the descriptor may be closed. */
  stop(): Promise<void>
}

export interface FileSinkOptions {
  /** `copy`: they may be reused by the caller once `write` has returned or resolved; `own`: they are ours for good. */
  readonly chunks: 'copy' | 'own'
  /** Where in the file the first one goes (0). */
  readonly startPosition?: number
  /** Blocks to gather in (those of the process). */
  readonly pool?: BlockPool
}

export function createFileSink(
  fs: FsPromises,
  fd: number,
  { chunks, startPosition = 0, pool = writeBlocks }: FileSinkOptions,
): FileSink {
  let queue: Uint8Array[] = []
  let queuedBytes = 0
  let flyingBytes = 0
  /** Blocks that the queue is in, in no order. */
  let lent: Buffer[] = []
  let block: Buffer | undefined
  let blockFilled = 0
  let position = startPosition
  let writtenBytes = 0
  let flying: Promise<void> | undefined
  let failure: { readonly error: unknown } | undefined
  let stopped = false
  let room: Promise<void> | undefined
  let wakeForRoom = (): void => {}

  const flushedBytes = (): number => position - startPosition
  const onWritten = (bytes: number): void => {
    position += bytes
  }
  const fail = (): void => {
    if (failure !== undefined) throw failure.error
  }

  function enqueue(bytes: Uint8Array): void {
    queue.push(bytes)
    queuedBytes += bytes.byteLength
  }

  function sealBlock(): void {
    if (block === undefined) return
    enqueue(block.subarray(0, blockFilled))
    lent.push(block)
    block = undefined
    blockFilled = 0
  }

  function giveBack(blocks: readonly Buffer[], bytes: number): void {
    for (const done of blocks) pool.give(done)
    if (chunks === 'own') pool.count(-bytes)
  }

  function forgetQueue(): void {
    sealBlock()
    giveBack(lent, queuedBytes)
    queue = []
    lent = []
    queuedBytes = 0
  }

  /** Writes what is queued until the queue is empty. */
  async function fly(): Promise<void> {
    while (queue.length > 0 && failure === undefined && !stopped) {
      const batch = queue
      const batchBlocks = lent
      flyingBytes = queuedBytes
      queue = []
      lent = []
      queuedBytes = 0
      try {
        const [only] = batch
        if (batch.length === 1 && only !== undefined) await fs.write(fd, only, position, onWritten)
        else await fs.writeAll(fd, batch, position, onWritten)
      } catch (error) {
        failure = { error }
        forgetQueue()
      }
      giveBack(batchBlocks, flyingBytes)
      flyingBytes = 0
      wakeForRoom()
    }
    // At once, not when somebody awaits it: what is queued from here on starts a flight of its own.
    flying = undefined
  }

  function kick(): void {
    if (flying === undefined && queue.length > 0 && failure === undefined && !stopped) flying = fly()
  }

  async function settle(): Promise<void> {
    while (flying !== undefined) await flying
  }

  /** Resolves as soon as there is room again, so that reading goes on while the rest is written. */
  async function untilRoom(): Promise<void> {
    room ??= new Promise((resolve) => {
      wakeForRoom = () => {
        room = undefined
        wakeForRoom = () => {}
        resolve()
      }
    })
    await room
    fail()
  }

  /** No block is left: the chunk is written from where it lies, and is its owner's again when that is done. */
  async function writeThrough(rest: Uint8Array): Promise<void> {
    enqueue(rest)
    const endBytes = writtenBytes
    kick()
    while (flushedBytes() < endBytes && flying !== undefined) await untilRoom()
    fail()
  }

  return {
    writtenBytes: () => writtenBytes,
    flushedBytes,
    write(chunk) {
      fail()
      writtenBytes += chunk.byteLength
      if (chunks === 'own') {
        if (chunk.byteLength > 0) enqueue(chunk)
        pool.count(chunk.byteLength)
      } else {
        for (let at = 0; at < chunk.byteLength; ) {
          block ??= pool.take()
          if (block === undefined) return writeThrough(chunk.subarray(at))
          const take = Math.min(chunk.byteLength - at, BLOCK_BYTES - blockFilled)
          block.set(chunk.subarray(at, at + take), blockFilled)
          blockFilled += take
          at += take
          if (blockFilled === BLOCK_BYTES) sealBlock()
        }
      }
      if (queuedBytes >= (pool.isScarce ? BLOCK_BYTES : WRITE_BYTES)) kick()
      if (flying === undefined) return undefined
      return queuedBytes + flyingBytes >= (pool.isScarce ? BLOCK_BYTES : MAX_HELD_BYTES)
        ? untilRoom()
        : undefined
    },
    async end() {
      fail()
      sealBlock()
      kick()
      await settle()
      fail()
    },
    async stop() {
      stopped = true
      await settle()
      forgetQueue()
    },
  }
}
