import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'

/** Shorter waits are kept until they add up: timers are no finer. */
const MIN_WAIT_MS = 10

/** A line to the server of this speed that stays when the server goes, and counts what is sent. */
export interface Relay extends AsyncDisposable {
  readonly port: number
  /** Bytes that clients sent, bodies and heads. */
  sentBytes(): number
  /** Resolves when so many were sent, or at the abort. */
  passed(bytes: number, signal: AbortSignal): Promise<void>
}

export async function openRelay(targetPort: () => number, bytesPerSecond: number): Promise<Relay> {
  let sentBytes = 0
  let freeAtMs = 0
  const sockets = new Set<Socket>()
  const waiting = new Set<() => void>()

  /** How long the line is taken by these bytes and all before them. */
  function take(bytes: number): number {
    const nowMs = performance.now()
    freeAtMs = Math.max(freeAtMs, nowMs) + (bytes / bytesPerSecond) * 1000
    return freeAtMs - nowMs
  }

  async function* counted(client: Socket): AsyncGenerator<Buffer> {
    for await (const bytes of client as AsyncIterable<Buffer>) {
      sentBytes += bytes.length
      for (const look of waiting) look()
      const waitMs = take(bytes.length)
      if (waitMs > MIN_WAIT_MS) await delay(waitMs)
      yield bytes
    }
  }

  const server = createServer((client) => {
    const target = connect(targetPort(), '127.0.0.1')
    for (const socket of [client, target]) {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
    }
    // Either end that breaks takes the other one with it.
    const ended = (): void => {
      client.destroy()
      target.destroy()
    }
    pipeline(Readable.from(counted(client)), target).catch(ended)
    pipeline(target, client).then(ended, ended)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    sentBytes: () => sentBytes,
    passed: (bytes, signal) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (sentBytes < bytes && !signal.aborted) return
          waiting.delete(look)
          signal.removeEventListener('abort', look)
          resolve()
        }
        waiting.add(look)
        signal.addEventListener('abort', look)
        look()
      }),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
