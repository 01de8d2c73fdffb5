import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { jpegSegment, picture, png, pngChunk, pngData, pngHeader, withSegments } from '../samples.fixture.ts'
import { ANYTHING, take } from '../take.fixture.ts'
import { exifMaker, PHONE_FACTS, PHONE_POSITION, phoneExif } from './exif.fixture.ts'
import { type Exif, readExif } from './exif.ts'

/** Reads a block and counts what it takes. */
async function read(block: Buffer): Promise<{ exif: Exif; reads: number; readBytes: number }> {
  let reads = 0
  let readBytes = 0
  const exif = await readExif((at, length) => {
    reads += 1
    const bytes = block.subarray(at, at + length)
    readBytes += bytes.length
    return bytes
  })
  return { exif, reads, readBytes }
}

/** The most that any block may cost. */
function expectBounded({ exif, reads, readBytes }: Awaited<ReturnType<typeof read>>): void {
  expect(reads).toBeLessThanOrEqual(32)
  expect(readBytes).toBeLessThanOrEqual(32 * 1_024)
  const text = JSON.stringify(exif)
  expect(text.length).toBeLessThan(1_500)
  expect(text).not.toMatch(/[\u0000-\u001f\u007f-\u009f\ufffd\u202e]|\\u00|null/)
}

const tags = (
  name: 'image' | 'camera' | 'position',
  ...entries: Parameters<typeof maker.block>[0]['image'] & object
) => maker.block({ [name]: entries })
const maker = exifMaker()

