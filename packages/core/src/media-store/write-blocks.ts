import type { Writable } from 'node:stream'
import type { BlockReader, VerifiedBlock } from '../cas/verified-blocks.ts'
import { MediaError } from '../errors/media-error.ts'
import { createInterruption } from '../time/interruption.ts'
import { isWrapped } from './done-on-callback.ts'

/**
 * Writes every block to `destination` without ending it. One block is being written while the next is read;
 * a block is given back only when the destination says that it has been written. Middleware that wraps a response may forget
 * to call back; there only what `write` answers and `drain` set the pace.
 */
export async function writeBlocks(
  blocks: BlockReader,
  destination: Writable,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { wait, interrupt } = createInterruption()
  const forget = listenForEnd(destination, signal, interrupt)
  const drain = isWrapped(destination) ? listenForDrain(destination) : undefined
  try {
    let writing: Promise<void> | undefined
    for (;;) {
      const block = await wait(blocks.next())
      if (block === undefined) break
      if (writing !== undefined) await wait(writing)
      writing = drain === undefined ? write(destination, block) : drain.write(block)
      writing.catch(() => {})
    }
    if (writing !== undefined) await wait(writing)
  } finally {
    drain?.forget()
    forget()
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

interface DrainWriter {
  write(block: VerifiedBlock): Promise<void>
  forget(): void
}

/** One listener for all blocks: a wrapper that takes listeners over to a stream of its own may not give them back. */
function listenForDrain(destination: Writable): DrainWriter {
  let onDrained = (): void => {}
  const onDrain = (): void => onDrained()
  destination.on('drain', onDrain)
  return {
    write: (block) =>
      new Promise((resolve) => {
        onDrained = resolve
        const hasRoom: unknown = destination.write(block.bytes)
        if (hasRoom !== false) resolve()
      }),
    forget: () => void destination.off('drain', onDrain),
  }
}

/** Tells when the destination closes or the signal aborts: a destroyed response never calls back its writes. */
function listenForEnd(
  destination: Writable,
  signal: AbortSignal | undefined,
  onEnd: (reason: unknown) => void,
): () => void {
  const onClose = (): void =>
    onEnd(new MediaError('MEDIA_CLOSED', 'the receiver went away', { reason: 'receiver-gone' }))
  const onAbort = (): void => onEnd(signal?.reason)
  if (signal?.aborted === true) onAbort()
  else if (destination.destroyed) onClose()
  destination.on('close', onClose).on('error', onEnd)
  signal?.addEventListener('abort', onAbort, { once: true })
  return () => {
    destination.off('close', onClose).off('error', onEnd)
    signal?.removeEventListener('abort', onAbort)
  }
}
