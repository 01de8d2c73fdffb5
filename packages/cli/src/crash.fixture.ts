import { createHash, randomInt } from 'node:crypto'
import { Readable } from 'node:stream'
import { isMediaError, type MediaStore } from '@mediakeep/core'
import { openMediaStore } from './open-media-store.ts'

/** Sizes on both sides of every limit that bytes meet: sniffing, chunks, memory, blocks. */
const SIZES = [1, 4_100, 65_536, 65_537, 262_144, 262_145, 1_000_000]

/** Bytes that their number tells, so that another process can name them too. */
export function bytesOf(seed: number): Buffer {
  const size = SIZES[seed % SIZES.length] ?? 1
  const block = createHash('sha256').update(String(seed)).digest()
  return Buffer.alloc(size, block)
}

const say = (...words: unknown[]): void => void process.stdout.write(`${words.join(' ')}\n`)
const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Puts, replaces, deletes and collects until it is killed or has done `rounds`; says what was acknowledged. */
async function work(store: MediaStore, name: string, rounds: number, seeds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const seed = randomInt(seeds)
    const bytes = bytesOf(seed)
    const body = seed % 2 === 0 ? bytes : Readable.from([bytes.subarray(0, 5_000), bytes.subarray(5_000)])
    const key = randomInt(3) === 0 ? `${name}/${seed % 5}` : undefined
    const media = await store.put(body, key === undefined ? {} : { at: { key } })
    if (key === undefined) say('kept', media.id, digestOf(bytes))
    if (key === undefined && randomInt(3) === 0) {
      say('deleting', media.id)
      await store.delete(media.id)
    }
    if (randomInt(10) === 0) for await (const _ of store.upkeep.collectGarbage({ graceMs: 0 })) continue
  }
}

/** Few names and few bytes for all processes: they replace, share and collect what the others are using. */
async function race(store: MediaStore, rounds: number): Promise<void> {
  const acts = [
    (seed: number) => store.put(bytesOf(seed), { at: { key: `k${seed % 3}` } }),
    (seed: number) => store.put(Readable.from([bytesOf(seed)]), { at: { key: `k${seed % 2}` } }),
    (seed: number) => store.delete({ key: `k${seed % 3}` }),
    async () => {
      for await (const _ of store.upkeep.collectGarbage({ graceMs: 0 })) continue
    },
    async (seed: number) => {
      const media = await store.stat({ key: `k${seed % 3}` })
      if (media === undefined) return
      const bytes = await (await store.open(media)).bytes({ maxBytes: 1e9 })
      if (`sha256:${digestOf(bytes)}` !== media.digest) throw new Error('wrong bytes, given with success')
    },
  ]
  const one = async (): Promise<void> => {
    try {
      await acts[randomInt(acts.length)]?.(randomInt(6))
    } catch (error) {
      // Deleted or replaced and collected by another process, without any grace: an honest answer.
      const expected = isMediaError(error, 'MEDIA_ABSENT') || isMediaError(error, 'MEDIA_GONE')
      if (!expected) say('fault', String(error), isMediaError(error) ? error.code : '')
    }
  }
  const lane = async (): Promise<void> => {
    for (let round = 0; round < rounds; round++) await one()
  }
  await Promise.all([lane(), lane(), lane(), lane()])
}

const [mode = '', folder = '', name = '', count = '0', seeds = '60'] = process.argv.slice(2)
if (mode !== '') {
  const store = await openMediaStore(folder, { upkeep: { intervalMs: 0 } })
  say('open')
  if (mode === 'work') await work(store, name, Number(count), Number(seeds))
  if (mode === 'race') await race(store, Number(count))
  if (mode === 'reader left open') {
    const media = await store.put(bytesOf(6))
    await store.open(media)
    await store.close({ graceMs: 300 })
    say('closed')
  }
  if (mode !== 'forgets to close') await store.close()
  say('end')
}
