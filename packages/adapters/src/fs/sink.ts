import { BLOCK_BYTES, giveBlock, heldLimitBytes, noteHeld, takeBlock } from './blocks.ts'
import type { FsPromises } from './calls.ts'

/** Writes chunks of any size as few large writes, one under way while the next is gathered. */
export interface FileSink {
  readonly writtenBytes: number
  /** Of them, those that are in the file. */
  readonly flushedBytes: number
  /** Takes the chunk; a promise when the caller must wait before it gives more. Throws or rejects with the first failure. */
  write(chunk: Uint8Array): Promise<void> | undefined
  /** Resolves when all bytes are written. */
  end(): Promise<void>
  /** Resolves when no write is under way and starts no other: from then on the descriptor may be closed. */
  stop(): Promise<void>
}

/**
 * @param chunks `copy`: they may be reused by the caller once `write` has returned or resolved; `own`: they are ours for good
 * @param startPosition where in the file the first one goes
 */
export function createFileSink(
  fs: FsPromises,
  fd: number,
  chunks: 'copy' | 'own',
  startPosition = 0,
): FileSink {
  let queue: Uint8Array[] = []
  let queuedBytes = 0
  let flyingBytes = 0
  let block: Buffer | undefined
  let blockFilled = 0
  let position = startPosition
  let writtenBytes = 0
  let flying: Promise<void> | undefined
  let failure: { readonly error: unknown } | undefined
  let stopped = false
  let room: Promise<void> | undefined
  let wakeForRoom = (): void => {}

  const onWritten = (bytes: number): void => {
    position += bytes
  }
  const fail = (): void => {
    if (failure !== undefined) throw failure.error
  }

  function sealBlock(): void {
    if (block === undefined) return
    queue.push(block.subarray(0, blockFilled))
    queuedBytes += blockFilled
    noteHeld(blockFilled)
    block = undefined
    blockFilled = 0
  }

  function forgetQueue(): void {
    noteHeld(-queuedBytes)
    queue = []
    queuedBytes = 0
  }

  /** Writes what is queued until the queue is empty. */
  async function fly(): Promise<void> {
    while (queue.length > 0 && failure === undefined && !stopped) {
      const batch = queue
      flyingBytes = queuedBytes
      queue = []
      queuedBytes = 0
      try {
        const [only] = batch
        if (batch.length === 1 && only !== undefined) await fs.write(fd, only, position, onWritten)
        else await fs.writeAll(fd, batch, position, onWritten)
      } catch (error) {
        failure = { error }
        forgetQueue()
      }
      noteHeld(-flyingBytes)
      flyingBytes = 0
      wakeForRoom()
      if (chunks === 'copy') for (const done of batch) giveBlock(Buffer.from(done.buffer, 0, BLOCK_BYTES))
    }
  }

  function kick(): void {
    flying ??= fly().finally(() => {
      flying = undefined
      wakeForRoom()
    })
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

  return {
    get writtenBytes() {
      return writtenBytes
    },
    get flushedBytes() {
      return position - startPosition
    },
    write(chunk) {
      fail()
      writtenBytes += chunk.byteLength
      if (chunks === 'own') {
        if (chunk.byteLength > 0) queue.push(chunk)
        queuedBytes += chunk.byteLength
        noteHeld(chunk.byteLength)
      } else {
        for (let at = 0; at < chunk.byteLength; ) {
          block ??= takeBlock()
          const take = Math.min(chunk.byteLength - at, BLOCK_BYTES - blockFilled)
          block.set(chunk.subarray(at, at + take), blockFilled)
          blockFilled += take
          at += take
          if (blockFilled === BLOCK_BYTES) sealBlock()
        }
      }
      if (queuedBytes >= BLOCK_BYTES) kick()
      return queuedBytes + flyingBytes >= heldLimitBytes() ? untilRoom() : undefined
    },
    async end() {
      fail()
      sealBlock()
      // More than once: a flight that is just ending takes nothing that was queued behind it.
      while (queue.length > 0 || flying !== undefined) {
        kick()
        await settle()
        if (stopped) break
        fail()
      }
      fail()
    },
    async stop() {
      stopped = true
      await settle()
      forgetQueue()
    },
  }
}
