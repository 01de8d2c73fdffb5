import { getEventListeners } from 'node:events'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { type ByteSource, bytesSource, MiB, type ScanVerdict } from '@mediakeep/core'
import { fakeClock } from '@mediakeep/testkit'
import { afterEach, expect, test } from 'vitest'
import { type ClamavScanner, type ClamavScannerOptions, clamavScanner } from './index.ts'
import {
  type FakeClamd,
  type FakeTalk,
  startFakeClamd,
  usualTalk,
  VERSION,
} from './testing/fake-clamd.fixture.ts'
import { about, piecesSource, textSource, tracked, zerosSource } from './testing/source.fixture.ts'

const CLEAN = '2: stream: OK\0'
const version = { engine: 'ClamAV 1.4.6', database: '7/Sun Nov 22 04:00:00 2026' }
const unavailable = (reason: string): object => ({ code: 'MEDIA_UNAVAILABLE', reason, retryable: true })

const servers: FakeClamd[] = []
const scanners: ClamavScanner[] = []
/** A scanner before a server that talks so. */
async function before(
  talk: (talk: FakeTalk) => Promise<Buffer | void>,
  options: ClamavScannerOptions = {},
): Promise<{ server: FakeClamd; scanner: ClamavScanner; scan(source?: ByteSource): Promise<ScanVerdict> }> {
  const server = await startFakeClamd(talk)
  servers.push(server)
  const scanner = clamavScanner({ port: server.port, ...options })
  scanners.push(scanner)
  return { server, scanner, scan: (source = textSource('a body')) => scanner.scan(source, about) }
}
afterEach(async () => {
  await Promise.all(scanners.splice(0).map((scanner) => scanner.close()))
  // Ours are closed by then, without help.
  await Promise.all(servers.map((server) => server.idle()))
  await Promise.all(servers.splice(0).map((server) => server.close()))
})
const never = (): Promise<never> => new Promise(() => {})

/** A source that gives one piece and then waits until it is destroyed. */
const waitingSource = (): ByteSource => ({
  sizeBytes: 100,
  open() {
    let given = false
    return new Readable({
      read() {
        if (!given) this.push(Buffer.alloc(10))
        given = true
      },
    })
  },
})

test('a body arrives whole and unchanged, in frames that clamd counts', async () => {
  const { server, scan } = await before(usualTalk(CLEAN))
  const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, at) => at % 251))
  for (const source of [bytesSource(bytes), piecesSource(bytes, 70_001), textSource('')])
    expect(await scan(source)).toEqual({ verdict: 'clean', ...version })
  expect(server.bodies.map((body) => body.length)).toEqual([300_000, 300_000, 0])
  expect(server.bodies[0]?.equals(bytes) && server.bodies[1]?.equals(bytes)).toBe(true)
})

test('a scan leaves nothing behind: no timer, no listener, no stream, no connection', async () => {
  const clock = fakeClock()
  const { server, scanner } = await before(usualTalk(CLEAN), { clock })
  const { signal } = new AbortController()
  const source = tracked(textSource('a body'))
  expect(await scanner.scan(source, { ...about, signal })).toMatchObject({ verdict: 'clean' })
  expect(clock.pendingTimers).toBe(0)
  expect(getEventListeners(signal, 'abort')).toEqual([])
  expect(source.streams.map((stream) => stream.destroyed)).toEqual([true])
  await server.idle()
})

test('answers that come in two pieces are the same, wherever they are cut', async () => {
  for (const verdict of [CLEAN, '2: stream: X FOUND\0', '2: INSTREAM size limit exceeded. ERROR\0']) {
    const whole = await (await before(usualTalk(verdict))).scan()
    const answer = `1: ${VERSION}\0`
    for (let at = 0; at <= Math.max(verdict.length, answer.length); at++) {
      const { scan } = await before(async (talk) => {
        const sayIn2 = async (text: string): Promise<void> => {
          talk.say(text.slice(0, at))
          await new Promise((resolve) => setImmediate(resolve))
          talk.say(text.slice(at))
        }
        talk.socket.setNoDelay(true)
        await talk.command()
        await talk.command()
        await sayIn2(answer)
        await talk.command()
        await talk.body()
        await sayIn2(verdict)
      })
      expect(await scan(), `${verdict} cut at ${at}`).toEqual(whole)
    }
  }
})

