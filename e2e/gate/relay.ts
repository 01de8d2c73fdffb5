import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as pass } from 'node:timers/promises'

/** One address that leads to one server after the other, as the name of a service does. */
export interface Relay {
  readonly port: number
  /** Ends all connections, and leads new ones there. */
  to(port: number): void
  /** From now on every piece of what the server says comes so late; 0: at once. */
  answerAfter(ms: number): void
  stop(): Promise<void>
}

export async function startRelay(first: number): Promise<Relay> {
  let target = first
  let delayMs = 0
  const sockets = new Set<Socket>()
  const server = createServer((incoming) => {
    const outgoing = connect(target, '127.0.0.1')
    for (const [socket, other] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => undefined)
      socket.once('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
    incoming.pipe(outgoing)
    // In order, also when they come sooner from now on.
    let told = Promise.resolve()
    outgoing.on('data', (piece: Buffer) => {
      const dueMs = performance.now() + delayMs
      told = told.then(async () => {
        const leftMs = dueMs - performance.now()
        if (leftMs > 0) await pass(leftMs)
        incoming.write(piece)
      })
    })
  })
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    to(port) {
      target = port
      cut()
    },
    answerAfter(ms) {
      delayMs = ms
    },
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve))
      cut()
      await closed
    },
  }
}
