import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { digestOf } from '../bytes/digest.ts'
import { KiB, MiB } from '../bytes/sizes.ts'
import type { ObjectStore, Partials, Staging } from '../contracts/object-store.ts'
import { memoryStore } from '../memory/object-store/index.ts'
import {
  body,
  breaking,
  catalog,
  dieWriting,
  expectBytes,
  open,
  openAnew,
  store,
  tus,
  volume,
} from './uploads.fixture.ts'

describe('an upload in pieces', () => {
  test('goes on in another part after a writer that died, and is whole in the end', async () => {
    const bytes = body(900)
    const { id, mediaId } = await store.uploads.create(tus(bytes.length))
    await store.uploads.append(id, bytes.subarray(0, 300), { offsetBytes: 0 })
    await dieWriting(id)
    await store.uploads.append(id, bytes.subarray(300, 500), { offsetBytes: 300 })
    await dieWriting(id)
    await dieWriting(id)
    await store.uploads.append(id, bytes.subarray(500), { offsetBytes: 500, complete: true })
    await expectBytes(mediaId, bytes)
    expect(volume.parts.size).toBe(0)
  })

  test('becomes the media whose id was told when it was created', async () => {
    const bytes = body(3 * MiB)
    const { id, mediaId, state, offsetBytes } = await store.uploads.create(tus(bytes.length))
    expect({ state, offsetBytes }).toEqual({ state: 'created', offsetBytes: 0 })
    const first = await store.uploads.append(id, bytes.subarray(0, MiB), { offsetBytes: 0 })
    expect(first).toMatchObject({ state: 'receiving', offsetBytes: MiB })
    const second = await store.uploads.append(id, Readable.from([bytes.subarray(MiB)]), {
      offsetBytes: MiB,
    })
    expect(second).toMatchObject({ state: 'received', offsetBytes: bytes.length })
    const media = await store.uploads.complete(id)
    expect(media).toMatchObject({ id: mediaId, digest: digestOf(bytes), state: 'active', owner: 'ann' })
    await expectBytes(mediaId, bytes)
    expect(await store.uploads.get(id)).toMatchObject({ state: 'active', mediaId })
    expect(await store.uploads.complete(id)).toEqual(media)
  })

  test('is completed by its last piece when it is asked to be', async () => {
    const bytes = body(MiB)
    const { id } = await store.uploads.create(tus(bytes.length))
    const { media, state } = await store.uploads.append(id, bytes, { offsetBytes: 0, complete: true })
    expect(state).toBe('active')
    expect(media?.digest).toBe(digestOf(bytes))
  })

  test('asks before it is completed by its last piece; a refusal leaves all bytes', async () => {
    const bytes = body(MiB)
    const { id, mediaId } = await store.uploads.create(tus(bytes.length))
    const complete = async (): Promise<void> => {
      expect((await store.uploads.get(id))?.state).toBe('receiving')
      throw new Error('not any more')
    }
    await expect(store.uploads.append(id, bytes, { offsetBytes: 0, complete })).rejects.toThrow(
      'not any more',
    )
    expect(await store.uploads.get(id)).toMatchObject({ offsetBytes: bytes.length })
    await store.uploads.complete(id)
    await expectBytes(mediaId, bytes)
  })

  test('of chunks that came in order and were written again has the digest of what there is', async () => {
    const bytes = body(3 * MiB)
    const { id, mediaId } = await store.uploads.create({
      ...tus(bytes.length),
      door: 'chunked',
      chunkBytes: MiB,
    })
    const put = (index: number, chunk: Buffer) => store.uploads.putChunk(id, chunk, { index })
    await put(0, bytes.subarray(0, MiB))
    await put(1, body(MiB))
    await Promise.all([put(2, bytes.subarray(2 * MiB)), put(1, bytes.subarray(MiB, 2 * MiB))])
    const media = await store.uploads.complete(id)
    expect(media.digest).toBe(digestOf(bytes))
    await expectBytes(mediaId, bytes)
  })

  test('is told of while a long piece comes: who dies in the middle of it loses a bounded part', async () => {
    const piece = body(MiB)
    const { id } = await store.uploads.create(tus(80 * MiB))
    let told = 0
    const pieces = Readable.from(
      (async function* () {
        for (let sent = 0; sent < 80; sent++) {
          if (sent === 70) told = (await store.uploads.get(id))?.offsetBytes ?? 0
          yield piece
        }
      })(),
    )
    await store.uploads.append(id, pieces, { offsetBytes: 0 })
    expect(told).toBe(64 * MiB)
  })

  test('keeps what came before its line broke, and goes on there', async () => {
    const bytes = body(600 * KiB)
    const { id, mediaId } = await store.uploads.create(tus(bytes.length))
    const broken = await breaking(bytes.subarray(0, 250 * KiB))
    await expect(store.uploads.append(id, broken, { offsetBytes: 0 })).rejects.toThrow('the line broke')
    const after = await store.uploads.get(id)
    expect(after).toMatchObject({ state: 'receiving', offsetBytes: 250 * KiB })
    await store.uploads.append(id, bytes.subarray(250 * KiB), { offsetBytes: 250 * KiB, complete: true })
    await expectBytes(mediaId, bytes)
  })

  test('is continued by another store over the same catalog and volume', async () => {
    const bytes = body(600 * KiB)
    const { id, mediaId } = await store.uploads.create(tus(bytes.length))
    await store.uploads.append(id, bytes.subarray(0, 100), { offsetBytes: 0 })
    await store.uploads.append(id, bytes.subarray(100), { offsetBytes: 100 })
    const other = await open()
    const media = await other.uploads.complete(id)
    expect(media).toMatchObject({ id: mediaId, digest: digestOf(bytes) })
    await expectBytes(mediaId, bytes)
  })

  test('refuses a piece at another offset, and does not read it', async () => {
    const { id } = await store.uploads.create(tus(100))
    await store.uploads.append(id, body(10), { offsetBytes: 0 })
    let wasRead = false
    const unread = Readable.from(
      (async function* () {
        wasRead = true
        yield body(1)
      })(),
    )
    for (const offsetBytes of [0, 9, 11])
      await expect(store.uploads.append(id, unread, { offsetBytes })).rejects.toMatchObject({
        code: 'MEDIA_CONFLICT',
        reason: 'offset-mismatch',
      })
    expect(wasRead).toBe(false)
    expect(unread.destroyed).toBe(true)
  })

  test('takes no byte more than was told', async () => {
    const { id } = await store.uploads.create(tus(100))
    const refusal = { code: 'MEDIA_TOO_LARGE', reason: 'entity-too-large' }
    await expect(
      store.uploads.append(id, body(101), { offsetBytes: 0, pieceBytes: 101 }),
    ).rejects.toMatchObject(refusal)
    expect(await store.uploads.get(id)).toMatchObject({ offsetBytes: 0 })
    await expect(store.uploads.append(id, body(101), { offsetBytes: 0 })).rejects.toMatchObject(refusal)
    expect((await store.uploads.get(id))?.offsetBytes).toBeLessThanOrEqual(100)
  })

  test('keeps nothing of a piece with another checksum than was told', async () => {
    const bytes = body(300 * KiB)
    const { id, mediaId } = await store.uploads.create(tus(bytes.length))
    const first = bytes.subarray(0, 100 * KiB)
    const sumOf = (piece: Buffer): string => createHash('sha1').update(piece).digest('base64')
    const wrong = { algorithm: 'sha1', base64: sumOf(bytes) } as const
    await expect(store.uploads.append(id, first, { offsetBytes: 0, checksum: wrong })).rejects.toMatchObject({
      code: 'MEDIA_DIGEST_MISMATCH',
      reason: 'checksum-mismatch',
    })
    expect(await store.uploads.get(id)).toMatchObject({ offsetBytes: 0 })
    const right = { algorithm: 'sha1', base64: sumOf(first) } as const
    await store.uploads.append(id, first, { offsetBytes: 0, checksum: right })
    await expect(
      store.uploads.append(id, bytes.subarray(100 * KiB), {
        offsetBytes: 100 * KiB,
        checksum: () => wrong,
      }),
    ).rejects.toMatchObject({ reason: 'checksum-mismatch' })
    await store.uploads.append(id, bytes.subarray(100 * KiB), {
      offsetBytes: 100 * KiB,
      complete: true,
    })
    await expectBytes(mediaId, bytes)
  })

  test('lets exactly one of two pieces for the same place in', async () => {
    const { id } = await store.uploads.create(tus(2 * MiB))
    const pieces = [body(MiB), body(MiB)]
    const ended = await Promise.allSettled(
      pieces.map((piece) => store.uploads.append(id, Readable.from([piece]), { offsetBytes: 0 })),
    )
    expect(ended.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    expect(ended.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'MEDIA_CONFLICT', reason: 'offset-mismatch' },
    })
    expect(await store.uploads.get(id)).toMatchObject({ offsetBytes: MiB })
  })

  test('is refused by its first bytes, ended, and holds nothing any more', async () => {
    await openAnew({ policies: [{ match: 'image/*' }] })
    const { id } = await store.uploads.create(tus(100_000, { filename: 'a.png', contentType: 'image/png' }))
    await expect(store.uploads.append(id, body(10_000), { offsetBytes: 0 })).rejects.toMatchObject({
      code: 'MEDIA_TYPE_REFUSED',
    })
    expect(await store.uploads.get(id)).toMatchObject({
      state: 'rejected',
      error: { code: 'MEDIA_TYPE_REFUSED' },
    })
    expect(await store.uploads.list()).toEqual([])
    expect(volume.parts.size).toBe(0)
    await expect(store.uploads.append(id, body(10), { offsetBytes: 0 })).rejects.toMatchObject({
      code: 'MEDIA_CONFLICT',
      reason: 'upload-ended',
    })
  })

  test.each(['tus', 'chunked', 'presigned'] as const)(
    'tells whoever sends by %s that it has ended, when another process gave it up',
    async (door) => {
      await using other = await open()
      const { id } = await store.uploads.create(tus(20, { door }))
      let giveUp = (): void => {}
      const isGivenUp = new Promise<void>((resolve) => {
        giveUp = resolve
      })
      let came = (): void => {}
      const hasCome = new Promise<void>((resolve) => {
        came = resolve
      })
      const sent = Readable.from(
        (async function* () {
          yield body(10)
          came()
          await isGivenUp
          yield body(10)
        })(),
        { objectMode: false },
      )
      const { uploads } = store
      const sending = {
        tus: () => uploads.append(id, sent, { offsetBytes: 0 }),
        chunked: () => uploads.putChunk(id, sent, { index: 0 }),
        presigned: () => uploads.receive(id, sent),
      }
      const told = sending[door]().catch((error: unknown) => error)
      await hasCome
      expect(await other.uploads.abort(id)).toBe(true)
      giveUp()
      expect(await told).toMatchObject({ code: 'MEDIA_CONFLICT', reason: 'upload-ended' })
      expect(await store.uploads.get(id)).toMatchObject({ state: 'aborted' })
    },
  )

  test('is unknown by an id that is not whole, or in another namespace', async () => {
    const { id } = await store.uploads.create(tus(10))
    const last = id.endsWith('A') ? 'B' : 'A'
    for (const wrong of [
      '',
      'x',
      id.slice(1),
      `${id.slice(0, -1)}${last}`,
      `${id.slice(0, 32)}${'A'.repeat(22)}`,
    ]) {
      expect(await store.uploads.get(wrong)).toBeUndefined()
      await expect(store.uploads.append(wrong, body(1), { offsetBytes: 0 })).rejects.toMatchObject({
        code: 'MEDIA_ABSENT',
      })
    }
    expect(await store.in('other').uploads.get(id)).toBeUndefined()
  })

  test('leaves nothing when it is given up', async () => {
    const { id } = await store.uploads.create(tus(1000))
    await store.uploads.append(id, body(500), { offsetBytes: 0 })
    expect(volume.parts.size).toBe(1)
    expect(await store.uploads.abort(id)).toBe(true)
    expect(await store.uploads.abort(id)).toBe(false)
    expect(volume.parts.size).toBe(0)
    expect(await store.uploads.get(id)).toMatchObject({ state: 'aborted' })
  })

  test('is swept with its bytes when its time is over', async () => {
    const { id } = await store.uploads.create(tus(1000, { ttlMs: 1 }))
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(await store.uploads.get(id)).toMatchObject({ state: 'expired' })
    await expect(store.uploads.append(id, body(1), { offsetBytes: 0 })).rejects.toMatchObject({
      code: 'MEDIA_GONE',
    })
    for await (const _ of store.upkeep.expire()) continue
    expect(await store.uploads.get(id)).toBeUndefined()
  })

  test('is never named after bytes that another process has written over', async () => {
    const [ours, theirs] = [body(600), body(600)]
    const { id, mediaId } = await store.uploads.create(tus(600))
    let goOn = (): void => {}
    const slow = Readable.from(
      (async function* () {
        yield ours.subarray(0, 300)
        await new Promise<void>((resolve) => {
          goOn = resolve
        })
        yield ours.subarray(300)
      })(),
      { objectMode: false },
    )
    const stalled = store.uploads.append(id, slow, { offsetBytes: 0 })
    await new Promise((resolve) => setTimeout(resolve, 20))
    // Its lease has run out: another store has it now.
    const other = await open()
    const { fence, declared } = await catalog.claimSession(mediaId, { leaseMs: 1, force: true })
    await catalog.extendSession({ id: mediaId, fence }, { leaseMs: 0, declared })
    await other.uploads.append(id, theirs, { offsetBytes: 0 })
    goOn()
    await expect(stalled).rejects.toMatchObject({ code: 'MEDIA_LEASE_LOST' })
    expect((await store.uploads.complete(id)).digest).toBe(digestOf(theirs))
    await expectBytes(mediaId, theirs)
  })

  test('learns its length later, once', async () => {
    const bytes = body(500)
    const { sizeBytes: _, ...open } = tus(0)
    const { id, mediaId } = await store.uploads.create(open)
    await store.uploads.append(id, bytes.subarray(0, 200), { offsetBytes: 0 })
    await expect(store.uploads.complete(id)).rejects.toMatchObject({ reason: 'upload-incomplete' })
    await store.uploads.append(id, bytes.subarray(200, 300), { offsetBytes: 200, sizeBytes: 500 })
    await expect(
      store.uploads.append(id, bytes.subarray(300), { offsetBytes: 300, sizeBytes: 400 }),
    ).rejects.toMatchObject({ code: 'MEDIA_CONFLICT', reason: 'size-known' })
    await store.uploads.append(id, bytes.subarray(300), { offsetBytes: 300, complete: true })
    await expectBytes(mediaId, bytes)
  })
})