test('an answer that is cut off is none, wherever it is cut', async () => {
  for (const verdict of [CLEAN, '2: stream: X FOUND\0'])
    for (let at = 0; at < verdict.length; at++) {
      const { scan } = await before(async (talk) => {
        await usualTalk('')(talk)
        talk.socket.end(verdict.slice(0, at))
      })
      await expect(scan(), `${verdict} cut off at ${at}`).rejects.toMatchObject(unavailable('scanner-closed'))
    }
})

test('2.10-09 what is no answer of clamd is no verdict', async () => {
  for (const verdict of [
    '\0',
    'stream: OK\0',
    '1: stream: OK\0',
    '22: stream: OK\0',
    '2:stream: OK\0',
    '2: OK\0',
    '2: stream: OK?\0',
    '2: stream: ok\0',
    'HTTP/1.1 200 OK\r\n\r\n\0',
    '2: UNKNOWN COMMAND\0',
  ])
    await expect((await before(usualTalk(verdict))).scan(), verdict).rejects.toMatchObject(
      unavailable('scanner-garbled'),
    )
  for (const answer of [
    '\0',
    'PONG\0',
    `${VERSION}\0`,
    '1: PONG\0',
    `2: ${VERSION}\0`,
    '1: UNKNOWN COMMAND\0',
  ])
    await expect((await before(usualTalk(CLEAN, answer))).scan(), answer).rejects.toMatchObject(
      unavailable('scanner-garbled'),
    )
})

test('an error that clamd tells is no verdict, and its text stays inside', async () => {
  const { scan } = await before(usualTalk('2: stream: /secret/path: Can not open ERROR\0'))
  const error: unknown = await scan().catch((thrown: unknown) => thrown)
  expect(error).toMatchObject(unavailable('scanner-failed'))
  expect(String(error)).not.toContain('secret')
})

test('what is said before the body was there is no verdict but that it is too long', async () => {
  const early =
    (verdict: string) =>
    async (talk: FakeTalk): Promise<void> => {
      await talk.command()
      await talk.command()
      talk.say(`1: ${VERSION}\0`)
      await talk.command()
      talk.say(verdict)
      await talk.body()
    }
  for (const verdict of [CLEAN, '2: stream: X FOUND\0']) {
    const { scan } = await before(early(verdict))
    const source = tracked(waitingSource())
    await expect(scan(source), verdict).rejects.toMatchObject(unavailable('scanner-garbled'))
    expect(source.streams.every((stream) => stream.destroyed)).toBe(true)
  }
  const { scan } = await before(early('2: INSTREAM size limit exceeded. ERROR\0'))
  const source = tracked(waitingSource())
  expect(await scan(source)).toEqual({ verdict: 'unscannable', reason: 'size-limit', ...version })
  expect(source.streams.every((stream) => stream.destroyed)).toBe(true)
})

test('2.10-20 the answer before a reset is read, also when it is met by writing', async () => {
  for (let times = 0; times < 10; times++) {
    const { scan } = await before(async (talk) => {
      await talk.command()
      await talk.command()
      talk.say(`1: ${VERSION}\0`)
      await talk.command()
      talk.socket.write('2: INSTREAM size limit exceeded. ERROR\0', () => talk.socket.resetAndDestroy())
    })
    expect(await scan(zerosSource(20 * MiB))).toMatchObject({ reason: 'size-limit' })
  }
})

