import { describe, expect, test } from 'vitest'
import type { MediaFacts } from '../../contracts/media.ts'
import { createByteWindow } from '../byte-window.ts'
import { limitsOf } from '../limits.ts'
import { look } from '../look.ts'
import { box, INFO, movie, TRACKS, webm } from '../samples.fixture.ts'

interface Looked {
  readonly facts: MediaFacts
  readonly readBytes: number
}

/** Looks into a body of which only some places are not zero. */
async function lookAt(
  contentType: string,
  sizeBytes: number,
  pieces: readonly (readonly [at: number, bytes: Buffer])[],
): Promise<Looked> {
  let readBytes = 0
  const read = async (start: number, endExclusive: number): Promise<Uint8Array> => {
    readBytes += endExclusive - start
    const bytes = Buffer.alloc(endExclusive - start)
    for (const [at, piece] of pieces) {
      const from = Math.max(start, at)
      const to = Math.min(endExclusive, at + piece.length)
      if (from < to) piece.copy(bytes, from - start, from - at, to - at)
    }
    return bytes
  }
  const window = createByteWindow(sizeBytes, read, { maxReadBytes: 64 * 2 ** 20 })
  const facts = await look({ window, contentType, limits: limitsOf({ match: '*' }, contentType) })
  return { facts, readBytes }
}
const whole = (contentType: string, body: Buffer): Promise<Looked> =>
  lookAt(contentType, body.length, [[0, body]])

const FILM = movie()
const MOOV = FILM.subarray(FILM.indexOf('moov') - 4)
const EMPTY = box('free')
const START = box('ftyp', Buffer.from('isom\0\0\0\0isom'))
const FACTS = { width: 640, height: 360, durationMs: 2_500 }

/** The data of a film of any length: its size is written in eight bytes. */
function longData(sizeBytes: number): Buffer {
  const head = Buffer.alloc(16)
  head.writeUInt32BE(1)
  head.write('mdat', 4)
  head.writeBigUInt64BE(BigInt(sizeBytes), 8)
  return head
}

describe('hostile films cost a bounded look', () => {
  test('headers behind 5 GiB of data: 128 KiB are read', async () => {
    const dataBytes = 5 * 2 ** 30
    const end = START.length + dataBytes
    const { facts, readBytes } = await lookAt('video/mp4', end + MOOV.length, [
      [0, START],
      [START.length, longData(dataBytes)],
      [end, MOOV],
    ])
    expect(facts).toEqual(FACTS)
    expect(readBytes).toBeLessThan(131_072)
  })

  test('a million boxes before the headers and in them: each byte is read once', async () => {
    const boxes = Buffer.concat(Array.from({ length: 500_000 }, () => EMPTY))
    const body = Buffer.concat([START, boxes, box('moov', boxes, MOOV.subarray(8)), box('mdat')])
    const { facts, readBytes } = await whole('video/mp4', body)
    expect(facts).toEqual(FACTS)
    expect(readBytes).toBeLessThan(body.length * 1.1 + 65_536)
  })

  test('headers that are there twice: the first count', async () => {
    const other = movie({ width: 1, height: 1, duration: 1 })
    const second = other.subarray(other.indexOf('moov') - 4)
    expect((await whole('video/mp4', Buffer.concat([FILM, second]))).facts).toEqual(FACTS)
  })

  test('lengths that cannot be counted are not told', async () => {
    const time = Buffer.alloc(108)
    time[0] = 1
    time.writeUInt32BE(1, 20)
    time.writeBigUInt64BE(2n ** 63n, 24)
    time.writeBigUInt64BE(2n ** 64n - 1n, 4)
    const body = Buffer.concat([START, box('moov', box('mvhd', time)), box('mdat')])
    expect((await whole('video/mp4', body)).facts).toEqual({})
    const longest = await whole('video/mp4', movie({ timescale: 1, duration: 0xffff_fffe }))
    expect(longest.facts.durationMs).toBe(0xffff_fffe * 1_000)
  })

  test('WebM whose time has no parts, or is no number, has no length', async () => {
    for (const bytes of ['7ff0000000000000', '7ff8000000000000', 'fff0000000000000', '7fefffffffffffff']) {
      const at = INFO.indexOf(Buffer.from('4489', 'hex'))
      const info = Buffer.from(INFO)
      const length = (info[at + 2] ?? 0) & 15
      Buffer.from(bytes, 'hex').copy(info, at + 3, 0, length)
      expect((await whole('video/webm', webm(info, TRACKS))).facts).toEqual({ width: 640, height: 360 })
    }
  })
})
