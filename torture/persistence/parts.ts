import { constants } from 'node:fs'
import type { FsStore } from '@mediakeep/adapters/fs'
import { type Durability, isMediaError, type Partials, VOLUME_MARKER } from '@mediakeep/core'
import { createDisk, type Disk } from '../fault-fs/disk.ts'
import { type Image, ROOT } from '../simulation/image.ts'
import type { Judged } from './judge.ts'
import { createStateStore, traceOf } from './shapes.ts'
import { cutStates } from './states.ts'
import type { RecordedCall } from './trace.ts'

const part = { name: 'session', part: 0 }
const key = `ab/${'ab'.repeat(32)}.01`
const PIECE_BYTES = 1_300
/** Violations after which no more are looked for. */
const ENOUGH = 10
/** Levels that promise something of parts. */
export const PART_LEVELS = ['durable', 'file'] as const
const pieces = ['1', '2', '3', '4'].map((letter) => Buffer.from(letter.repeat(PIECE_BYTES)))
const [first = Buffer.alloc(0), second = Buffer.alloc(0), third = Buffer.alloc(0), never = Buffer.alloc(0)] =
  pieces
const whole = Buffer.concat([first, second, third])

function partialsOf(store: FsStore): Partials {
  const { partials } = store.staging
  if (partials === undefined) throw new Error('a store of files takes bodies in pieces')
  return partials
}

/** A body that comes in pieces, out of order, by two writers, with bytes at its end that are never synced; and is taken over. */
async function receive(store: FsStore, answered: () => void): Promise<void> {
  const partials = partialsOf(store)
  const one = await partials.open(part)
  await one.write(first, 0)
  await one.sync()
  answered()
  await one.close()
  const other = await partials.open(part)
  await other.write(third, 2 * PIECE_BYTES)
  await other.write(second, PIECE_BYTES)
  await other.sync()
  answered()
  await other.write(never, 3 * PIECE_BYTES)
  await other.close()
  const body = await partials.find({ ...part, sizeBytes: whole.byteLength })
  await store.adopt(key, body?.path ?? '')
  answered()
}

async function bytesOf(stream: AsyncIterable<unknown> | undefined): Promise<Buffer | undefined> {
  if (stream === undefined) return undefined
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) if (chunk instanceof Uint8Array) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** As much of the part as there is, as long as one of the lengths that were ever acknowledged; undefined where there is no part. */
async function longestOf(store: FsStore): Promise<Buffer | undefined> {
  for (const sizeBytes of [whole.byteLength, first.byteLength, 0]) {
    try {
      return await bytesOf((await partialsOf(store).find({ ...part, sizeBytes }))?.open())
    } catch (error) {
      if (!isMediaError(error, 'MEDIA_CORRUPT') || error.reason !== 'part-short') throw error
    }
  }
  return undefined
}

/** A part is absent only on a volume that is there, which its marker tells: the calls that make it. */
function markerOf(image: Image): readonly RecordedCall[] {
  const disk = createDisk({ now: () => 0, order: 'weak' })
  image.apply(disk, 'model')
  const path = `${ROOT}/${VOLUME_MARKER}`
  const node = disk.node(path, 'open')
  if (node.kind !== 'file') throw new Error('the image has no marker')
  const fd = 1
  return [
    { name: 'open', args: [path, constants.O_RDWR | constants.O_CREAT, 0o640], fd },
    { name: 'write', args: [fd, node.bytes, 0, node.bytes.byteLength, 0], fd: undefined },
    { name: 'close', args: [fd], fd: undefined },
  ]
}

const startsWith = (bytes: Buffer | undefined, expected: Buffer): boolean =>
  bytes?.subarray(0, expected.byteLength).equals(expected) === true

/**
 * Whether a level keeps its promise of parts wherever the power is cut: every byte of an acknowledged sync is at its place, in the part
 * or in the object that took it over (`file`: or neither is there at all), no byte is ever at another place, and an object is whole.
 */
export async function judgeParts(options: {
  readonly durability: Durability
  readonly promised: (typeof PART_LEVELS)[number]
  readonly order: Disk['order']
  readonly image: Image
}): Promise<Judged> {
  const { durability, promised, order, image } = options
  const answers: number[] = []
  const trace = await traceOf({ act: receive }, durability, image, (calls) => answers.push(calls))
  const before = [...markerOf(image), ...trace.before]
  const [afterFirst = 0, afterSecond = 0, afterAdopt = 0] = answers
  const storeOn = await createStateStore(image)
  const violations: string[] = []
  let states = 0
  for (const { disk, calls, cut } of cutStates({ ...trace, before }, order)) {
    states++
    if (violations.length >= ENOUGH) break
    const store = storeOn(disk)
    const object = await bytesOf((await store.get(key))?.stream())
    const found = object ?? (await longestOf(store))
    const synced = calls >= afterSecond ? whole : calls >= afterFirst ? first : Buffer.alloc(0)
    const isLost = promised === 'file' ? found !== undefined : synced.byteLength > 0
    if (object !== undefined && !object.equals(whole)) violations.push(`${cut}: the object is not whole`)
    if (isLost && !startsWith(found, synced)) violations.push(`${cut}: synced bytes are lost`)
    if (found?.some((byte, at) => byte !== 0 && byte !== whole[at]))
      violations.push(`${cut}: misplaced bytes`)
    if (promised === 'durable' && calls >= afterAdopt && object === undefined)
      violations.push(`${cut}: the object is lost`)
  }
  return { states, violations }
}
