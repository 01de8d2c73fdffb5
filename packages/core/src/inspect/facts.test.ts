import { describe, expect, test } from 'vitest'
import {
  avif,
  box,
  gif,
  INFO,
  movie,
  picture,
  png,
  pngChunk,
  pngData,
  pngHeader,
  riff,
  riffChunk,
  TRACKS,
  tiff,
  webm,
} from './samples.fixture.ts'
import { take } from './take.fixture.ts'

const text = (value: string): Buffer => Buffer.from(value)
function wav(seconds: number): Buffer {
  const format = Buffer.alloc(16)
  format.writeUInt32LE(8_000, 8)
  return riff('WAVE', riffChunk('fmt ', format), riffChunk('data', Buffer.alloc(seconds * 8_000)))
}

describe('width, height and duration', () => {
  for (const format of ['jpeg', 'png', 'webp', 'gif', 'avif', 'tiff'] as const) {
    test(`of ${format}`, async () => {
      expect(await take(await picture(31, 17).toFormat(format).toBuffer())).toEqual({
        contentType: `image/${format}`,
        width: 31,
        height: 17,
      })
    })
  }
  for (const format of ['jpeg', 'png', 'webp', 'avif', 'tiff'] as const) {
    test(`of ${format} that lies on its side: as it is shown`, async () => {
      const turned = await picture(31, 17).withMetadata({ orientation: 6 }).toFormat(format).toBuffer()
      expect(await take(turned)).toMatchObject({ width: 17, height: 31 })
    })
  }

  test('of an APNG, with its frames unseen', async () => {
    const animated = png(
      pngHeader(3, 2),
      pngChunk('acTL', Buffer.from([0, 0, 0, 1, 0, 0, 0, 0])),
      pngData(3, 2),
    )
    expect(await take(animated)).toMatchObject({ width: 3, height: 2 })
  })

  test('of an AVIF whose item has no list of properties: the largest', async () => {
    expect(await take(avif(640, 480))).toMatchObject({ width: 640, height: 480 })
  })

  test('of a film whose headers stand behind its data', async () => {
    expect(await take(movie())).toEqual({
      contentType: 'video/mp4',
      width: 640,
      height: 360,
      durationMs: 2_500,
    })
  })

  const turns: readonly (readonly [number, number, number, number, number | undefined])[] = [
    [1, 0, 0, 1, undefined],
    [-1, 0, 0, 1, 2],
    [-1, 0, 0, -1, 3],
    [1, 0, 0, -1, 4],
    [0, 1, 1, 0, 5],
    [0, 1, -1, 0, 6],
    [0, -1, -1, 0, 7],
    [0, -1, 1, 0, 8],
    [0, 0, 0, 0, undefined],
  ]
  for (const [a, b, c, d, orientation] of turns) {
    test(`of a film that is turned by ${a} ${b} ${c} ${d}: orientation ${orientation}`, async () => {
      const isOnItsSide = orientation !== undefined && orientation >= 5
      expect(await take(movie({ turn: [a, b, c, d] }))).toEqual({
        contentType: 'video/mp4',
        ...(isOnItsSide ? { width: 360, height: 640 } : { width: 640, height: 360 }),
        ...(orientation === undefined ? {} : { orientation }),
        durationMs: 2_500,
      })
    })
  }

  test('of a film also when it was made; a clock that nobody set tells nothing', async () => {
    const made = movie({ madeAt: 2_082_844_800 + Date.UTC(2024, 5, 1) / 1000 })
    expect(await take(made)).toMatchObject({ captureTime: '2024-06-01T00:00:00Z' })
    for (const madeAt of [0, 1, 2_082_844_800])
      expect(await take(movie({ madeAt }))).not.toHaveProperty('captureTime')
  })

  test('of a film without a length: only its size', async () => {
    expect(await take(movie({ duration: 0xffff_ffff }))).toEqual({
      contentType: 'video/mp4',
      width: 640,
      height: 360,
    })
  })

  test('of WebM', async () => {
    expect(await take(webm(INFO, TRACKS))).toEqual({
      contentType: 'video/webm',
      width: 640,
      height: 360,
      durationMs: 4_250,
    })
  })

  test('of WAV', async () => {
    expect(await take(wav(3))).toEqual({ contentType: 'audio/wav', durationMs: 3_000 })
  })

  test('of WAV whose writer did not know the length: by what is there', async () => {
    const body = wav(3)
    body.writeUInt32LE(0xffff_ffff, 40)
    expect(await take(body)).toMatchObject({ durationMs: 3_000 })
  })

  test('of a TIFF of several pages: of the first', async () => {
    expect(await take(tiff(3, { width: 5, height: 4 }))).toMatchObject({ width: 5, height: 4 })
  })

  test('of opaque bytes and text: none', async () => {
    expect(await take(text('hello'))).toEqual({ contentType: 'text/plain' })
    expect(await take(Buffer.from([0, 1, 2, 250]))).toEqual({ contentType: 'application/octet-stream' })
  })
})