test('a connection that closes at any step is no verdict', async () => {
  for (let steps = 0; steps <= 4; steps++) {
    const { scan } = await before(async (talk) => {
      const acts = [
        () => talk.command(),
        () => talk.command(),
        async () => talk.say(`1: ${VERSION}\0`),
        () => talk.command(),
      ]
      for (const act of acts.slice(0, steps)) await act()
      talk.socket.end()
    })
    const source = tracked(waitingSource())
    await expect(scan(source), `after ${steps} steps`).rejects.toMatchObject(unavailable('scanner-closed'))
    expect(source.streams.every((stream) => stream.destroyed)).toBe(true)
  }
})

test('an answer without an end is given up when it is too long', async () => {
  for (const text of [
    'x'.repeat(100_000),
    'x\0'.repeat(100_000),
    `2: stream: ${'x'.repeat(2_000)} FOUND\0`,
  ]) {
    const { scan } = await before(usualTalk(text))
    await expect(scan()).rejects.toMatchObject(unavailable('scanner-garbled'))
  }
})

test('2.10-10 an answer that comes byte by byte, or not at all, is given up in time, whatever waits for it', async () => {
  const steps: ((talk: FakeTalk) => Promise<unknown>)[] = [
    never,
    async (talk) => {
      await usualTalk('')(talk)
      await never()
    },
    async (talk) => {
      await usualTalk('')(talk)
      for (const byte of CLEAN.slice(0, -2)) {
        talk.say(byte)
        await new Promise((resolve) => setImmediate(resolve))
      }
      await never()
    },
  ]
  for (const step of steps) {
    const clock = fakeClock()
    const asked = signalled()
    const { scan } = await before(
      async (talk) => {
        asked.tell()
        await step(talk)
      },
      { clock, timeoutMs: 3_600_000, idleTimeoutMs: 60_000 },
    )
    const scanned = scan().catch((error: unknown) => error)
    await asked.told
    await advanceUntil(clock, scanned)
    expect(await scanned).toMatchObject(unavailable('scanner-timeout'))
    expect(clock.pendingTimers).toBe(0)
  }
})

test('bytes that are not taken are given up in time, and so is a source that waits', async () => {
  for (const source of [zerosSource(64 * MiB), waitingSource()]) {
    const clock = fakeClock()
    const asked = signalled()
    const sockets: Socket[] = []
    const { scan } = await before(
      async (talk) => {
        await talk.command()
        await talk.command()
        talk.say(`1: ${VERSION}\0`)
        await talk.command()
        talk.socket.pause()
        sockets.push(talk.socket)
        asked.tell()
        await never()
      },
      { clock, timeoutMs: 60_000 },
    )
    const opened = tracked(source)
    const scanned = scan(opened).catch((error: unknown) => error)
    await asked.told
    await advanceUntil(clock, scanned)
    expect(await scanned).toMatchObject(unavailable('scanner-timeout'))
    expect(opened.streams.every((stream) => stream.destroyed)).toBe(true)
    expect(clock.pendingTimers).toBe(0)
    for (const socket of sockets) socket.resume()
  }
})

function signalled(): { readonly told: Promise<void>; tell(): void } {
  let tell = (): void => {}
  const told = new Promise<void>((resolve) => {
    tell = resolve
  })
  return { told, tell: () => tell() }
}

/** Lets time pass until it is over. */
async function advanceUntil(clock: ReturnType<typeof fakeClock>, over: Promise<unknown>): Promise<void> {
  let isOver = false
  const end = (): void => {
    isOver = true
  }
  over.then(end, end)
  while (!isOver) {
    await new Promise((resolve) => setImmediate(resolve))
    clock.advance(100)
  }
}

test('an address where nothing listens is no verdict', async () => {
  const { server, scanner } = await before(never)
  await server.close()
  servers.splice(0)
  for (const options of [{ port: server.port }, { socketPath: '/nowhere/clamd.sock' }]) {
    const scanning = clamavScanner(options)
    await expect(scanning.scan(textSource('a'), about)).rejects.toMatchObject(
      unavailable('scanner-unreachable'),
    )
    await expect(scanning.version()).rejects.toMatchObject(unavailable('scanner-unreachable'))
  }
  await scanner.close()
})

