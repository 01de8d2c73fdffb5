import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import {
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type RequestListener,
  type Server,
} from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import {
  type Access,
  createMediaStore,
  type MediaStore,
  type MediaStoreOptions,
  memoryCatalog,
  memoryStore,
  type Principal,
} from '@mediakeep/core'
import { ownersOnly } from './router/access.ts'

/** A whole picture of one pixel. */
export const PNG: Buffer = Buffer.from(
  '89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000b49444154789c6360000200000500017a5eab3f0000000049454e44ae426082',
  'hex',
)

/** The same picture with a text in it: other bytes, and as whole. */
export function pngWith(text: string): Buffer {
  const chunk = Buffer.from(`tEXtComment\0${text}`, 'latin1')
  const frame = Buffer.alloc(chunk.length + 8)
  frame.writeUInt32BE(chunk.length - 4, 0)
  frame.set(chunk, 4)
  frame.writeUInt32BE(crc32(chunk), chunk.length + 4)
  const endBytes = 12
  return Buffer.concat([PNG.subarray(0, -endBytes), frame, PNG.subarray(-endBytes)])
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly json: Record<string, unknown>
  /** Of the media that the body is. */
  readonly id: string
}

export interface Ask {
  readonly method?: string
  readonly headers?: Record<string, string | string[]>
  readonly body?: Buffer | string
}

/** A server on a free loopback port. */
export interface Wire {
  readonly port: number
  readonly server: Server
  ask(path: string, options?: Ask): Promise<Answer>
  /** Sends bytes as they are, and answers all that comes back until the server closes. */
  raw(...pieces: readonly (Buffer | string)[]): Promise<string>
  socket(): Promise<Socket>
  close(): Promise<void>
}

export async function wireOf(server: Server): Promise<Wire> {
  if (!server.listening) {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  }
  const { port } = server.address() as AddressInfo
  const socket = async (): Promise<Socket> => {
    const opened = connect(port, '127.0.0.1')
    opened.on('error', () => {})
    await once(opened, 'connect')
    return opened
  }
  return {
    port,
    server,
    socket,
    ask: (path, options = {}) =>
      new Promise((resolve, reject) => {
        const { method = 'GET', headers = {}, body } = options
        const sent = httpRequest(
          { port, host: '127.0.0.1', path, method, headers, agent: false },
          (response) => {
            const chunks: Buffer[] = []
            response.on('data', (chunk: Buffer) => chunks.push(chunk))
            response.on('error', reject)
            response.on('end', () => {
              const whole = Buffer.concat(chunks)
              const json = (): Record<string, unknown> =>
                JSON.parse(whole.toString('utf8')) as Record<string, unknown>
              resolve({
                status: response.statusCode ?? 0,
                headers: response.headers,
                body: whole,
                get json() {
                  return json()
                },
                get id() {
                  return String(json()['id'])
                },
              })
            })
          },
        )
        sent.on('error', reject)
        sent.end(body)
      }),
    async raw(...pieces) {
      const opened = await socket()
      let text = ''
      opened.setEncoding('latin1').on('data', (chunk: string) => {
        text += chunk
      })
      for (const piece of pieces) opened.write(piece)
      await once(opened, 'close')
      return text
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export function serve(listener: RequestListener): Promise<Wire> {
  return wireOf(createServer(listener))
}

export async function memoryMedia(options: Partial<MediaStoreOptions> = {}): Promise<MediaStore> {
  return createMediaStore({
    tiers: [{ name: 'memory', store: memoryStore() }],
    catalog: memoryCatalog(),
    upkeep: { intervalMs: 0 },
    ...options,
  })
}

/** The same on parts that live in a folder, which goes with the store. */
export function folderMedia(
  partsIn: (root: string) => Pick<MediaStoreOptions, 'tiers' | 'catalog'>,
): typeof memoryMedia {
  return async (options) => {
    const root = await mkdtemp(join(tmpdir(), 'mediakeep-express-'))
    const store = await memoryMedia({ ...partsIn(root), ...options })
    const { close } = store
    return Object.assign(store, {
      async close() {
        await close.call(store)
        await rm(root, { recursive: true, force: true })
      },
    })
  }
}

/** Room to write again, or the end of the connection. */
export function writable(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      socket.off('drain', settle)
      socket.off('close', settle)
      resolve()
    }
    socket.on('drain', settle)
    socket.on('close', settle)
  })
}

/** `Authorization: as NAME` signs in as that principal, `as !NAME` as an admin; `bad` is refused. */
export function namedAccess(): Access {
  return ownersOnly({
    authenticate({ headers }): Principal | undefined {
      const name = /^as (.+)$/.exec(headers.authorization ?? '')?.[1]
      if (name === undefined) return undefined
      return name.startsWith('!') ? { id: name.slice(1), admin: true } : { id: name }
    },
  })
}

/** A form of text fields and files, as `curl -F` and browsers send it. */
export function formOf(
  parts: readonly (readonly [name: string, value: string | Buffer, filename?: string, type?: string])[],
  boundary = 'FORM',
): { headers: Record<string, string>; body: Buffer } {
  const pieces = parts.flatMap(([name, value, filename, type]) => [
    Buffer.from(
      `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${filename === undefined ? '' : `; filename="${filename}"`}\r\n${type === undefined ? '' : `Content-Type: ${type}\r\n`}\r\n`,
    ),
    Buffer.from(value),
    Buffer.from('\r\n'),
  ])
  return {
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    body: Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)]),
  }
}
