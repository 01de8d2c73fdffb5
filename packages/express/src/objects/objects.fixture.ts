import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net'
import type { ObjectStore } from '@mediakeep/core'
import { continueOnRead } from '../continue-on-read.ts'
import { openAccess } from '../router/access.ts'
import { objectRouter } from './object-router.ts'

export interface ObjectServer {
  readonly port: number
  readonly server: Server
  /** Address of the bucket `kit`. */
  readonly url: string
  /** From now on every connection is broken off at once. */
  isDown: boolean
  close(): Promise<void>
}

/** A real server on a free port with one bucket over the store. */
export async function serveObjects(store: ObjectStore): Promise<ObjectServer> {
  const router = objectRouter({ buckets: { kit: store }, access: openAccess(), basePath: '/objects' })
  const server = continueOnRead(
    createServer((request, response) => {
      if (served.isDown) request.socket.destroy()
      else router(request, response)
    }),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const served: ObjectServer = {
    port,
    server,
    url: `http://127.0.0.1:${port}/objects/kit`,
    isDown: false,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return served
}

export interface CuttingProxy {
  readonly port: number
  /** Ends the n-th connection from now after so many bytes towards the client, or towards the server. */
  cut: { readonly towards: 'client' | 'server'; readonly atByte: number } | undefined
  close(): Promise<void>
}

/** Passes bytes on until it is told to break off. */
export async function cuttingProxy(targetPort: number): Promise<CuttingProxy> {
  const sockets = new Set<Socket>()
  const server = createTcpServer((client) => {
    const { cut } = proxy
    const upstream = connect(targetPort, '127.0.0.1')
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    const pass = (from: Socket, to: Socket, towards: 'client' | 'server'): void => {
      let bytes = 0
      from.on('data', (chunk: Buffer) => {
        bytes += chunk.byteLength
        if (cut?.towards !== towards || bytes <= cut.atByte) {
          if (!to.write(chunk)) {
            from.pause()
            to.once('drain', () => from.resume())
          }
          return
        }
        to.write(chunk.subarray(0, chunk.byteLength - (bytes - cut.atByte)), () => to.destroy())
      })
    }
    pass(client, upstream, 'server')
    pass(upstream, client, 'client')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const proxy: CuttingProxy = {
    port: (server.address() as AddressInfo).port,
    cut: undefined,
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return proxy
}