describe('EXIF', () => {
  for (const order of ['II', 'MM'] as const) {
    test(`of a phone, in the byte order ${order}`, async () => {
      const { exif } = await read(phoneExif(order))
      expect(exif).toEqual({ orientation: 6, ...PHONE_FACTS, position: PHONE_POSITION })
    })
  }

  const exif = phoneExif()
  test('is told of JPEG, PNG, WebP, AVIF and TIFF, turned as they say, without the place', async () => {
    const small = await picture(31, 17).jpeg().toBuffer()
    const marked = Buffer.concat([Buffer.from('Exif\0\0'), exif])
    const jpeg = withSegments(small, jpegSegment(0xe1, marked))
    const withPng = png(pngHeader(31, 17), pngChunk('eXIf', exif), pngData(31, 17))
    for (const body of [jpeg, withPng])
      expect(await take(body)).toEqual({
        contentType: expect.any(String),
        width: 17,
        height: 31,
        orientation: 6,
        ...PHONE_FACTS,
      })
    const scan = maker.block({
      image: [maker.long(256, 31), maker.long(257, 17), maker.short(0x0112, 6), maker.text(0x010f, 'Acme')],
      camera: [maker.text(0x9003, '2024:06:01 12:30:45')],
      position: [maker.text(1, 'S')],
    })
    expect(await take(scan)).toEqual({
      contentType: 'image/tiff',
      width: 17,
      height: 31,
      orientation: 6,
      captureTime: '2024-06-01T12:30:45',
      camera: { make: 'Acme' },
    })
    for (const format of ['webp', 'avif', 'jpeg'] as const) {
      const written = await picture(31, 17)
        .withMetadata({
          orientation: 6,
          exif: {
            IFD0: { Make: 'Acme', Model: 'Phone 3' },
            IFD2: { DateTimeOriginal: '2024:06:01 12:30:45', FNumber: '17/10' },
            IFD3: { GPSLatitudeRef: 'S', GPSLatitude: '33/1 51/1 3540/100' },
          },
        })
        .toFormat(format)
        .toBuffer()
      expect(await take(written), format).toEqual({
        contentType: `image/${format}`,
        width: 17,
        height: 31,
        orientation: 6,
        captureTime: '2024-06-01T12:30:45',
        camera: { make: 'Acme', model: 'Phone 3', fNumber: 1.7 },
      })
    }
  })

  test('each orientation that libheif writes is told as that of a JPEG is', async () => {
    for (let orientation = 1; orientation <= 8; orientation++) {
      const turned = picture(31, 17).withMetadata({ orientation })
      const [jpeg, avif] = [await turned.clone().jpeg().toBuffer(), await turned.clone().avif().toBuffer()]
      const { contentType: _a, ...ofJpeg } = await take(jpeg)
      const { contentType: _b, ...ofAvif } = await take(avif)
      expect(ofAvif, `${orientation}`).toEqual(ofJpeg)
    }
  })

  test('where, when and with what: as the policy says, and nothing more', async () => {
    const body = withSegments(
      await picture(31, 17).jpeg().toBuffer(),
      jpegSegment(0xe1, Buffer.concat([Buffer.from('Exif\0\0'), exif])),
    )
    const size = { contentType: 'image/jpeg', width: 17, height: 31, orientation: 6 }
    const kept = [
      [undefined, { ...size, ...PHONE_FACTS }],
      ['camera', { ...size, ...PHONE_FACTS }],
      ['size', size],
      ['position', { ...size, ...PHONE_FACTS, position: PHONE_POSITION }],
    ] as const
    for (const [facts, told] of kept) {
      const policies = [{ match: 'image/*', ...(facts === undefined ? {} : { facts }) }]
      expect(await take(body, { policies })).toEqual(told)
    }
    expect(await take(body, { policies: ANYTHING })).not.toHaveProperty('position')
  })

  const texts: readonly (readonly [string, string | Buffer, string | undefined])[] = [
    ['of 60,000 bytes is cut', 'x'.repeat(60_000), 'x'.repeat(128)],
    ['is not cut within a character', 'ä'.repeat(100), 'ä'.repeat(64)],
    ['loses controls and what turns text around', 'A\u0007c\u001b[31mme\u202e\u200b\ufeff', 'A c [31mme'],
    ['loses bytes that are no UTF-8', Buffer.from('Acm\xe9\xff', 'latin1'), 'Acm'],
    ['ends at its first NUL', 'Acme\0secret', 'Acme'],
    ['of blanks alone is none', '   \n\t ', undefined],
    ['of nothing is none', '', undefined],
    ['keeps every script', '株式会社 📷', '株式会社 📷'],
  ]
  for (const [name, text, told] of texts) {
    test(`a text ${name}`, async () => {
      const { camera } = (await read(tags('image', maker.text(0x010f, text)))).exif
      expect(camera?.make).toBe(told)
    })
  }

  const times: readonly (readonly [string, string, string | undefined])[] = [
    ['2024:02:29 23:59:59', '-14:00', '2024-02-29T23:59:59-14:00'],
    ['2024-02-29T23:59:59', '', '2024-02-29T23:59:59'],
    ['2023:02:29 23:59:59', '', undefined],
    ['0000:00:00 00:00:00', '', undefined],
    ['    :  :     :  :  ', '', undefined],
    ['2024:01:01 24:00:00', '', undefined],
    ['2024:01:01 10:00:00', '+15:00', '2024-01-01T10:00:00'],
    ['2024:01:01 10:00:00', '<b>', '2024-01-01T10:00:00'],
    ['20240101', '', undefined],
  ]
  for (const [time, offset, told] of times) {
    test(`the time ${time} ${offset} is ${told}`, async () => {
      const { captureTime } = (
        await read(tags('camera', maker.text(0x9003, time), maker.text(0x9011, offset)))
      ).exif
      expect(captureTime).toBe(told)
    })
  }

  test('numbers that are none, or of no camera, are absent', async () => {
    for (const ratio of [
      [1, 0],
      [0, 0],
      [0, 5],
      [0xffff_ffff, 1],
    ] as const) {
      const { exif } = await read(tags('camera', maker.ratios(0x829a, ratio), maker.ratios(0x829d, ratio)))
      expect(exif, ratio.join()).toEqual({})
    }
    expect((await read(tags('camera', maker.short(0x8827, 0)))).exif).toEqual({})
    expect((await read(tags('image', maker.short(0x0112, 9)))).exif).toEqual({})
  })

  test('a place that is none is absent: beyond the poles, without its side, with a part of nothing', async () => {
    const at = (latitude: readonly (readonly [number, number])[], ref: string) =>
      tags(
        'position',
        ...[maker.text(1, ref), maker.ratios(2, ...latitude)],
        ...[maker.text(3, 'W'), maker.ratios(4, [0, 1], [0, 1], [0, 1])],
      )
    const one = [0, 1] as const
    expect((await read(at([[90, 1], one, one], 'N'))).exif).toEqual({
      position: { latitude: 90, longitude: 0 },
    })
    expect(Object.is((await read(at([one, one, one], 'S'))).exif.position?.latitude, 0)).toBe(true)
    for (const block of [
      at([[91, 1], one, one], 'N'),
      at([[9, 1], one, one], 'X'),
      at([[9, 1], one], 'N'),
      at([[9, 0], one, one], 'N'),
    ])
      expect((await read(block)).exif).toEqual({})
  })
})

