import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMediaStore, memoryCatalog, memoryStore } from '@mediakeep/core'
import { mediaRouter, openAccess } from '@mediakeep/express'
import { FileStore } from '@tus/file-store'
import { Server as ReferenceServer } from '@tus/server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DIFFERENCES, type Difference, explains } from './tus-differences.ts'
import { tusScript } from './tus-script.ts'
import { type Said, speak } from './tus-speaker.ts'

const MAX_BYTES = 1_000_000

async function listen(listener: RequestListener): Promise<{ server: Server; port: number }> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, port: (server.address() as AddressInfo).port }
}

describe('tus: two servers and one script', () => {
  const script = tusScript()
  let ours: readonly Said[]
  let theirs: readonly Said[]
  const ends: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    const store = await createMediaStore({
      tiers: [{ name: 'memory', store: memoryStore() }],
      catalog: memoryCatalog(),
      upkeep: { intervalMs: 0 },
      policies: [{ match: '*', allowUnrecognised: true, maxBytes: MAX_BYTES }],
    })
    const own = await listen(mediaRouter(store, { access: openAccess(), basePath: '/media' }))
    const directory = await mkdtemp(join(tmpdir(), 'mediakeep-tus-'))
    const reference = new ReferenceServer({
      path: '/files',
      relativeLocation: true,
      maxSize: MAX_BYTES,
      datastore: new FileStore({ directory, expirationPeriodInMilliseconds: 86_400_000 }),
    })
    const other = await listen((request, response) => void reference.handle(request, response))
    ends.push(
      async () => new Promise((resolve) => own.server.close(resolve)),
      async () => new Promise((resolve) => other.server.close(resolve)),
      () => store.close(),
      () => rm(directory, { recursive: true, force: true }),
    )
    ours = await speak(new URL(`http://127.0.0.1:${own.port}/media/tus`), script)
    theirs = await speak(new URL(`http://127.0.0.1:${other.port}/files`), script)
  })
  afterAll(async () => {
    for (const end of ends) await end()
  })

  const differences = (): readonly Difference[] =>
    script.flatMap(({ label, method }, at) => {
      const [mine, other] = [ours[at] ?? {}, theirs[at] ?? {}]
      // Of answers that differ in status the rest follows.
      const fields = mine['status'] === other['status'] ? Object.keys({ ...mine, ...other }) : ['status']
      return fields.flatMap((field) =>
        mine[field] === other[field]
          ? []
          : [{ request: `${method}: ${label}`, field, ours: mine[field], theirs: other[field] }],
      )
    })

  it('is long enough to tell them apart', () => {
    expect(script.length).toBeGreaterThanOrEqual(200)
  })

  it('every difference from the reference server is one that the protocol explains', () => {
    const unexplained = differences().filter(
      (difference) => !DIFFERENCES.some((row) => explains(row, difference)),
    )
    expect(unexplained).toEqual([])
  })

  it('every explanation explains something', () => {
    const all = differences()
    const idle = DIFFERENCES.filter((row) => !all.some((difference) => explains(row, difference)))
    expect(idle).toEqual([])
  })
})
