import { createHash } from 'node:crypto'
import { createWriteStream, existsSync } from 'node:fs'
import { mkdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { noBrowserReason } from '../../e2e/quick-start/chromium.ts'
import type { Part, PartInput, PartResult, Violation } from '../harness/part.ts'
import { type Client, clients } from './clients.ts'
import { openRelay } from './relay.ts'
import { startExampleServer } from './server.ts'

const MIB = 1024 * 1024
const SIZE_BYTES = Number(process.env['MEDIAKEEP_TORTURE_UPLOAD_MIB'] ?? 1024) * MIB
const KILLS = 4
/** Of a good line. What a killed server loses is what came in its last seconds: on loopback that would be all of it. */
const BYTES_PER_SECOND = 32 * MIB
/** An upload that takes longer hangs: each kill costs it 10 s, while the dead process still holds it. */
const LIMIT_MS = 6 * 60_000

/** 1 GiB by the real clients through several `kill -9` of the server, on the example that people start. */
export const uploads: Part = {
  name: 'uploads',
  about: 'sends 1 GiB by tus-js-client and by Uppy in Chromium while the server is killed and started again',
  unit: 'uploads',
  fullCount: clients.length,
  unavailable: async () => noBrowserReason,
  run: sendMany,
}

async function sendMany(input: PartInput): Promise<PartResult> {
  const { count, seed, signal, folder, progress, note } = input
  const violations: Violation[] = []
  const path = join(folder, 'large.bin')
  const digest = await writeBody(path, seed)
  let done = 0
  for (; done < count && !signal.aborted; done++) {
    const number = seed + done
    const client = clients[number % clients.length]
    if (client === undefined) continue
    const replay = `--seed ${number} --count 1`
    try {
      const { line, stored } = await sendOnce(client, {
        path,
        folder: join(folder, `${done}`),
        number,
        signal,
      })
      note(`${client.name}: ${line}`)
      if (stored !== digest)
        violations.push({ what: `${client.name}: other bytes are there than were sent`, replay })
    } catch (error) {
      if (signal.aborted) break
      violations.push({ what: `${client.name}: ${String(error)}`, replay })
    }
    progress(done)
  }
  return { done, violations }
}

/** Bytes of no type, the same for the same seed. */
async function writeBody(path: string, seed: number): Promise<string> {
  const hash = createHash('sha256')
  function* blocks(): Generator<Buffer> {
    const block = Buffer.alloc(MIB, 0xee)
    for (let at = 0; at < SIZE_BYTES; at += MIB) {
      block.write(createHash('sha256').update(`${seed} ${at}`).digest('hex'), 64)
      hash.update(block)
      yield Buffer.from(block)
    }
  }
  await pipeline(Readable.from(blocks()), createWriteStream(path))
  return hash.digest('hex')
}

interface Sent {
  readonly line: string
  /** Of what can be read from the server afterwards. */
  readonly stored: string
}

async function sendOnce(
  client: Client,
  options: {
    readonly path: string
    readonly folder: string
    readonly number: number
    readonly signal: AbortSignal
  },
): Promise<Sent> {
  const { path, folder, number } = options
  const ending = new AbortController()
  const signal = AbortSignal.any([options.signal, ending.signal, AbortSignal.timeout(LIMIT_MS)])
  await mkdir(folder, { recursive: true })
  try {
    const startedMs = performance.now()
    await using server = await startExampleServer(rootFolder(), join(folder, 'data'))
    await using relay = await openRelay(() => server.port, BYTES_PER_SECOND)
    let heard: () => void = () => {}
    let kill = new Promise<void>((resolve) => (heard = resolve))
    let kills = 0
    const killing = (async () => {
      for (let index = 0; index < KILLS; index++) {
        // Anywhere in its share of the body, by the seed.
        const place = (index + ((number * 7919 + index * 104_729) % 1000) / 1000) / KILLS
        await relay.passed(place * SIZE_BYTES, signal)
        if (signal.aborted) return
        await server.killAndRestart()
        kills += 1
        const tell = heard
        kill = new Promise<void>((resolve) => (heard = resolve))
        tell()
      }
    })()
    const url = `http://127.0.0.1:${relay.port}`
    try {
      await client.send({ url, path, scratch: folder, nextKill: () => kill, signal })
    } finally {
      ending.abort()
      await killing
    }
    const seconds = (performance.now() - startedMs) / 1000
    const twiceMib = (relay.sentBytes() - (await stat(path)).size) / MIB
    return {
      line: `${SIZE_BYTES / MIB} MiB, ${kills} kills, ${seconds.toFixed(0)} s, ${twiceMib.toFixed(1)} MiB sent twice`,
      stored: await storedDigest(`http://127.0.0.1:${server.port}`),
    }
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

async function storedDigest(url: string): Promise<string> {
  const { items } = (await (await fetch(`${url}/media`)).json()) as { items: readonly { id: string }[] }
  const hash = createHash('sha256')
  const { body } = await fetch(`${url}/media/${items[0]?.id ?? 'none'}/content`)
  if (body !== null) for await (const bytes of Readable.fromWeb(body)) hash.update(bytes as Buffer)
  return items.length === 1 ? hash.digest('hex') : `${items.length} media are there`
}

/** Of the clone: the programs are bundled to a folder below it. */
function rootFolder(): string {
  let folder = import.meta.dirname
  while (!existsSync(join(folder, 'examples/uploads/server.mjs'))) {
    const above = join(folder, '..')
    if (above === folder) throw new Error('the uploads example is not there')
    folder = above
  }
  return folder
}
