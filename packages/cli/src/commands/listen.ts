import type { Server } from 'node:http'
import { UsageError } from '../exit-codes.ts'

/** Begins to listen; answers the address as a URL. @throws UsageError for a port that cannot be had */
export function listenOn(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE')
        reject(new UsageError(`port ${port} is in use: stop what listens there, or give --port`))
      else if (error.code === 'EACCES')
        reject(new UsageError(`port ${port} may not be opened by this user: give --port`))
      else reject(error)
    })
    server.listen(port, host, () => {
      const address = server.address()
      const actual = typeof address === 'object' && address !== null ? address.port : port
      resolve(`http://${host.includes(':') ? `[${host}]` : host}:${actual}`)
    })
  })
}
