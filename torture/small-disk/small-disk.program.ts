import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { fsStore } from '@mediakeep/adapters/fs'
import { sqliteCatalog } from '@mediakeep/adapters/sqlite'
import { createMediaStore, isMediaError, type MediaStore } from '@mediakeep/core'
import { bodyOf, hashOf, hashOfBody } from '../writers/bodies.ts'
import { createJournal } from '../writers/journal.ts'
import { fillDisk } from './fill.ts'

/** Media that are there before the disk is full. Their sizes go round all of `SIZES` but the largest. */
const BEFORE = [10, 11, 12, 13, 14, 15, 16, 19, 20]
/** Records of one body, deleted one by one while the disk is full: each delete writes to the log. */
const MANY = 40
/** Acts on the full disk: more than enough for the first to succeed in what was left free. */
const ROUNDS = 12

const [disk = '', file = '', freeBytes = '0', openedWhenFull = ''] = process.argv.slice(2)
const folder = join(disk, 'store')
const ballast = join(disk, 'ballast')
const journal = createJournal(file)

function open(): Promise<MediaStore> {
  return createMediaStore({
    catalog: sqliteCatalog({ file: join(folder, 'catalog.sqlite') }),
    tiers: [{ name: 'disk', store: fsStore({ root: join(folder, 'volume'), stagingHeadRoomBytes: 0 }) }],
    upkeep: { intervalMs: 0 },
    limits: { memoryBodyBytes: 65_536 },
  })
}

async function put(store: MediaStore, key: string, number: number): Promise<void> {
  const bytes = bodyOf(number)
  journal.putting(key, number)
  await store.put(number % 2 === 0 ? bytes : Readable.from([bytes]), { at: { key } })
  journal.put(key, number)
}

async function remove(store: MediaStore, key: string): Promise<void> {
  journal.deleting(key)
  await store.delete({ key })
  journal.deleted(key)
}

/** Either it is done, or it is refused as it must be. */
async function attempt(what: string, act: () => Promise<unknown>): Promise<boolean> {
  try {
    await act()
    return true
  } catch (error) {
    if (!isMediaError(error, 'MEDIA_NO_SPACE')) journal.fault(`${what} on a full disk: ${told(error)}`)
    return false
  }
}

/** What makes room must be done, however full the disk is. */
async function must(what: string, act: () => Promise<unknown>): Promise<void> {
  try {
    await act()
  } catch (error) {
    journal.fault(`${what} with ${freeBytes} bytes free: ${told(error)}`)
  }
}

const told = (error: unknown): string =>
  isMediaError(error) ? `${error.code} ${error.reason} ${error.stack}` : String(error)

async function readAll(store: MediaStore): Promise<void> {
  for (const number of BEFORE) {
    await using reader = await store.open({ key: `before-${number}` })
    if (hashOf(await reader.bytes({ maxBytes: 1e9 })) !== hashOfBody(number))
      journal.fault(`wrong bytes in before-${number}`)
  }
}

async function collect(store: MediaStore): Promise<void> {
  for await (const _ of store.upkeep.expire()) continue
  for await (const _ of store.upkeep.collectGarbage({ graceMs: 0, force: true })) continue
}

async function run(): Promise<void> {
  let store = await open()
  journal.opened()
  for (const number of BEFORE) await put(store, `before-${number}`, number)
  for (let one = 0; one < MANY; one++) await put(store, `many-${one}`, 18)
  if (openedWhenFull !== '') await store.close()
  fillDisk(ballast, Number(freeBytes))
  if (openedWhenFull !== '') store = await open()

  let refused = 0
  for (let round = 0; round < ROUNDS; round++) {
    const kept = [
      await attempt('a put', () => put(store, `new-${round}`, 1_000 + round)),
      await attempt('a replace', () => put(store, 'replaced', 2_000 + round)),
      await attempt('a change', () =>
        store.update({ key: 'before-10' }, { metadata: { note: 'x'.repeat(4_000), round } }),
      ),
    ]
    refused += kept.filter((done) => !done).length
  }
  if (refused === 0) journal.fault('nothing was refused: the disk was not full')
  await must('a read', () => readAll(store))
  await must('a delete', () => remove(store, 'before-14'))
  await must('a delete', () => remove(store, 'before-12'))
  for (let one = 0; one < MANY; one++) await must('a delete of many', () => remove(store, `many-${one}`))
  await must('a collection', () => collect(store))
  rmSync(ballast)
  await must('a put, once there is room,', () => put(store, 'after', 3_000))
  await must('a change, once there is room,', () => store.update({ key: 'after' }, { tags: ['after'] }))
  await store.close()
}

try {
  await run()
} catch (error) {
  journal.fault(told(error))
  process.exitCode = 1
}
journal.close()
