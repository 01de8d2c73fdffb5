import { createConnection, type Socket } from 'node:net'
import type { MediaError } from '@mediakeep/core'
import { scannerError } from './errors.ts'
import type { ClamavSettings } from './options.ts'

const MAX_REPLY_BYTES = 1_024
/** More than are ever asked for before one is read. */
const MAX_REPLIES = 4

/** One connection, used by one after the other: send, and read what comes back. */
export interface Connection {
  /** Resolves when the bytes have left: with `false` when the other side has answered, or closed, already. */
  send(bytes: Uint8Array): Promise<boolean>
  /**
   * The next reply, also one that came before the connection broke.
   * @throws MediaError MEDIA_UNAVAILABLE `scanner-closed`, `scanner-garbled`, `scanner-timeout`
   */
  reply(): Promise<string>
  /** Calls back once when the other side has answered, or closed: a source that waits need not go on. */
  onAnswer(listener: () => void): void
  /** Resolves when nothing is left of it. */
  close(): Promise<void>
}

/**
 * Connects. The signal ends the connection; why, is then for the caller to say.
 * @throws MediaError MEDIA_UNAVAILABLE `scanner-unreachable`; the reason of a signal that has ended it before
 */
export async function openConnection(settings: ClamavSettings, signal: AbortSignal): Promise<Connection> {
  const { name, address, clock, connectTimeoutMs, idleTimeoutMs } = settings
  signal.throwIfAborted()
  const socket = createConnection(address)
  const replies: string[] = []
  let unfinished = ''
  let isConnected = false
  let isEnded = false
  let fault: MediaError | undefined
  let cause: unknown
  let wake = (): void => {}
  let answered = (): void => {}

  const changed = (): void => {
    wake()
    if (replies.length > 0 || isEnded) answered()
  }
  const end = (error?: MediaError): void => {
    fault ??= error
    isEnded = true
    socket.destroy()
    changed()
  }
  const stop = (): void => end()
  // Of this one talk: it goes with it.
  signal.addEventListener('abort', stop, { once: true })
  socket.setNoDelay(true)
  socket.on('connect', () => {
    isConnected = true
    changed()
  })
  socket.on('data', (chunk: Buffer) => {
    const parts = (unfinished + chunk.toString('latin1')).split('\0')
    unfinished = parts.pop() ?? ''
    replies.push(...parts)
    const isTooMuch =
      replies.length > MAX_REPLIES || [...replies, unfinished].some((text) => text.length > MAX_REPLY_BYTES)
    if (isTooMuch) end(scannerError(name, 'scanner-garbled'))
    else changed()
  })
  socket.on('error', (error) => {
    cause = error
  })
  // Node would first wait until all is written, also by one who reads no more.
  socket.on('end', stop)
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => {
      end()
      resolve()
    })
  })
  readPastFailedWrites(socket)

  /** Waits for it, for the end of the connection, or for the end of our patience, which is a fault. */
  const until = (isSo: () => boolean, waitMs: number, late: () => MediaError): Promise<void> =>
    new Promise((resolve) => {
      const cancel = clock.after(waitMs, () => end(late()))
      wake = () => {
        if (!isSo() && !isEnded) return
        cancel()
        wake = () => {}
        resolve()
      }
      wake()
    })
  const tooSlow = (): MediaError => scannerError(name, 'scanner-timeout')

  const connection: Connection = {
    async send(bytes) {
      if (replies.length > 0 || isEnded) return false
      let isTaken = false
      socket.write(bytes, (error) => {
        isTaken = error === undefined || error === null
        changed()
      })
      await until(() => isTaken || replies.length > 0, idleTimeoutMs, tooSlow)
      return isTaken
    },
    async reply() {
      await until(() => replies.length > 0, idleTimeoutMs, tooSlow)
      const reply = replies.shift()
      if (fault !== undefined) throw fault
      if (reply === undefined) throw scannerError(name, 'scanner-closed', cause)
      return reply
    },
    onAnswer(listener) {
      answered = () => {
        answered = () => {}
        listener()
      }
      changed()
    },
    async close() {
      socket.destroy()
      await closed
    },
  }
  await until(
    () => isConnected,
    connectTimeoutMs,
    () => scannerError(name, 'scanner-unreachable'),
  )
  if (isConnected && !isEnded) return connection
  await connection.close()
  throw fault ?? scannerError(name, 'scanner-unreachable', cause)
}

/**
 * clamd that has had enough answers and closes while we still write. Node destroys a socket whose write failed, and with
 * it the answer that has arrived: so a failed write is left without an end, and reading goes on to its own.
 */
function readPastFailedWrites(socket: Socket): void {
  const write = socket._write.bind(socket)
  socket._write = (chunk, encoding, done) =>
    write(chunk, encoding, (error) => {
      if (error === undefined || error === null) done()
    })
}
