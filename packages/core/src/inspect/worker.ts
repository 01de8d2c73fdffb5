import { parentPort } from 'node:worker_threads'
import { isMediaError } from '../errors/media-error.ts'
import { createByteWindow } from './byte-window.ts'
import { look } from './look.ts'
import type { FromThread, LookMessage, ToThread } from './protocol.ts'

/** The thread that looks into bodies: one at a time, asking the main thread for the bytes it needs. */
function start(): void {
  const port = parentPort
  if (port === null) throw new Error('inspect-worker.js runs as a worker thread only')
  const say = (message: FromThread): void => port.postMessage(message)
  let waiting: ((bytes: Uint8Array) => void) | undefined

  const read = (start: number, endExclusive: number): Promise<Uint8Array> =>
    new Promise((resolve) => {
      waiting = resolve
      say({ type: 'read', start, endExclusive })
    })
  const lookInto = async ({ sizeBytes, contentType, limits, maxReadBytes }: LookMessage): Promise<void> => {
    say({ type: 'begun' })
    try {
      const window = createByteWindow(sizeBytes, read, { maxReadBytes })
      say({ type: 'facts', facts: await look({ window, contentType, limits }) })
    } catch (error) {
      if (isMediaError(error))
        say({ type: 'refused', code: error.code, reason: error.reason, message: error.message })
      else say({ type: 'failed', message: error instanceof Error ? error.message : 'no error' })
    }
  }
  port.on('message', (message: ToThread) => {
    if (message.type === 'look') void lookInto(message)
    else waiting?.(message.bytes)
  })
}

start()
