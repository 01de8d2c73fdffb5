import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { isMediaError } from '../errors/media-error.ts'
import { isFacts } from '../journal/facts.ts'
import { createByteWindow } from './byte-window.ts'
import { phoneExif } from './images/exif.fixture.ts'
import { boxed, cr3, jxl, psd, raf, raw } from './images/raw.fixture.ts'
import { bpg, flif, icns, j2c, jp2, jpegLs, jxr, ktx, xcf } from './images/uncommon.fixture.ts'
import { limitsOf } from './limits.ts'
import { isLookedAt, look } from './look.ts'
import {
  avif,
  box,
  gif,
  INFO,
  ico,
  jpegSegment,
  movie,
  picture,
  png,
  pngChunk,
  pngData,
  pngHeader,
  riff,
  riffChunk,
  TRACKS,
  tar,
  tiff,
  webm,
  withSegments,
  zip,
} from './samples.fixture.ts'

const isLong = process.env['MEDIAKEEP_LONG'] === '1'
const RUNS = isLong ? 1_500 : 200
const REFUSALS = new Set(['MEDIA_INVALID', 'MEDIA_TYPE_REFUSED'])
/** More than any look at such small bodies may do. */
const MAX_STEPS = 20_000

const seeds = new Map<string, Buffer>()

beforeAll(async () => {
  const photo = picture(64, 48)
  const taken = { IFD0: { Make: 'Acme' }, IFD2: { DateTimeOriginal: '2024:06:01 12:30:45' } }
  for (const format of ['jpeg', 'webp', 'avif'] as const)
    seeds.set(`image/${format}`, await photo.clone().withExif(taken).toFormat(format).toBuffer())
  const exif = jpegSegment(0xe1, Buffer.concat([Buffer.from('Exif\0\0'), phoneExif()]))
  seeds.set(
    'image/jpeg',
    Buffer.concat([
      withSegments(seeds.get('image/jpeg') ?? Buffer.alloc(0), exif),
      movie(),
      seeds.get('image/jpeg') ?? Buffer.alloc(0),
    ]),
  )
  seeds.set(
    'image/png',
    png(
      pngHeader(9, 8),
      pngChunk('iCCP', Buffer.from('p\0\0x\x9c\x03\0\0\0\0\x01', 'latin1')),
      pngChunk('eXIf', phoneExif('MM')),
      pngData(9, 8),
    ),
  )
  seeds.set('image/gif', gif(5, 4, 4))
  seeds.set('image/tiff', tiff(4, { width: 5, height: 5 }))
  seeds.set(
    'image/bmp',
    Buffer.concat([
      Buffer.from(
        '424d3a0000000000000036000000280000000100000001000000010018000000000004000000000000000000000000000000000000000000ff00',
        'hex',
      ),
    ]),
  )
  seeds.set('image/x-icon', ico(png(pngHeader(9, 8), pngData(9, 8))))
  seeds.set('image/heic', avif(64, 48))
  seeds.set('image/jxl', boxed(box('Exif', Buffer.alloc(4), phoneExif()), box('jxlc', jxl(30, 20, 6))))
  seeds.set('image/vnd.adobe.photoshop', psd(30, 20))
  seeds.set('image/j2c', j2c(30, 20))
  seeds.set('image/jp2', jp2([30, 20], box('jp2c', j2c(30, 20))))
  seeds.set('image/icns', icns(png(pngHeader(9, 8), pngData(9, 8)), jp2([30, 20])))
  seeds.set('image/jls', jpegLs(30, 20))
  seeds.set('image/vnd.ms-photo', jxr(30, 20))
  seeds.set('image/x-xcf', xcf(30, 20))
  seeds.set('image/ktx', ktx(30, 20))
  seeds.set('image/flif', flif(30, 20, 3))
  seeds.set('image/bpg', bpg(30, 20))
  seeds.set('image/x-adobe-dng', raw(30, 20))
  seeds.set('image/x-fujifilm-raf', raf(30, 20))
  seeds.set('image/x-canon-cr3', cr3(30, 20))
  seeds.set(
    'image/svg+xml',
    Buffer.from(
      '<?xml version="1.0"?><!DOCTYPE svg><svg xmlns="http://www.w3.org/2000/svg" width="5" height="4"><style>a{fill:url(#b)}</style><a href="#x&#x41;"/><![CDATA[x]]><!-- c --></svg>',
    ),
  )
  seeds.set('text/html', Buffer.from('<!doctype html><p class=a b>x<img src="a.png"><style>a{}</style>'))
  seeds.set(
    'application/xml',
    Buffer.from('<?xml version="1.0" encoding="utf-8"?><a xmlns:b="urn:x"><b:c d=\'e\'/></a>'),
  )
  seeds.set('video/mp4', movie({ tracks: 3 }))
  seeds.set('video/webm', webm(INFO, TRACKS))
  seeds.set(
    'video/x-msvideo',
    riff('AVI ', riffChunk('LIST', Buffer.concat([Buffer.from('hdrlavih'), Buffer.alloc(60, 1)]))),
  )
  seeds.set(
    'audio/wav',
    riff('WAVE', riffChunk('fmt ', Buffer.alloc(16, 1)), riffChunk('data', Buffer.alloc(64))),
  )
  seeds.set(
    'audio/mpeg',
    Buffer.concat([
      Buffer.from('ID3\u0003\0\0\0\0\0\u000a', 'latin1'),
      Buffer.alloc(10),
      ...Array.from({ length: 3 }, () => Buffer.concat([Buffer.from('fffb9064', 'hex'), Buffer.alloc(413)])),
    ]),
  )
  seeds.set('audio/flac', Buffer.concat([Buffer.from('664c614380000022', 'hex'), Buffer.alloc(40, 3)]))
  seeds.set(
    'audio/ogg',
    Buffer.concat([
      Buffer.from('OggS\0\u0002', 'latin1'),
      Buffer.alloc(20),
      Buffer.from([1, 19]),
      Buffer.from('OpusHead\u0001\u0002'),
      Buffer.alloc(40),
    ]),
  )
  seeds.set(
    'application/zip',
    zip(
      [
        { name: 'a.txt', data: Buffer.from('hello') },
        { name: 'b/c', data: Buffer.alloc(40) },
      ],
      { comment: 'x' },
    ),
  )
  seeds.set(
    'application/x-tar',
    tar([
      { name: 'a', data: Buffer.from('x') },
      { name: 'L', kind: 'L', data: Buffer.from('long\0') },
      { name: 'b' },
    ]),
  )
  seeds.set('application/gzip', gzipSync('hello '.repeat(50)))
  seeds.set('application/pdf', Buffer.from('%PDF-1.7\n%%EOF\n'))
})

