import type { Writable } from 'node:stream'
import type { BlockReader, VerifiedBlock } from '../cas/verified-blocks.ts'
import { MediaError } from '../errors/media-error.ts'

/**
 * Writes every block to `destination` without ending it. One block is being written while the next is read;
 * a block is given back only when the destination says that it has been written.
 */
export async function writeBlocks(
  blocks: BlockReader,
  destination: Writable,
  signal: AbortSignal | undefined,
): Promise<void> {
  const end = endOf(destination, signal)
  try {
    let writing: Promise<void> | undefined
    for (;;) {
      const block = await Promise.race([blocks.next(), end.promise])
      if (block === undefined) break
      if (writing !== undefined) await Promise.race([writing, end.promise])
      writing = write(destination, block)
      writing.catch(() => {})
    }
    if (writing !== undefined) await Promise.race([writing, end.promise])
  } finally {
    end.forget()
  }
}

function write(destination: Writable, block: VerifiedBlock): Promise<void> {
  return new Promise((resolve, reject) => {
    destination.write(block.bytes, (error) => {
      block.give()
      if (error === null || error === undefined) resolve()
      else reject(error)
    })
  })
}

/** Rejects when the destination closes or the signal aborts: a destroyed response never calls back its writes. */
function endOf(
  destination: Writable,
  signal: AbortSignal | undefined,
): { promise: Promise<never>; forget(): void } {
  let forget = (): void => {}
  const promise = new Promise<never>((_, reject) => {
    const onClose = (): void =>
      reject(new MediaError('MEDIA_CLOSED', 'the receiver went away', { reason: 'receiver-gone' }))
    const onAbort = (): void => reject(signal?.reason)
    forget = () => {
      destination.off('close', onClose).off('error', reject)
      signal?.removeEventListener('abort', onAbort)
    }
    if (signal?.aborted === true) onAbort()
    else if (destination.destroyed) onClose()
    destination.on('close', onClose).on('error', reject)
    signal?.addEventListener('abort', onAbort, { once: true })
  })
  promise.catch(() => {})
  return { promise, forget }
}
