import { stat } from 'node:fs/promises'
import { createInspector, fileSource, type Inspector } from '@mediakeep/core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { fixtures } from '../../scripts/fixtures.mjs'
import { describeWithMedia } from '../real-media.ts'

/** What encoders wrote, and what is to be learned of it. Encoders pad sounds by a frame or two. */
const known: Readonly<Record<string, object>> = {
  'photo.png': { width: 1280, height: 960 },
  'photo.jpg': { width: 1280, height: 960, camera: { make: 'Mediakeep Optical', model: 'Fixture One' } },
  'photo.webp': { width: 1280, height: 960 },
  'photo.avif': { width: 1280, height: 960 },
  'moving.gif': { width: 320, height: 240 },
  'drawing.svg': { width: 400, height: 300 },
  'video.mp4': { width: 1280, height: 720, durationMs: 10_000 },
  'video.webm': { width: 640, height: 360, durationMs: expect.closeTo(4_000, -2) },
  'song.mp3': { durationMs: expect.closeTo(6_000, -2) },
  'sound.wav': { durationMs: 2_000 },
  'paper.pdf': {},
  'notes.txt': {},
  'bundle.zip': {},
}

describeWithMedia('files of real tools pass the usual policies, and their facts are known', () => {
  let files: Readonly<Record<string, { readonly path: string; readonly contentType: string }>>
  let inspector: Inspector
  beforeAll(async () => {
    files = await fixtures()
    inspector = createInspector()
  })
  afterAll(() => inspector.close())

  it('none is left out', () => {
    expect(Object.keys(known).toSorted()).toEqual(Object.keys(files).toSorted())
  })

  for (const [name, facts] of Object.entries(known)) {
    it(name, async () => {
      const { path, contentType } = files[name] ?? { path: '', contentType: '' }
      const source = fileSource(path, (await stat(path)).size)
      const input = { source, contentType, filename: name, policy: { match: '*' } }
      expect(await inspector.inspect(input)).toEqual(facts)
    })
  }
})
