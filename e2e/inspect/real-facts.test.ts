import { execFile } from 'node:child_process'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createInspector, fileSource, type Inspector } from '@mediakeep/core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeWithMedia } from '../real-media.ts'

const run = promisify(execFile)
const sound = ['-f', 'lavfi', '-i', 'sine=frequency=440:duration=2:sample_rate=48000']
const film = [...['-f', 'lavfi', '-i', 'testsrc=size=320x180:rate=10:duration=2'], '-pix_fmt', 'yuv420p']
const made = ['-metadata', 'creation_time=2024-06-01T12:30:45Z']

/** Name, content type, how ffmpeg makes it, what is to be learned. Encoders pad sounds by a frame or two. */
const files: readonly (readonly [string, string, readonly string[], object])[] = [
  ['a.flac', 'audio/flac', sound, { durationMs: 2_000 }],
  ['vorbis.ogg', 'audio/ogg', [...sound, '-c:a', 'libvorbis'], { durationMs: expect.closeTo(2_000, -2) }],
  ['a.opus', 'audio/opus', [...sound, '-c:a', 'libopus'], { durationMs: expect.closeTo(2_000, -2) }],
  ['a.m4a', 'audio/mp4', [...sound, '-c:a', 'aac'], { durationMs: expect.closeTo(2_000, -2) }],
  ['variable.mp3', 'audio/mpeg', [...sound, '-q:a', '5'], { durationMs: expect.closeTo(2_000, -2) }],
  ['a.mkv', 'video/x-matroska', [...film, '-c:v', 'mpeg4'], { width: 320, height: 180, durationMs: 2_000 }],
  [
    'a.mov',
    'video/quicktime',
    [...film, '-c:v', 'mpeg4', ...made],
    { width: 320, height: 180, durationMs: 2_000, captureTime: '2024-06-01T12:30:45Z' },
  ],
  [
    'in-parts.mp4',
    'video/mp4',
    [...film, '-c:v', 'mpeg4', '-movflags', 'frag_keyframe+empty_moov'],
    { width: 320, height: 180 },
  ],
  ['a.tiff', 'image/tiff', [...film, '-frames:v', '1'], { width: 320, height: 180 }],
]

describeWithMedia('what ffmpeg writes tells its facts', () => {
  let folder: string
  let inspector: Inspector
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mediakeep-facts-'))
    inspector = createInspector()
  })
  afterAll(async () => {
    await inspector.close()
    await rm(folder, { recursive: true })
  })

  async function factsOf(name: string, contentType: string): Promise<object> {
    const path = join(folder, name)
    const source = fileSource(path, (await stat(path)).size)
    return await inspector.inspect({ source, contentType, filename: name, policy: { match: '*' } })
  }
  const make = (name: string, ...args: readonly string[]): Promise<unknown> =>
    run('ffmpeg', ['-hide_banner', '-loglevel', 'error', '-y', ...args, join(folder, name)])

  for (const [name, contentType, args, facts] of files) {
    it(`${name}: ${contentType}`, async () => {
      await make(name, ...args)
      expect(await factsOf(name, contentType)).toEqual(facts)
    })
  }

  it('a film that lies on its side, as a phone leaves it: as it is shown', async () => {
    await make('flat.mp4', ...film, '-c:v', 'mpeg4')
    const flat = ['-i', join(folder, 'flat.mp4'), '-c', 'copy']
    for (const [degrees, orientation] of [
      [90, 8],
      [180, 3],
      [270, 6],
    ] as const) {
      // To the left. Before ffmpeg 6 it was said in another way.
      await make('turned.mp4', '-display_rotation', `${degrees}`, ...flat).catch(() =>
        make('turned.mp4', ...flat, '-metadata:s:v', `rotate=${degrees}`),
      )
      const size = degrees === 180 ? { width: 320, height: 180 } : { width: 180, height: 320 }
      expect(await factsOf('turned.mp4', 'video/mp4')).toEqual({ ...size, orientation, durationMs: 2_000 })
    }
  })
})
