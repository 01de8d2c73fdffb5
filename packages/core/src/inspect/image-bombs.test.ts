import { deflateSync } from 'node:zlib'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import {
  avif,
  frameControl,
  gif,
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
  tiff,
  webpCanvas,
  withScans,
  withSegments,
} from './samples.fixture.ts'
import { take } from './take.fixture.ts'

const MiB = 1_048_576
const text = (value: string): Buffer => Buffer.from(value)
const jpeg = (): Promise<Buffer> => picture().jpeg().toBuffer()
const named = (name: string, data: Buffer): Buffer => Buffer.concat([text(name), Buffer.alloc(2), data])

/** Black and white, packed as tight as it goes: 109 KB for 112 MB of rows. */
const blackAndWhite = (side: number): Buffer =>
  png(
    pngHeader(side, side, 1, 0),
    pngChunk('IDAT', deflateSync(Buffer.alloc(side * (1 + Math.ceil(side / 8))), { level: 9 })),
  )

async function animatedWebp(frames: number): Promise<Buffer> {
  const still = await picture(1, 1).webp().toBuffer()
  const frame = riffChunk('ANMF', Buffer.concat([Buffer.alloc(16), still.subarray(12)]))
  return riff(
    'WEBP',
    webpCanvas(1, 1, 2),
    riffChunk('ANIM', Buffer.alloc(6)),
    ...Array.from({ length: frames }, () => frame),
  )
}

const profile = (bytes: number): Buffer[] =>
  Array.from({ length: Math.ceil(bytes / 65_000) }, () =>
    jpegSegment(0xe2, Buffer.concat([text('ICC_PROFILE\0\u0001\u0001'), Buffer.alloc(65_000)])),
  )
const exif = (bytes: number): Buffer[] =>
  Array.from({ length: Math.ceil(bytes / 65_000) }, () =>
    jpegSegment(0xe1, Buffer.concat([text('Exif\0\0II*\0'), Buffer.alloc(65_000)])),
  )