test('a connection that does not come about in time is no verdict', async () => {
  const clock = fakeClock()
  const { scan } = await before(usualTalk(CLEAN), { clock, connectTimeoutMs: 1_000 })
  const scanned = scan()
  // Before the system could say that it is there.
  for (let turns = 0; turns < 20; turns++) await Promise.resolve()
  clock.advance(1_000)
  await expect(scanned).rejects.toMatchObject(unavailable('scanner-unreachable'))
  expect(clock.pendingTimers).toBe(0)
})

test('a stream that fails while it is closed disturbs nothing', async () => {
  const { scan } = await before(usualTalk(CLEAN))
  const source = tracked({
    sizeBytes: 15,
    open: () =>
      new Readable({
        read() {
          this.push(Buffer.alloc(10))
        },
        destroy(_error, done) {
          setImmediate(() => done(new Error('cannot be closed')))
        },
      }),
  })
  await expect(scan(source)).rejects.toMatchObject({ code: 'MEDIA_BAD_INPUT' })
  await expect.poll(() => source.streams[0]?.closed).toBe(true)
})

test('one who ends and reads no more is no verdict, at once', async () => {
  const sockets: Socket[] = []
  const { scan } = await before(
    async (talk) => {
      sockets.push(talk.socket)
      await talk.command()
      await talk.command()
      talk.say(`1: ${VERSION}\0`)
      await talk.command()
      talk.socket.pause()
      talk.socket.end()
    },
    { clock: fakeClock() },
  )
  await expect(scan(zerosSource(64 * MiB))).rejects.toMatchObject(unavailable('scanner-closed'))
  for (const socket of sockets) socket.resume()
})

test('a body above maxStreamBytes is unscannable without a connection, one of that length is sent', async () => {
  const { server, scan } = await before(usualTalk(CLEAN), { maxStreamBytes: 10 })
  expect(await scan(textSource('eleven byte'))).toEqual({
    verdict: 'unscannable',
    reason: 'size-limit',
    engine: 'ClamAV',
    database: 'not-asked',
  })
  expect(server.mostConnections).toBe(0)
  expect(await scan(textSource('ten bytes.'))).toMatchObject({ verdict: 'clean' })
})

test('a source that gives less or more than it declares, or fails, is no verdict', async () => {
  const { server, scan } = await before(usualTalk(CLEAN))
  const broken = new Error('the disk broke')
  const lying = (sizeBytes: number): ByteSource => ({ ...textSource('a body'), sizeBytes })
  for (const sizeBytes of [5, 7])
    await expect(scan(lying(sizeBytes))).rejects.toMatchObject({
      code: 'MEDIA_BAD_INPUT',
      reason: 'size-mismatch',
    })
  for (const at of [0, 10])
    await expect(
      scan(
        piecesSource(Buffer.alloc(20), 10, async (start) => {
          if (start === at) throw broken
        }),
      ),
    ).rejects.toBe(broken)
  await expect(
    scan({
      sizeBytes: 1,
      open() {
        throw broken
      },
    }),
  ).rejects.toBe(broken)
  await server.idle()
  expect(server.bodies).toEqual([])
})

test('the reason of a signal passes through untouched, wherever it comes, and nothing is left', async () => {
  const reason = { why: 'the caller left' }
  const steps: ((talk: FakeTalk) => Promise<unknown>)[] = [
    async () => undefined,
    async (talk) => {
      await talk.command()
      await talk.command()
      talk.say(`1: ${VERSION}\0`)
      await talk.command()
    },
    (talk) => usualTalk('')(talk),
  ]
  for (const step of steps) {
    const reached = signalled()
    const { server, scanner } = await before(async (talk) => {
      await step(talk)
      reached.tell()
      await never()
    })
    const opened = tracked(textSource('a body'))
    const controller = new AbortController()
    const scanned = scanner.scan(opened, { ...about, signal: controller.signal })
    void reached.told.then(() => controller.abort(reason))
    await expect(scanned).rejects.toBe(reason)
    expect(opened.streams.every((stream) => stream.destroyed)).toBe(true)
    await server.idle()
  }
})

