import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { resolve } from 'node:path'
import { MediaError } from '@mediakeep/core'
import { clearSocketFile } from './socket-file.ts'

/** A TCP port, or the path of a unix socket. */
export type ListenOptions =
  | {
      /** 0 takes a free one. */
      readonly port: number
      /** Default `127.0.0.1`: whoever reaches the port can ask, and questions say who the client is. */
      readonly host?: string
    }
  | { readonly path: string }

/** Where connections come in, handed on one by one: that none is held open past its time is told here. */
export interface Door {
  readonly at: { readonly address: string; readonly port?: number }
  /** Takes no more, and cuts off after so long those that have not ended: the server asks them to. */
  close(graceMs: number): Promise<void>
}

/** @throws MediaError MEDIA_CONFLICT where somebody listens on the path, MEDIA_UNAVAILABLE where it cannot be listened. */
export async function openDoor(where: ListenOptions, take: (socket: Socket) => void): Promise<Door> {
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    take(socket)
  })
  const close: Door['close'] = async (graceMs) => {
    const closed = once(server, 'close')
    server.close() // removes the file of a unix socket
    // The server knows sessions, and forgets those that began to close: over TLS Node 20 keeps the socket of one whose
    // client has died, and the port with it, until it is collected as garbage.
    const cutOff = setTimeout(() => {
      for (const socket of sockets) socket.destroy()
    }, graceMs)
    await closed
    clearTimeout(cutOff)
  }
  if ('path' in where) {
    const path = resolve(where.path)
    await clearSocketFile(path)
    await listening(server, path, (onListening) => server.listen(path, onListening))
    return { at: { address: path }, close }
  }
  const { port, host = '127.0.0.1' } = where
  const shownHost = host.includes(':') ? `[${host}]` : host
  await listening(server, `${shownHost}:${port}`, (onListening) => server.listen(port, host, onListening))
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw cannotListen(`${shownHost}:${port}`, undefined)
  return { at: { address: `${shownHost}:${bound.port}`, port: bound.port }, close }
}

function listening(
  server: Server,
  address: string,
  listen: (onListening: () => void) => void,
): Promise<void> {
  return new Promise((onListening, onFailure) => {
    const fail = (cause: Error): void => onFailure(cannotListen(address, cause))
    server.once('error', fail)
    listen(() => {
      server.off('error', fail)
      onListening()
    })
  })
}

function cannotListen(address: string, cause: Error | undefined): MediaError {
  return new MediaError('MEDIA_UNAVAILABLE', `gate: cannot listen on ${address}`, {
    reason: 'cannot-listen',
    cause,
  })
}