/** Bytes set, cut, doubled and moved at random; numbers that parsers trip over more often than others. */
const change = fc.record({
  kind: fc.constantFrom('set', 'set', 'set', 'number', 'cut', 'double', 'insert'),
  at: fc.nat(),
  value: fc.constantFrom(0, 1, 2, 8, 0x7f, 0x80, 0xfe, 0xff),
  length: fc.integer({ min: 1, max: 64 }),
})

function changed(
  seed: Buffer,
  changes: readonly { kind: string; at: number; value: number; length: number }[],
): Buffer {
  let body = Buffer.from(seed)
  for (const { kind, at: anywhere, value, length } of changes) {
    const at = body.length === 0 ? 0 : anywhere % body.length
    if (kind === 'set' && body.length > 0) body[at] = value
    else if (kind === 'number') body.fill(value, at, Math.min(body.length, at + (length % 8) + 1))
    else if (kind === 'cut') body = Buffer.concat([body.subarray(0, at), body.subarray(at + length)])
    else if (kind === 'double')
      body = Buffer.concat([body.subarray(0, at), body.subarray(at, at + length), body.subarray(at)])
    else body = Buffer.concat([body.subarray(0, at), Buffer.alloc(length, value), body.subarray(at)])
  }
  return body
}

/** Looks into a body and holds the look to its bounds; answers whether it was taken. */
async function tryLook(contentType: string, body: Buffer): Promise<boolean> {
  let readBytes = 0
  const read = async (start: number, endExclusive: number): Promise<Uint8Array> => {
    expect(start).toBeGreaterThanOrEqual(0)
    expect(endExclusive).toBeLessThanOrEqual(body.length)
    expect(endExclusive).toBeGreaterThan(start)
    readBytes += endExclusive - start
    return body.subarray(start, endExclusive)
  }
  const window = createByteWindow(body.length, read, {
    maxReadBytes: 16 * body.length + 65_536,
    maxSteps: MAX_STEPS,
  })
  try {
    const facts = await look({ window, contentType, limits: limitsOf({ match: '*' }, contentType) })
    const { camera: _camera, captureTime: _time, position, ...counts } = facts
    expect(position).toBe(undefined)
    expect(isFacts(JSON.parse(JSON.stringify(facts)))).toBe(true)
    expect(JSON.stringify(facts).length).toBeLessThan(1_500)
    for (const value of Object.values(counts)) {
      expect(Number.isSafeInteger(value), JSON.stringify(facts)).toBe(true)
      expect(value).toBeGreaterThan(0)
    }
    return true
  } catch (error) {
    if (!isMediaError(error) || !REFUSALS.has(error.code)) throw error
    expect(error.reason, error.message).not.toBe('too-complex')
    return false
  } finally {
    expect(readBytes).toBeLessThanOrEqual(16 * body.length + 65_536)
  }
}

describe('no change of a valid body makes a look hang, throw what it must not, or read more than it may', () => {
  test('and unchanged they are all taken', async () => {
    expect(seeds.size).toBeGreaterThan(22)
    for (const [contentType, seed] of seeds) {
      expect(isLookedAt(contentType)).toBe(true)
      expect(await tryLook(contentType, seed), contentType).toBe(true)
    }
  })

  test('a few changes of each', async () => {
    const types = [...seeds.keys()]
    for (const contentType of types) {
      const seed = seeds.get(contentType) ?? Buffer.alloc(0)
      await fc.assert(
        fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 6 }), async (changes) => {
          await tryLook(contentType, changed(seed, changes))
        }),
        { numRuns: RUNS },
      )
    }
  })

  test('every cut of each', async () => {
    for (const [contentType, seed] of seeds) {
      const step = isLong ? 1 : Math.max(1, Math.floor(seed.length / 200))
      for (let length = 0; length < seed.length; length += step)
        await tryLook(contentType, seed.subarray(0, length))
    }
  })

  test('the bytes of one type under the name of another', async () => {
    for (const contentType of seeds.keys())
      for (const body of seeds.values()) await tryLook(contentType, body)
  })

  test('noise', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...seeds.keys()),
        fc.uint8Array({ maxLength: 300 }),
        async (contentType, bytes) => {
          await tryLook(contentType, Buffer.from(bytes))
        },
      ),
      { numRuns: RUNS * 3 },
    )
  })
})