test('the reason of a signal passes through untouched while a source waits, and before all', async () => {
  const reason = { why: 'the caller left' }
  const waiting = await before(usualTalk(CLEAN))
  const source = tracked(waitingSource())
  const controller = new AbortController()
  let told: AbortSignal | undefined
  const scanned = waiting.scanner.scan(
    {
      ...source,
      open(options) {
        told = options?.signal
        setImmediate(() => controller.abort(reason))
        return source.open(options)
      },
    },
    { ...about, signal: controller.signal },
  )
  await expect(scanned).rejects.toBe(reason)
  expect(source.streams.map((stream) => stream.destroyed)).toEqual([true])
  expect(told?.reason).toBe(reason)
  const { server, scanner } = await before(never)
  const signal = AbortSignal.abort(reason)
  await expect(scanner.scan(textSource('a'), { ...about, signal })).rejects.toBe(reason)
  await expect(scanner.version({ signal })).rejects.toBe(reason)
  expect(server.mostConnections).toBe(0)
})

test('so many connections at once and no more; who waits can leave the line', async () => {
  let now = 0
  let most = 0
  const { scanner } = await before(
    async (talk) => {
      most = Math.max(most, ++now)
      await usualTalk('')(talk)
      now--
      talk.say(CLEAN)
    },
    { maxConcurrency: 3 },
  )
  const leaving = new AbortController()
  const scans = Array.from({ length: 20 }, (_, at) =>
    scanner.scan(textSource(`${at}`), at === 10 ? { ...about, signal: leaving.signal } : about),
  )
  leaving.abort('no time')
  const ends = await Promise.allSettled(scans)
  expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(19)
  expect(ends[10]).toEqual({ status: 'rejected', reason: 'no time' })
  expect(most).toBe(3)
})

test('a line that is too long is refused', async () => {
  const { scanner } = await before(never, { maxConcurrency: 1 })
  const scans = Array.from({ length: 1_026 }, () => scanner.scan(textSource('a'), about))
  await expect(scans[1_025]).rejects.toMatchObject({ code: 'MEDIA_BUSY', reason: 'too-many-scans' })
  await Promise.all([scanner.close(), Promise.allSettled(scans)])
})

test('close() ends scans under way and those that wait; later ones are refused', async () => {
  const { server, scanner } = await before(never, { maxConcurrency: 1 })
  const source = tracked(waitingSource())
  const scans = [scanner.scan(source, about), scanner.scan(source, about), scanner.version()]
  const ends = Promise.allSettled(scans)
  await scanner.close()
  for (const end of await ends) expect(end).toMatchObject({ reason: { code: 'MEDIA_CLOSED' } })
  await expect(scanner.scan(source, about)).rejects.toMatchObject({ code: 'MEDIA_CLOSED' })
  await expect(scanner.version()).rejects.toMatchObject({ code: 'MEDIA_CLOSED' })
  await server.idle()
  await scanner.close()
})

test('settings that cannot be are refused', () => {
  for (const options of [
    { port: 0 },
    { port: 65_536 },
    { port: 1.5 },
    { host: '' },
    { socketPath: '' },
    { socketPath: '/a', port: 1 },
    { socketPath: '/a', host: 'h' },
    { timeoutMs: 0 },
    { idleTimeoutMs: Number.NaN },
    { connectTimeoutMs: -1 },
    { maxStreamBytes: -1 },
    { maxConcurrency: 0 },
    { maxConcurrency: 1.5 },
  ] satisfies ClamavScannerOptions[])
    expect(() => clamavScanner(options), JSON.stringify(options)).toThrow(
      expect.objectContaining({ code: 'MEDIA_BAD_INPUT', reason: 'bad-setting' }),
    )
})
