import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { Pool } from 'pg'
import { afterEach, expect, test } from 'vitest'
import { postgresCatalog } from './index.ts'

/* A server that ends each connection in the moment in which it is made, as one that is told to shut down may. */

const message = (type: string, ...parts: readonly Buffer[]): Buffer => {
  const content = Buffer.concat(parts)
  const head = Buffer.alloc(5)
  head.write(type, 0, 'latin1')
  head.writeInt32BE(content.length + 4, 1)
  return Buffer.concat([head, content])
}
const field = (code: string, text: string): Buffer => Buffer.from(`${code}${text}\0`)
/** Authenticated, ready, and ended: in one piece. */
const ANSWER = Buffer.concat([
  message('R', Buffer.from([0, 0, 0, 0])),
  message('Z', Buffer.from('I')),
  message(
    'E',
    field('S', 'FATAL'),
    field('V', 'FATAL'),
    field('C', '57P01'),
    field('M', 'terminating connection due to administrator command'),
    Buffer.from([0]),
  ),
])

const servers: Server[] = []
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))))
})

async function endingServer(): Promise<string> {
  const server = createServer((socket: Socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => socket.end(ANSWER))
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `postgres://u@127.0.0.1:${(server.address() as AddressInfo).port}/d`
}

test('a connection that is ended as soon as it is made ends the call, not the process', async () => {
  const catalog = postgresCatalog({ connectionString: await endingServer() })
  await expect(catalog.open()).rejects.toMatchObject({ code: 'MEDIA_UNAVAILABLE' })
  await catalog.close()
})

test('the same with a pool of the host’s own, which is left as it was', async () => {
  const pool = new Pool({ connectionString: await endingServer() })
  pool.on('error', () => undefined)
  const catalog = postgresCatalog({ pool })
  await expect(catalog.open()).rejects.toMatchObject({ code: 'MEDIA_UNAVAILABLE' })
  await catalog.close()
  expect(pool.listenerCount('connect')).toBe(0)
  await pool.end()
})
