import { readdirSync, readlinkSync } from 'node:fs'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { fsStore } from '@mediakeep/adapters/fs'
import { sqliteCatalog } from '@mediakeep/adapters/sqlite'
import { createMediaStore, type MediaStore } from '@mediakeep/core'
import { type Random, seededRandom } from '@mediakeep/testkit'
import type { Part, PartInput, PartResult, Violation } from '../harness/part.ts'

const BODY_BYTES = 400_000
const PIECE_BYTES = 7_001
const REASON = new Error('the caller went away')

export const aborts: Part = {
  name: 'aborts',
  about: 'aborts puts and reads at random offsets',
  unit: 'aborts',
  fullCount: 200,
  run: abortMany,
}

async function abortMany({ folder, count, seed, signal, progress }: PartInput): Promise<PartResult> {
  const violations: Violation[] = []
  let done = 0
  const store = await createMediaStore({
    catalog: sqliteCatalog({ file: join(folder, 'catalog.sqlite') }),
    tiers: [{ name: 'disk', store: fsStore({ root: join(folder, 'volume') }), capacityBytes: 1e9 }],
    limits: { memoryBodyBytes: 65_536 },
    reads: { cacheBytes: 0, verifiedForMs: 0 },
    upkeep: { intervalMs: 0 },
  })
  try {
    await store.put(bytesOf(seed), { at: { key: 'read' } })
    for (; done < count && !signal.aborted; done++) {
      const current = seed + done
      const timers = timersNow()
      const broken = await abortOnce(store, folder, seededRandom(current), current)
      for (const what of [...broken, ...(await leftovers(store, folder, timers))])
        violations.push({ what, replay: `--seed ${current} --count 1` })
      progress(done)
    }
    return { done, violations }
  } finally {
    await store.close()
  }
}

/** No type's mark, and other bytes for each number. */
const bytesOf = (number: number): Buffer => Buffer.alloc(BODY_BYTES, `\0\0${number} `)

/** Aborts one act; what it answers is its own, so long as it is the caller's reason or a success. */
async function abortOnce(
  store: MediaStore,
  folder: string,
  random: Random,
  number: number,
): Promise<readonly string[]> {
  const caller = new AbortController()
  const atBytes = random.integer(0, BODY_BYTES + PIECE_BYTES)
  const { signal } = caller
  const pieces = async function* (): AsyncGenerator<Buffer> {
    const bytes = bytesOf(number)
    for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES) {
      if (at >= atBytes) caller.abort(REASON)
      yield bytes.subarray(at, at + PIECE_BYTES)
    }
    setImmediate(() => caller.abort(REASON))
  }
  let received = 0
  const slowly = new Writable({
    write(chunk: Buffer, _encoding, next) {
      received += chunk.byteLength
      if (received >= atBytes) caller.abort(REASON)
      setImmediate(next)
    },
  })
  const acts = [
    () => store.put(Readable.from(pieces()), { signal }),
    () => store.put(pieces(), { signal, at: { key: 'replaced' }, sizeBytes: BODY_BYTES }),
    async () => {
      const path = join(folder, `given-${number}`)
      await writeFile(path, bytesOf(number))
      const onProgress = (bytes: number): void => void (bytes >= atBytes && caller.abort(REASON))
      await store.put({ path }, { signal, onProgress })
    },
    async () => {
      await using reader = await store.open({ key: 'read' }, { signal })
      await reader.writeTo(slowly, { signal })
    },
    async () => {
      await using reader = await store.open({ key: 'read' }, { signal })
      for await (const chunk of reader.stream()) {
        received += (chunk as Buffer).byteLength
        if (received >= atBytes) caller.abort(REASON)
      }
    },
  ]
  try {
    await acts[random.integer(0, acts.length)]?.()
    return []
  } catch (error) {
    return error === REASON ? [] : [`aborted at ${atBytes} bytes, it answers ${String(error)}`]
  } finally {
    slowly.destroy()
  }
}

/** Nothing is held for an act that is over: no unfinished file, no descriptor of one, no timer, no room. */
async function leftovers(store: MediaStore, folder: string, timers: number): Promise<readonly string[]> {
  const deadline = performance.now() + 5_000
  for (;;) {
    const left = await heldNow(store, folder, timers)
    // What was told to end ends a little after its caller was answered.
    if (left.length === 0 || performance.now() > deadline) return left
    await new Promise((resolve) => setImmediate(resolve))
  }
}

async function heldNow(store: MediaStore, folder: string, timers: number): Promise<readonly string[]> {
  const left: string[] = []
  for (const name of await readdir(join(folder, 'volume'), { recursive: true }))
    if (name.includes('~') || name.startsWith('staging/')) left.push(`left behind: ${name}`)
  for (const path of openPaths())
    if (path.startsWith(folder) && (path.includes('~') || path.includes('(deleted)')))
      left.push(`open: ${path}`)
  if (timersNow() > timers) left.push(`${timersNow() - timers} timers more than before`)
  const reserved = (await store.tiers.status())[0]?.volumes[0]?.reservedBytes
  if (reserved !== 0) left.push(`${reserved} bytes reserved`)
  const sessions = await store.uploads.list()
  if (sessions.length > 0) left.push(`${sessions.length} sessions`)
  return left
}

const timersNow = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length

/** Where the system tells; elsewhere files and rooms alone are looked at. */
function openPaths(): readonly string[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)]
    } catch {
      return [] // closed since
    }
  })
}
