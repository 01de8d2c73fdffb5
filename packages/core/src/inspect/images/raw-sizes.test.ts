import { afterAll, describe, expect, test } from 'vitest'
import { bytesSource } from '../../bytes/source.ts'
import type { MediaFacts } from '../../contracts/media.ts'
import type { MediaPolicy } from '../../contracts/policy.ts'
import { createInspector } from '../index.ts'
import { box } from '../samples.fixture.ts'
import { take } from '../take.fixture.ts'
import { exifMaker, PHONE_FACTS, phoneExif } from './exif.fixture.ts'
import { boxed, cr3, jxl, psd, REAL_JXL, raf, raw, u32be } from './raw.fixture.ts'

const { block, long, text } = exifMaker()

const inspector = createInspector()
afterAll(() => inspector.close())
const as = (contentType: string, body: Buffer, policy: Partial<MediaPolicy> = {}): Promise<MediaFacts> =>
  inspector.inspect({
    source: bytesSource(body),
    contentType,
    filename: 'file',
    policy: { match: 'image/*', ...policy },
  })

describe('sizes of JPEG XL', () => {
  for (const [width, height, hex] of REAL_JXL) {
    test(`${width} x ${height}, as libjxl writes it`, async () => {
      const body = Buffer.from(hex, 'hex')
      expect(await take(body)).toEqual({ contentType: 'image/jxl', width, height })
      expect(await take(boxed(box('jxlc', body)))).toMatchObject({ width, height })
    })
  }

  test('in boxes, cut into pieces of a byte, with EXIF beside it; turned as the codestream says', async () => {
    const pieces = [...jxl(300, 200, 8)].map((byte, index) => box('jxlp', u32be(index), Buffer.from([byte])))
    const body = boxed(box('Exif', u32be(0), phoneExif('MM', 3)), ...pieces)
    expect(await take(body)).toEqual({
      contentType: 'image/jxl',
      width: 200,
      height: 300,
      orientation: 8,
      ...PHONE_FACTS,
    })
  })

  test('of 2^30 pixels a side: MEDIA_INVALID image-too-large; without a header: header-only', async () => {
    for (const body of [jxl(2 ** 30, 2 ** 30), boxed(box('jxlc', jxl(2 ** 30, 1)))])
      await expect(take(body)).rejects.toMatchObject({ code: 'MEDIA_INVALID', reason: 'image-too-large' })
    for (const body of [
      Buffer.from('ff0a', 'hex'),
      boxed(),
      boxed(box('jxlc')),
      boxed(box('jxlp', Buffer.alloc(2))),
    ])
      await expect(take(body)).rejects.toMatchObject({ code: 'MEDIA_TYPE_REFUSED', reason: 'header-only' })
  })

  test('behind 100,000 empty pieces, found in a moment', async () => {
    const empty = Buffer.alloc(12 * 100_000)
    const one = box('jxlp', u32be(0))
    for (let at = 0; at < empty.length; at += 12) one.copy(empty, at)
    expect(await as('image/jxl', boxed(empty, box('jxlc', jxl(3, 2))))).toEqual({ width: 3, height: 2 })
  })
})

describe('sizes of what cameras and Photoshop write', () => {
  const types = [
    'x-adobe-dng',
    'x-nikon-nef',
    'x-sony-arw',
    'x-canon-cr2',
    'x-olympus-orf',
    'x-panasonic-rw2',
    'tiff',
  ]
  const bodies: readonly (readonly [string, (width: number, height: number) => Buffer, object])[] = [
    ...types.map(
      (type) =>
        [`image/${type}`, raw, { width: 200, height: 300, orientation: 8, camera: { make: 'Ac' } }] as const,
    ),
    ['image/vnd.adobe.photoshop', psd, { width: 300, height: 200 }],
    ['image/x-fujifilm-raf', raf, { width: 300, height: 200 }],
    ['image/x-canon-cr3', cr3, { width: 200, height: 300, orientation: 6, camera: { make: 'Acme' } }],
  ]
  for (const [type, make, facts] of bodies) {
    test(`${type}: told, and held to the policy to the last pixel`, async () => {
      expect(await as(type, make(300, 200), { maxPixels: 60_000 })).toEqual(facts)
      const refused = { code: 'MEDIA_INVALID', reason: 'image-too-large' }
      await expect(as(type, make(300, 200), { maxPixels: 59_999 })).rejects.toMatchObject(refused)
      await expect(as(type, make(65_000, 65_000))).rejects.toMatchObject(refused)
    })

    test(`${type}: no cut of it makes the look fail in another way, or read much`, async () => {
      const whole = make(300, 200)
      for (let end = 0; end < whole.length; end++) {
        try {
          await as(type, whole.subarray(0, end))
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/^MEDIA_(?:INVALID|TYPE_REFUSED)$/) })
        }
      }
    })
  }

  test('PSB is PSD of another version; a version that is none: header-only', async () => {
    expect(await take(psd(30, 20, 2))).toMatchObject({ width: 30, height: 20 })
    await expect(take(psd(30, 20, 3))).rejects.toMatchObject({ reason: 'header-only' })
    await expect(take(psd(0, 20))).rejects.toMatchObject({ reason: 'invalid-image' })
  })

  test('EXIF of a RAF is that of its preview', async () => {
    const exif = Buffer.concat([Buffer.from('Exif\0\0'), phoneExif('II', 1)])
    const length = Buffer.alloc(2)
    length.writeUInt16BE(exif.length + 2)
    const preview = Buffer.concat([Buffer.from('ffd8ffe1', 'hex'), length, exif])
    expect(await as('image/x-fujifilm-raf', raf(30, 20, preview))).toEqual({
      width: 30,
      height: 20,
      ...PHONE_FACTS,
    })
  })

  test('one that says no size is taken without, as before: the header tells nothing to hold it to', async () => {
    const none = block({ image: [text(271, 'Acme')] })
    expect(await as('image/x-canon-cr2', none)).toEqual({ camera: { make: 'Acme' } })
    expect(await as('image/x-canon-cr3', box('ftyp', Buffer.from('crx ')))).toEqual({})
    expect(await as('image/x-fujifilm-raf', Buffer.from('FUJIFILMCCD-RAW'))).toEqual({})
  })

  test('directories that lead in circles, by the thousand, or behind the end, end the look', async () => {
    const circle = block({ image: [long(330, 8), long(256, 3), long(257, 2)] })
    expect(await as('image/x-adobe-dng', circle)).toEqual({ width: 3, height: 2 })
    const many = block({
      image: [
        { tag: 330, type: 4, count: 0xffff_ffff, value: Buffer.alloc(8, 0xff) },
        long(256, 3),
        long(257, 2),
      ],
    })
    expect(await as('image/x-adobe-dng', many)).toEqual({ width: 3, height: 2 })
  })
})
