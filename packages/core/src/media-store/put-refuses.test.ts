import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { digestOf } from '../bytes/digest.ts'
import type { Body } from '../contracts/bytes.ts'
import type { MediaStore } from '../contracts/media-store.ts'
import { memoryStore } from '../memory/object-store/index.ts'
import { bytesOf, expectNothing, fixture, large, small } from './store.fixture.ts'

describe('put() refuses', () => {
  const refusals: readonly (readonly [
    string,
    () => Body,
    Parameters<MediaStore['put']>[1],
    string,
    string | undefined,
  ])[] = [
    ['an empty body', () => new Uint8Array(), {}, 'MEDIA_BAD_INPUT', 'empty-file'],
    ['an empty stream', () => Readable.from([]), {}, 'MEDIA_BAD_INPUT', 'empty-file'],
    [
      'a body shorter than declared',
      () => Readable.from([large]),
      { sizeBytes: large.length + 1 },
      'MEDIA_BAD_INPUT',
      'incomplete-body',
    ],
    [
      'a body longer than declared',
      () => Readable.from([large]),
      { sizeBytes: large.length - 1 },
      'MEDIA_BAD_INPUT',
      'size-mismatch',
    ],
    [
      'another digest than declared',
      () => Readable.from([large]),
      { digest: digestOf(small) },
      'MEDIA_DIGEST_MISMATCH',
      'digest-mismatch',
    ],
    [
      'a type that the bytes contradict',
      () => Readable.from([large]),
      { contentType: 'image/png' },
      'MEDIA_TYPE_REFUSED',
      'content-type-mismatch',
    ],
    [
      'a declared type that no policy takes',
      () => Readable.from([large]),
      { contentType: 'text/html' },
      'MEDIA_TYPE_REFUSED',
      'type-not-allowed',
    ],
    ['a body over the limit', () => Readable.from([large, large]), {}, 'MEDIA_TOO_LARGE', 'entity-too-large'],
    [
      'a declared size over the limit',
      () => Readable.from([small]),
      { sizeBytes: 5_000_001 },
      'MEDIA_TOO_LARGE',
      'entity-too-large',
    ],
    [
      'an unknown id',
      () => small,
      { at: '01a1fe23-448e-7226-b88c-bb377fa62870' },
      'MEDIA_ABSENT',
      'unknown-id',
    ],
    ['a line break in the owner', () => small, { owner: 'a\r\nb' }, 'MEDIA_BAD_INPUT', 'bad-owner'],
    ['a NUL in the name', () => small, { filename: 'a\0.txt' }, 'MEDIA_BAD_INPUT', 'nul-in-name'],
    ['a key that climbs', () => small, { at: { key: 'a/../b' } }, 'MEDIA_BAD_INPUT', 'bad-key'],
    ['what is no body', () => 7 as unknown as Body, {}, 'MEDIA_BAD_INPUT', 'not-bytes'],
    ['a body that fails', () => failing(), {}, 'MEDIA_UNAVAILABLE', undefined],
    [
      'late options that are wrong',
      () => Readable.from([large]),
      { finish: () => ({ tags: ['a'.repeat(10_000)] }) },
      'MEDIA_BAD_INPUT',
      undefined,
    ],
    [
      'a late name that the bytes contradict',
      () => Readable.from([large]),
      { finish: () => ({ filename: 'a.png' }) },
      'MEDIA_TYPE_REFUSED',
      'extension-mismatch',
    ],
  ]
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield large
    throw Object.assign(new Error('gone'), { code: 'MEDIA_UNAVAILABLE' })
  }
  for (const [name, body, options, code, reason] of refusals) {
    it(`${name}, and nothing is left`, async () => {
      const made = await fixture({ limits: { maxBodyBytes: 5_000_000 } })
      await expect(made.store.put(body(), options)).rejects.toMatchObject({
        code,
        ...(reason === undefined ? {} : { reason }),
      })
      await expectNothing(made)
      expect(made.events.map(({ type }) => type)).toEqual(['upload.refused'])
    })
  }

  it('a body that is aborted at any of 60 offsets, with the reason untouched, and nothing is left', async () => {
    const made = await fixture()
    for (let step = 0; step < 60; step++) {
      const controller = new AbortController()
      const reason = new Error(`stop ${step}`)
      const abortAt = Math.floor((large.length * step) / 60)
      const pieces = (function* () {
        for (let at = 0; at < large.length; at += 10_000) yield large.subarray(at, at + 10_000)
      })()
      const put = made.store.put(Readable.from(pieces), {
        signal: controller.signal,
        onProgress: (received) => {
          if (received >= abortAt) controller.abort(reason)
        },
      })
      await expect(put).rejects.toBe(reason)
    }
    await expectNothing(made)
  })

  it('more uploads than the limit before it reads their bodies', async () => {
    const { store } = await fixture({ limits: { maxUploadsInFlight: 1 } })
    let open = (): void => {}
    const first = store.put(
      (async function* () {
        await new Promise<void>((resolve) => {
          open = resolve
        })
        yield small
      })(),
    )
    let read = false
    const second = store.put(
      (async function* () {
        read = true
        yield small
      })(),
    )
    await expect(second).rejects.toMatchObject({ code: 'MEDIA_BUSY', reason: 'too-many-uploads' })
    await expect(store.admit({})).rejects.toMatchObject({ code: 'MEDIA_BUSY' })
    expect(read).toBe(false)
    open()
    await first
    await store.put(small)
  })

  it('what does not fit the capacity, and takes it again when room returns', async () => {
    const made = await fixture()
    await made.store.close()
    const objects = memoryStore()
    const { store } = await fixture({ tiers: [{ name: 'm', store: objects, capacityBytes: 4_000_000 }] })
    const first = await store.put(Readable.from([large]), { sizeBytes: large.length })
    await expect(
      store.put(Readable.from([randomBytes(2_000_000)]), { sizeBytes: 2_000_000 }),
    ).rejects.toMatchObject({ code: 'MEDIA_NO_SPACE' })
    expect((await bytesOf(store, first.id)).equals(large)).toBe(true)
    await store.delete(first.id)
    for await (const _ of store.upkeep.collectGarbage({ graceMs: 0 }));
    await store.put(Readable.from([randomBytes(2_000_000)]), { sizeBytes: 2_000_000 })
  })
})