/** Row, what it is, bytes, reason. All are MEDIA_INVALID. */
const rows: readonly (readonly [string, string, () => Buffer | Promise<Buffer>, string])[] = [
  ['2.7-01', 'a PNG of 30,000 x 30,000 pixels in 109 KB', () => blackAndWhite(30_000), 'image-too-large'],
  [
    '2.7-02',
    'a PNG that claims 16,000 x 16,000 and has two lines',
    () => png(pngHeader(16_000, 16_000), pngData(16_000, 2)),
    'image-too-large',
  ],
  [
    '2.7-02b',
    'a PNG that claims 7,000 x 7,000 and has two lines',
    () => png(pngHeader(7_000, 7_000), pngData(7_000, 2)),
    'invalid-image',
  ],
  ['2.7-03', 'a GIF of 10,000 frames', () => gif(10_000), 'too-many-frames'],
  ['2.7-03b', 'a GIF of 900 frames of 2,000 x 2,000', () => gif(900, 2_000, 2_000), 'image-too-large'],
  [
    '2.7-03c',
    'a GIF of one pixel with 900 frames of 2,000 x 2,000',
    () => gif(900, 1, 1, 2_000),
    'image-too-large',
  ],
  [
    '2.7-04',
    'an APNG that says 10,000 frames',
    () => png(pngHeader(3, 2), pngChunk('acTL', Buffer.from([0, 0, 0x27, 0x10, 0, 0, 0, 0])), pngData(3, 2)),
    'too-many-frames',
  ],
  [
    '2.7-04b',
    'an APNG that says nothing and has 1,001 frames',
    () =>
      png(
        pngHeader(3, 2),
        pngData(3, 2),
        ...Array.from({ length: 1_001 }, (_, index) => frameControl(index, 3, 2)),
      ),
    'too-many-frames',
  ],
  ['2.7-05', 'a WebP of 1,001 frames', () => animatedWebp(1_001), 'too-many-frames'],
  ['2.7-06', 'a TIFF of 10,000 pages', () => tiff(10_000), 'too-many-frames'],
  [
    '2.7-06b',
    'a TIFF of 100 pages of 7,000 x 7,000',
    () => tiff(100, { width: 7_000, height: 7_000 }),
    'image-too-large',
  ],
  ['2.7-07', 'a TIFF whose page follows itself', () => tiff(1, { next: () => 8 }), 'invalid-image'],
  [
    '2.7-07b',
    'a TIFF whose last page is followed by its first',
    () => tiff(3, { next: (page, usual) => (page === 2 ? 8 : usual) }),
    'invalid-image',
  ],
  [
    '2.7-08',
    'an icon that is a PNG of 30,000 x 30,000 pixels',
    () => ico(blackAndWhite(30_000)),
    'image-too-large',
  ],
  ['2.7-09', 'an AVIF that claims 16,384 x 16,384', () => avif(16_384, 16_384), 'image-too-large'],
  [
    '2.7-09b',
    'moving pictures of AVIF, shown at 64 x 64 and stored at 16,384 x 16,384',
    () => movie({ brand: 'avis', width: 64, height: 64, stored: [16_384, 16_384] }),
    'image-too-large',
  ],
  [
    '2.7-10',
    'a progressive JPEG of 1,000 scans',
    async () => withScans(await picture().jpeg({ progressive: true }).toBuffer(), 1_000),
    'invalid-image',
  ],
  [
    '2.7-11',
    'a JPEG with a colour profile of 10 MB',
    async () => withSegments(await jpeg(), ...profile(10 * MiB)),
    'metadata-too-large',
  ],
  [
    '2.7-12',
    'a JPEG with EXIF of 1 MB',
    async () => withSegments(await jpeg(), ...exif(MiB)),
    'metadata-too-large',
  ],
  [
    '2.7-13',
    'an interlaced PNG of 8,000 x 8,000',
    () => png(pngHeader(8_000, 8_000, 8, 2, 1), pngData(1, 1)),
    'image-too-large',
  ],
  [
    '2.7-14',
    'a PNG whose text unpacks to 64 MB',
    () =>
      png(
        pngHeader(3, 2),
        pngChunk('zTXt', named('Comment', deflateSync(Buffer.alloc(64 * MiB)))),
        pngData(3, 2),
      ),
    'metadata-too-large',
  ],
  [
    '2.7-14b',
    'a PNG whose texts unpack to 64 MB together',
    () =>
      png(
        pngHeader(3, 2),
        ...Array.from({ length: 16 }, () =>
          pngChunk('zTXt', named('Comment', deflateSync(Buffer.alloc(4 * MiB)))),
        ),
        pngData(3, 2),
      ),
    'metadata-too-large',
  ],
  [
    '2.7-15',
    'a PNG whose colour profile unpacks to 64 MB',
    () =>
      png(pngHeader(3, 2), pngChunk('iCCP', named('p', deflateSync(Buffer.alloc(64 * MiB)))), pngData(3, 2)),
    'metadata-too-large',
  ],
  ['2.7-16', 'a PNG of 0 x 5 pixels', () => png(pngHeader(0, 5), pngData(1, 1)), 'invalid-image'],
  ['2.7-16b', 'a GIF of 0 x 5 pixels', () => gif(1, 0, 5), 'invalid-image'],
  [
    '2.7-18',
    'SVG of a billion laughs',
    () =>
      text(
        '<!DOCTYPE svg [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><svg xmlns="http://www.w3.org/2000/svg">&b;</svg>',
      ),
    'active-content',
  ],
  [
    '2.7-18b',
    'SVG of 40,000 x 40,000 pixels',
    () => text('<svg xmlns="http://www.w3.org/2000/svg" width="40000" height="40000px"/>'),
    'image-too-large',
  ],
  [
    '2.7-22',
    'a PNG that ends within its data',
    () => png(pngHeader(3, 2), pngData(3, 2)).subarray(0, 50),
    'invalid-image',
  ],
  [
    '2.7-22b',
    'a JPEG that ends within its data',
    async () => (await picture(300, 300).jpeg().toBuffer()).subarray(0, -20),
    'invalid-image',
  ],
]

describe('images that are made to harm who decodes them are refused', () => {
  for (const [row, name, bytes, reason] of rows) {
    test(`${row} ${name}: MEDIA_INVALID ${reason}`, async () => {
      const body = await bytes()
      const started = process.cpuUsage()
      await expect(take(body)).rejects.toMatchObject({ code: 'MEDIA_INVALID', reason })
      const { user, system } = process.cpuUsage(started)
      expect(user + system, 'microseconds of processor').toBeLessThan(2_000_000)
    })
  }
})

test('2.7-17 a CMYK JPEG is taken', async () => {
  const cmyk = await picture().toColourspace('cmyk').jpeg().toBuffer()
  expect(await take(cmyk)).toEqual({ contentType: 'image/jpeg', width: 30, height: 20 })
})

test('2.7-21 the decoder that is asked reads no PDF, no JPEG XL, no JPEG 2000, no ImageMagick formats from memory', () => {
  const read = Object.entries(sharp.format).flatMap(([name, { input }]) => (input.buffer ? [name] : []))
  for (const name of ['magick', 'pdf', 'jxl', 'jp2k', 'jp2', 'openslide', 'ppm', 'fits', 'vips'])
    expect(read).not.toContain(name)
  expect(read).toEqual(expect.arrayContaining(['jpeg', 'png', 'webp', 'gif']))
})

test('two readers that differ in what an image is refuse it', async () => {
  // Our walk trusts the frame of the first picture; libjpeg reads no such precision.
  const broken = await jpeg()
  const frame = broken.indexOf(Buffer.from([0xff, 0xc0]))
  broken[frame + 4] = 99
  await expect(take(broken)).rejects.toMatchObject({ code: 'MEDIA_INVALID', reason: 'invalid-image' })
})