describe('hostile EXIF costs 32 small reads at most, and tells nothing that is not there', () => {
  const loop = maker.block({
    image: [maker.long(0x8769, 8), maker.long(0x8825, 8), maker.text(0x010f, 'Acme')],
  })
  const big = (value: number): Buffer =>
    maker.block({
      image: [maker.long(0x8769, value), maker.long(0x8825, value)],
    })
  const huge = { tag: 0x010f, type: 2, count: 0xffff_ffff, value: Buffer.from([0xff, 0xff, 0xff, 0xff]) }
  const blocks: readonly (readonly [string, Buffer])[] = [
    ['directories that are each other', loop],
    ['directories behind the end', big(0xffff_ffff)],
    ['directories before the start', big(0)],
    ['a text of 4 GiB behind the end', maker.block({ image: [huge] })],
    [
      'values of no type',
      maker.block({
        image: [
          { ...huge, type: 0 },
          { ...huge, type: 65_535 },
        ],
      }),
    ],
    [
      'ratios by the billion',
      maker.block({ camera: [{ tag: 0x829a, type: 5, count: 0xffff_ffff, value: Buffer.alloc(4, 0xff) }] }),
    ],
    ['65,535 entries', Buffer.concat([Buffer.from('II*\0\u0008\0\0\0'), Buffer.alloc(65_536 * 12, 0xff)])],
    [
      '600 texts of the same tag',
      maker.block({ image: Array.from({ length: 600 }, () => maker.text(0x010f, 'Acme '.repeat(40))) }),
    ],
    ['its first directory behind the end', Buffer.from('MM\0*\xff\xff\xff\xff', 'latin1')],
    ['nothing', Buffer.alloc(0)],
    ['a byte order alone', Buffer.from('II')],
  ]
  for (const [name, block] of blocks) {
    test(name, async () => {
      expectBounded(await read(block))
    })
  }

  test('and no block of any bytes', async () => {
    const good = phoneExif()
    const change = fc.record({
      at: fc.nat(good.length - 1),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { minLength: 1, maxLength: 8 }),
        fc.nat(good.length),
        async (changes, end) => {
          const block = Buffer.from(good)
          for (const { at, bytes } of changes) block.set(bytes.subarray(0, block.length - at), at)
          expectBounded(await read(block))
          expectBounded(await read(block.subarray(0, end)))
        },
      ),
      { numRuns: 1_000 },
    )
  })

  test('never refuses the image that carries it', async () => {
    const small = await picture(31, 17).jpeg().toBuffer()
    for (const [name, block] of blocks) {
      if (block.length > 65_000) continue
      const body = withSegments(small, jpegSegment(0xe1, Buffer.concat([Buffer.from('Exif\0\0'), block])))
      // sharp is not asked: it has its own opinion of EXIF.
      expect(await take(body), name).toMatchObject({ width: 31, height: 17 })
    }
  })
})
