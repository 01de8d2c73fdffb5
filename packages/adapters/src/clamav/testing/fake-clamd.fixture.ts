import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'

/** One connection, as clamd sees it. */
export interface FakeTalk {
  readonly socket: Socket
  /** Up to the next NUL. */
  command(): Promise<string>
  /** What is streamed, up to the frame of length 0. */
  body(): Promise<Buffer>
  say(text: string): void
}

export interface FakeClamd {
  readonly port: number
  /** Bodies that were streamed to their end, by the talks that ask for them. */
  readonly bodies: Buffer[]
  /** Connections now, and the most there were at once. */
  readonly connections: number
  readonly mostConnections: number
  /** Resolves when no connection is left. */
  idle(): Promise<void>
  close(): Promise<void>
}

export const VERSION = 'ClamAV 1.4.6/7/Sun Nov 22 04:00:00 2026'

/** The session of one scan as clamd has it; `verdict` is said, number included, when the body is there. */
export function usualTalk(verdict: string, version = `1: ${VERSION}\0`): (talk: FakeTalk) => Promise<Buffer> {
  return async (talk) => {
    await talk.command()
    await talk.command()
    talk.say(version)
    await talk.command()
    const body = await talk.body()
    talk.say(verdict)
    return body
  }
}

/** A server that talks as it is told: what it throws when the other side left is its own affair. */
export async function startFakeClamd(talk: (talk: FakeTalk) => Promise<Buffer | void>): Promise<FakeClamd> {
  const sockets = new Set<Socket>()
  const bodies: Buffer[] = []
  let most = 0
  let left = (): void => {}
  const server = createServer((socket) => {
    sockets.add(socket)
    most = Math.max(most, sockets.size)
    socket.on('error', () => {})
    socket.on('close', () => {
      sockets.delete(socket)
      if (sockets.size === 0) left()
    })
    talk(talkOn(socket)).then(
      (body) => {
        if (body !== undefined) bodies.push(body)
      },
      () => socket.destroy(),
    )
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    bodies,
    get connections() {
      return sockets.size
    },
    get mostConnections() {
      return most
    },
    idle: () =>
      new Promise((resolve) => {
        left = resolve
        if (sockets.size === 0) resolve()
      }),
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

function talkOn(socket: Socket): FakeTalk {
  let rest = Buffer.alloc(0)
  let isOver = false
  let wake = (): void => {}
  // Read also while nobody asks, so that the end of the other side is seen.
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk])
    wake()
  })
  socket.on('close', () => {
    isOver = true
    wake()
  })
  const more = async (): Promise<void> => {
    if (isOver) throw new Error('the other side left')
    await new Promise<void>((resolve) => {
      wake = resolve
    })
  }
  const take = async (bytes: number): Promise<Buffer> => {
    while (rest.length < bytes) await more()
    const taken = rest.subarray(0, bytes)
    rest = rest.subarray(bytes)
    return taken
  }
  return {
    socket,
    async command() {
      while (!rest.includes(0)) await more()
      const command = (await take(rest.indexOf(0) + 1)).subarray(0, -1)
      return command.toString()
    },
    async body() {
      const frames: Buffer[] = []
      for (;;) {
        const length = (await take(4)).readUInt32BE()
        if (length === 0) return Buffer.concat(frames)
        frames.push(await take(length))
      }
    },
    say: (text) => void socket.write(text, 'latin1'),
  }
}
