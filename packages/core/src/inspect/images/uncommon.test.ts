import { describe, expect, test } from 'vitest'
import { box, movie, png, pngData, pngHeader } from '../samples.fixture.ts'
import { take } from '../take.fixture.ts'
import { bpg, flif, icns, j2c, jp2, jpegLs, jxr, ktx, REAL, xcf } from './uncommon.fixture.ts'

const TOO_LARGE = { code: 'MEDIA_INVALID', reason: 'image-too-large' }
const MAKERS: readonly (readonly [string, (width: number, height: number) => Buffer])[] = [
  ['image/j2c', j2c],
  ['image/j2c', (width, height) => j2c(width, height, 1_000)],
  ['image/jp2', (width, height) => jp2([width, height])],
  ['image/icns', (width, height) => icns(Buffer.alloc(64), jp2(undefined, boxedCodestream(width, height)))],
  ['image/jls', jpegLs],
  ['image/vnd.ms-photo', jxr],
  ['image/x-xcf', xcf],
  ['image/ktx', ktx],
  ['image/ktx', (width, height) => ktx(width, height, [0, 0, 1], false)],
  ['image/flif', flif],
  ['image/bpg', bpg],
]
const boxedCodestream = (width: number, height: number): Buffer => {
  const stream = j2c(width, height)
  const head = Buffer.alloc(8)
  head.writeUInt32BE(stream.length + 8)
  head.write('jp2c', 4)
  return Buffer.concat([head, stream])
}

describe('images that no browser shows', () => {
  for (const [contentType, hex] of REAL)
    test(`${contentType} of 123 x 45, as its encoder writes it`, async () => {
      expect(await take(Buffer.from(hex, 'hex'))).toEqual({ contentType, width: 123, height: 45 })
    })

  for (const [index, [contentType, make]] of MAKERS.entries()) {
    test(`${contentType} (${index}): its size is told`, async () => {
      expect(await take(make(640, 480))).toEqual({ contentType, width: 640, height: 480 })
    })
    test(`${contentType} (${index}) of 60,000 x 60,000: MEDIA_INVALID image-too-large`, async () => {
      await expect(take(make(60_000, 60_000))).rejects.toMatchObject(TOO_LARGE)
    })
  }

  for (const [name, body] of [
    ['JPEG 2000', j2c(3, 3).subarray(0, 20)],
    ['JPEG 2000 in boxes', jp2(undefined)],
    ['JPEG-LS', jpegLs(3, 3).subarray(0, 10)],
    ['JPEG XR', jxr(3, 3).subarray(0, 12)],
    ['XCF', xcf(3, 3).subarray(0, 20)],
    ['KTX', ktx(3, 3).subarray(0, 50)],
    ['FLIF', flif(3, 3).subarray(0, 7)],
    ['an animated FLIF', flif(3, 3, 3).subarray(0, 8)],
    ['BPG', bpg(3, 3).subarray(0, 7)],
  ] as const)
    test(`${name} that ends within its header: MEDIA_TYPE_REFUSED header-only`, async () => {
      await expect(take(body)).rejects.toMatchObject({ code: 'MEDIA_TYPE_REFUSED', reason: 'header-only' })
    })

  test('of no pixels, or of fewer than none: MEDIA_INVALID invalid-image', async () => {
    for (const body of [jp2([0, 3]), j2c(-5, 3, 10), jpegLs(3, 0), xcf(0, 0), bpg(0, 3)])
      await expect(take(body)).rejects.toMatchObject({ code: 'MEDIA_INVALID', reason: 'invalid-image' })
  })

  test('the larger of what boxes and codestream of JPEG 2000 say counts', async () => {
    for (const body of [
      jp2([10, 10], boxedCodestream(60_000, 60_000)),
      jp2([60_000, 60_000], boxedCodestream(10, 10)),
      jp2([10, 10], boxedCodestream(10, 10), boxedCodestream(60_000, 60_000)),
    ])
      await expect(take(body)).rejects.toMatchObject(TOO_LARGE)
  })

  test('layers of a texture, frames of a FLIF and pictures of an icon count together', async () => {
    await expect(take(ktx(3, 3, [0, 1_001, 1]))).rejects.toMatchObject({ reason: 'too-many-frames' })
    await expect(take(ktx(7_000, 7_000, [0, 100, 1]))).rejects.toMatchObject(TOO_LARGE)
    await expect(take(flif(3, 3, 1_001))).rejects.toMatchObject({ reason: 'too-many-frames' })
    expect(await take(flif(3, 3, 1_000))).toMatchObject({ width: 3 })
    const picture = png(pngHeader(7_000, 7_000), pngData(1, 1))
    await expect(take(icns(...Array.from({ length: 30 }, () => picture)))).rejects.toMatchObject(TOO_LARGE)
    expect(await take(icns(picture, png(pngHeader(16, 16), pngData(1, 1))))).toMatchObject({ width: 7_000 })
  })

  test('a film of JPEG 2000 is looked into like other films', async () => {
    const film = (width: number, height: number): Buffer =>
      Buffer.concat([box('jP  ', Buffer.from('0d0a870a', 'hex')), movie({ brand: 'mjp2', width, height })])
    expect(await take(film(64, 48))).toMatchObject({ contentType: 'image/mj2', width: 64, durationMs: 2_500 })
    await expect(take(film(60_000, 60_000))).rejects.toMatchObject(TOO_LARGE)
  })

  test('an icon of pictures whose size its names fix is taken as it is', async () => {
    expect(await take(icns(Buffer.alloc(100)))).toEqual({ contentType: 'image/icns' })
  })
})