describe('what is told of an upload', () => {
  test('is synced before the row tells it, pieces and chunks alike', async () => {
    const inner = memoryStore({ maxBytes: 64 * MiB })
    let [written, synced] = [0, 0]
    const given = inner.staging?.partials
    if (given === undefined) throw new Error('the store in memory keeps parts')
    const partials: Partials = {
      ...given,
      async open(part) {
        const writer = await given.open(part)
        return {
          async write(chunk, position) {
            await writer.write(chunk, position)
            written += chunk.byteLength
          },
          async sync() {
            await writer.sync()
            synced = written
          },
          close: () => writer.close(),
        }
      },
    }
    const staging = Object.create(inner.staging ?? null, { partials: { value: partials } }) as Staging
    await openAnew({
      tiers: [{ name: 'home', store: Object.create(inner, { staging: { value: staging } }) as ObjectStore }],
    })
    const told = async (id: string): Promise<number> => (await store.uploads.get(id))?.offsetBytes ?? 0
    const { id } = await store.uploads.create(tus(600))
    await store.uploads.append(id, body(200), { offsetBytes: 0 })
    expect([await told(id), synced]).toEqual([200, 200])
    await expect(store.uploads.append(id, await breaking(body(100)), { offsetBytes: 200 })).rejects.toThrow()
    expect([await told(id), synced]).toEqual([300, 300])
    const { id: chunks } = await store.uploads.create({
      ...tus(256 * KiB),
      door: 'chunked',
      chunkBytes: 256 * KiB,
    })
    await store.uploads.putChunk(chunks, body(256 * KiB), { index: 0 })
    expect([await told(chunks), synced]).toEqual([256 * KiB, 300 + 256 * KiB])
  })
})
