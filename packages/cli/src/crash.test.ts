import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fsStore } from '@mediakeep/adapters/fs'
import { sqliteCatalog } from '@mediakeep/adapters/sqlite'
import { createMediaStore, type MediaStore, systemClock } from '@mediakeep/core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { bundleProgram } from './bundle.fixture.ts'

const LONG = process.env['MEDIAKEEP_LONG'] === '1'
let programs: string
let folder: string
const children = new Set<ChildProcess>()

beforeAll(async () => {
  programs = await bundleProgram('crash.fixture.ts')
})
afterAll(() => rm(programs, { recursive: true }))
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediakeep-crash-'))
})
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL')
  children.clear()
  await rm(folder, { recursive: true, force: true })
})

interface Run {
  readonly child: ChildProcess
  readonly lines: AsyncIterable<string>
}

function start(mode: string, ...args: readonly (string | number)[]): Run {
  const child = spawn(
    process.execPath,
    [join(programs, 'dist/program.js'), mode, folder, ...args.map(String)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  children.add(child)
  if (child.stdout === null) throw new Error('the child has no output')
  return { child, lines: createInterface({ input: child.stdout }) }
}

/** The same folder a day later: every session is past its time, every leftover is old enough to be swept. */
function openLater(): Promise<MediaStore> {
  const clock = { ...systemClock, now: () => Date.now() + 86_400_000 }
  return createMediaStore({
    clock,
    catalog: sqliteCatalog({ file: join(folder, 'catalog.sqlite'), clock }),
    tiers: [{ name: 'disk', store: fsStore({ root: join(folder, 'volume'), sweepAfterMs: 0, clock }) }],
    upkeep: { intervalMs: 0 },
    reads: { cacheBytes: 0 },
  })
}

async function digestOf(store: MediaStore, ref: Parameters<MediaStore['open']>[0]): Promise<string> {
  const bytes = await (await store.open(ref)).bytes({ maxBytes: 1e9 })
  return createHash('sha256').update(bytes).digest('hex')
}

/** Every record has its bytes; after upkeep the volume holds those of live records and nothing else. */
async function expectWhole(store: MediaStore): Promise<void> {
  const digests = new Set<string>()
  let liveBytes = 0
  for await (const media of store.listAll()) {
    expect(`sha256:${await digestOf(store, media)}`).toBe(media.digest)
    if (!digests.has(String(media.digest))) liveBytes += media.sizeBytes
    digests.add(String(media.digest))
  }
  for await (const _ of store.upkeep.expire()) continue
  for await (const _ of store.upkeep.collectGarbage({ graceMs: 0 })) continue
  const files: string[] = []
  let fileBytes = 0
  for (const shard of await readdir(join(folder, 'volume/objects')))
    for (const name of await readdir(join(folder, 'volume/objects', shard))) {
      files.push(name)
      fileBytes += (await stat(join(folder, 'volume/objects', shard, name))).size
    }
  expect(files.filter((name) => name.includes('~'))).toEqual([])
  expect(new Set(files.map((name) => `sha256:${name.slice(0, 64)}`))).toEqual(digests)
  expect(files).toHaveLength(digests.size)
  expect(fileBytes).toBe(liveBytes)
  expect(await readdir(join(folder, 'volume/staging'))).toEqual([])
  const [disk] = await store.tiers.status()
  expect(disk?.volumes).toMatchObject([{ storedBytes: liveBytes, objects: digests.size, reservedBytes: 0 }])
  expect(await store.uploads.list()).toEqual([])
}

it('keeps every acknowledged media, and no bytes of others, however often its process is killed', {
  timeout: LONG ? 600_000 : 60_000,
}, async () => {
  const kept = new Map<string, string>()
  for (let round = 0; round < (LONG ? 30 : 5); round++) {
    const { child, lines } = start('work', `p${round}`, 1_000_000)
    let said = 0
    const killAt = 2 + Math.floor(Math.random() * 60)
    for await (const line of lines) {
      const [what, id = '', digest = ''] = line.split(' ')
      if (what === 'kept') kept.set(id, digest)
      if (what === 'deleting') kept.delete(id)
      if (++said === killAt) setTimeout(() => child.kill('SIGKILL'), Math.random() * 15)
    }
    const isChecked = !LONG || round % 10 === 9
    if (!isChecked) continue
    const store = await openLater()
    for (const [id, digest] of kept) expect(await digestOf(store, id), `media ${id}`).toBe(digest)
    await expectWhole(store)
    await store.close()
  }
  expect(kept.size).toBeGreaterThan(10)
})

it('has in the journals, whenever its processes are killed, every media that they acknowledged, and no deletion is undone', {
  timeout: LONG ? 600_000 : 60_000,
}, async () => {
  const kept = new Map<string, string>()
  const deleting = new Set<string>()
  const deleted = new Set<string>()
  const runToKill = async (name: string): Promise<void> => {
    const { child, lines } = start('work', name, 1_000_000)
    let said = 0
    let last = ''
    const killAt = 20 + Math.floor(Math.random() * 60)
    for await (const line of lines) {
      const [what, id = '', digest = ''] = line.split(' ')
      if (what === 'kept') kept.set(id, digest)
      // A process that goes on has had the answer.
      if (last !== '') deleted.add(last)
      last = what === 'deleting' ? id : ''
      if (what === 'deleting') deleting.add(id)
      if (++said === killAt) child.kill('SIGKILL')
    }
  }
  for (let round = 0; round < (LONG ? 10 : 2); round++) {
    await Promise.all([runToKill(`a${round}`), runToKill(`b${round}`)])
    const compacting = await openLater()
    for await (const _ of compacting.upkeep.compactJournals()) continue
    await compacting.close()
  }
  for (const name of await readdir(folder))
    if (name.startsWith('catalog.sqlite')) await rm(join(folder, name))
  const store = await openLater()
  const lost: string[] = []
  for await (const progress of store.upkeep.rebuildCatalog())
    lost.push(...progress.lost.map(({ id }) => id).filter((id) => !deleting.has(id)))
  expect(lost).toEqual([])
  for (const [id, digest] of kept) {
    // Whether its deletion was acknowledged nobody knows: the process may have died on the way.
    if (!deleting.has(id)) expect(await digestOf(store, id), `media ${id}`).toBe(digest)
  }
  for (const id of deleted) expect(await store.stat(id), `deleted media ${id}`).toBeUndefined()
  expect(kept.size).toBeGreaterThan(10)
  await store.close()
})

it('gives no wrong bytes and loses none when processes replace, delete, share and collect on one folder at once', {
  timeout: LONG ? 300_000 : 60_000,
}, async () => {
  const runs = Array.from({ length: LONG ? 4 : 2 }, () => start('race', 'x', LONG ? 400 : 40))
  const said = await Promise.all(
    runs.map(async ({ lines }) => {
      const all: string[] = []
      for await (const line of lines) all.push(line)
      return all
    }),
  )
  expect(said.flat().filter((line) => line !== 'open' && line !== 'end')).toEqual([])
  const store = await openLater()
  await expectWhole(store)
  await store.close()
})

it('answers close() and ends by itself when a reader was left open', async () => {
  const { child, lines } = start('reader left open')
  const said: string[] = []
  const exit = once(child, 'exit')
  for await (const line of lines) said.push(line)
  expect((await exit)[0]).toBe(0)
  expect(said).toEqual(['open', 'closed', 'end'])
})

it('does not keep a process alive that forgets to close its store', async () => {
  const { child, lines } = start('forgets to close')
  const said: string[] = []
  const exit = once(child, 'exit')
  for await (const line of lines) said.push(line)
  expect((await exit)[0]).toBe(0)
  expect(said).toEqual(['open', 'end'])
})