describe('films are held to their limits', () => {
  const refused: readonly (readonly [string, Buffer, string])[] = [
    [
      'a film whose data lie at an address',
      movie({ reference: box('url ', Buffer.alloc(4), text('http://evil.example/a.mov\0')) }),
      'external-reference',
    ],
    [
      'a film whose data lie in another file',
      movie({ reference: box('alis', Buffer.alloc(4), Buffer.alloc(20)) }),
      'external-reference',
    ],
    ['a film of 1,000 tracks', movie({ tracks: 1_000 }), 'too-many-tracks'],
    ['a film whose seconds have no parts', movie({ timescale: 0 }), 'invalid-media'],
    [
      'a film without headers',
      Buffer.concat([box('ftyp', text('isom\0\0\0\0isom')), box('mdat', Buffer.alloc(64))]),
      'invalid-media',
    ],
    ['a film that ends within its data', movie().subarray(0, 60), 'invalid-media'],
    ['WebM without tracks', webm(INFO), 'invalid-media'],
  ]
  for (const [name, body, reason] of refused) {
    test(`${name}: MEDIA_INVALID ${reason}`, async () => {
      await expect(take(body)).rejects.toMatchObject({ code: 'MEDIA_INVALID', reason })
    })
  }

  test('more pixels than its policy takes: MEDIA_INVALID image-too-large', async () => {
    const policies = [{ match: 'video/*', maxPixels: 640 * 360 - 1 }]
    for (const body of [movie(), webm(INFO, TRACKS), movie({ width: 16, height: 16, stored: [640, 360] })])
      await expect(take(body, { policies })).rejects.toMatchObject({ reason: 'image-too-large' })
    await expect(
      take(movie(), { policies: [{ match: 'video/*', maxPixels: 640 * 360 }] }),
    ).resolves.toBeDefined()
  })
})

describe('an image is held to the numbers of its policy, to the last one', () => {
  const at = (limits: object): object => ({ policies: [{ match: 'image/*', ...limits }] })
  const cases: readonly (readonly [string, Buffer, object, object])[] = [
    ['maxPixels', png(pngHeader(3, 2), pngData(3, 2)), { maxPixels: 6 }, { maxPixels: 5 }],
    ['maxFrames', gif(4), { maxFrames: 4 }, { maxFrames: 3 }],
    ['maxTotalPixels', gif(4, 3, 2), { maxTotalPixels: 24 }, { maxTotalPixels: 23 }],
  ]
  for (const [name, body, enough, tooLittle] of cases) {
    test(name, async () => {
      await expect(take(body, at(enough))).resolves.toBeDefined()
      await expect(take(body, at(tooLittle))).rejects.toMatchObject({ code: 'MEDIA_INVALID' })
    })
  }
})
