import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { MediaError } from '../errors/media-error.ts'
import { memoryCatalog } from '../memory/catalog/index.ts'
import { type MemoryStore, memoryStore } from '../memory/object-store/index.ts'
import { expectNothing, fixture, large, small } from './store.fixture.ts'

/** A store whose staging opens only when told to. */
function slowStaging(): {
  readonly objects: MemoryStore
  readonly asked: Promise<void>
  readonly open: () => void
} {
  const objects = memoryStore()
  const { staging } = objects
  if (staging === undefined) throw new Error('a memory store has staging')
  let ask = (): void => {}
  const asked = new Promise<void>((resolve) => (ask = resolve))
  let open = (): void => {}
  const opened = new Promise<void>((resolve) => (open = resolve))
  const slow = {
    ...staging,
    get usedBytes() {
      return staging.usedBytes
    },
    create: async (options: Parameters<typeof staging.create>[0]) => {
      ask()
      await opened
      return staging.create(options)
    },
  }
  return { objects: { ...objects, staging: slow }, asked, open }
}

/** Gives one large piece, then waits to be broken. */
function stalled(): Readable {
  let given = false
  return new Readable({
    read() {
      if (!given) this.push(large)
      given = true
    },
  })
}

/** Long enough for what was left running to do its damage. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
}

describe('put() leaves nothing when', () => {
  it('the sender goes away while its staging opens', async () => {
    const { objects, asked, open } = slowStaging()
    const made = await fixture({ tiers: [{ name: 'memory', store: objects }] })
    const body = stalled()
    const putting = made.store.put(body)
    await asked
    body.destroy()
    setImmediate(open)
    await expect(putting).rejects.toMatchObject({ reason: 'incomplete-body' })
    await turns()
    await expectNothing({ ...made, objects })
  })

  it('it is aborted while its session begins', async () => {
    const catalog = memoryCatalog()
    let begun = (): void => {}
    const beginning = new Promise<void>((resolve) => (begun = resolve))
    const slow = {
      ...catalog,
      async beginSession(input: Parameters<typeof catalog.beginSession>[0]) {
        begun()
        await new Promise(setImmediate)
        return catalog.beginSession(input)
      },
    }
    const made = await fixture({ catalog: slow })
    const stop = new AbortController()
    const putting = made.store.put(stalled(), { signal: stop.signal })
    await beginning
    const reason = new Error('enough')
    stop.abort(reason)
    await expect(putting).rejects.toBe(reason)
    await turns()
    await expectNothing(made)
  })

  it('its progress cannot be told while a step that will fail is under way', async () => {
    const unheard: unknown[] = []
    const onUnheard = (reason: unknown): void => void unheard.push(reason)
    process.on('unhandledRejection', onUnheard)
    try {
      const made = await fixture()
      const options = {
        contentType: 'image/png', // which the bytes contradict
        onProgress: () => {
          throw new Error('no terminal')
        },
      }
      await expect(made.store.put(Readable.from([large]), options)).rejects.toThrow('no terminal')
      await new Promise(setImmediate)
      expect(unheard).toEqual([])
      await expectNothing(made)
    } finally {
      process.off('unhandledRejection', onUnheard)
    }
  })

  it('it is aborted while the sender still owes the rest of its form', async () => {
    const made = await fixture()
    const stop = new AbortController()
    const putting = made.store.put(small, {
      signal: stop.signal,
      finish: () => {
        setImmediate(() => stop.abort(new Error('enough')))
        return new Promise(() => {})
      },
    })
    await expect(putting).rejects.toThrow('enough')
    await expectNothing(made)
  })

  it('its stream gives decoded text, which has lost bytes already', async () => {
    const made = await fixture()
    const body = Readable.from([Buffer.from([0xff, 0xd8, 0xff, 0xe0])], { objectMode: false })
    body.setEncoding('utf8')
    await expect(made.store.put(body)).rejects.toMatchObject({ code: 'MEDIA_BAD_INPUT', reason: 'not-bytes' })
    await expectNothing(made)
  })

  it.each([
    ['declared', { sizeBytes: large.length }, large],
    ['of unknown length', {}, large],
    ['whole in memory', {}, small],
  ])('its volume is full, also for a body %s with an idempotency key', async (_, options, bytes) => {
    const objects = memoryStore()
    const capacityBytes = bytes.length - 1
    const made = await fixture({ tiers: [{ name: 'memory', store: objects, capacityBytes }] })
    const putting = made.store.put(Readable.from([bytes]), { ...options, idempotencyKey: 'once' })
    await expect(putting).rejects.toMatchObject({ code: 'MEDIA_NO_SPACE', reason: 'volume-full' })
    await expectNothing({ ...made, objects })
  })
})

describe('put() of a file that is given away', () => {
  it('succeeds and tells when the folder does not let go of it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mediakeep-move-'))
    try {
      const path = join(folder, 'note.txt')
      await writeFile(path, small)
      const { store, events } = await fixture()
      // A directory takes the file's place before the commit: it cannot be removed as a file.
      const finish = async (): Promise<object> => {
        await rm(path)
        await mkdir(path)
        return {}
      }
      const { id } = await store.put({ path, move: true }, { finish })
      expect(await store.stat(id)).toMatchObject({ sizeBytes: small.length })
      expect(events).toContainEqual(
        expect.objectContaining({ type: 'upkeep.failed', task: 'remove-moved-file' }),
      )
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

describe('put() of a body in pieces', () => {
  it.each([
    ['of one byte', [1]],
    ['of every size in turn', [1, 16_384, 7, 16_383, 2, 5_000, 100, 20_000]],
  ])('%s keeps its bytes in order, in memory and staged', async (_, sizes) => {
    for (const sizeBytes of [1, 40_000, 262_144, 300_000]) {
      const { store } = await fixture()
      const bytes = large.subarray(0, sizeBytes)
      const pieces = function* (): Generator<Buffer> {
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const end = at + (sizes[turn % sizes.length] ?? 1)
          yield bytes.subarray(at, end)
          at = end
        }
      }
      const media = await store.put(Readable.from(pieces()))
      const kept = await (await store.open(media)).bytes({ maxBytes: 1e6 })
      expect(bytes.equals(kept), `${sizeBytes} bytes`).toBe(true)
    }
  })
})

describe('put() of bytes that are kept already', () => {
  it('writes them again when something else lies in their place', async () => {
    const objects = memoryStore()
    let isTaken = false
    const head: typeof objects.head = (key, options) =>
      isTaken
        ? Promise.reject(new MediaError('MEDIA_CORRUPT', 'a directory', { reason: 'not-a-file' }))
        : objects.head(key, options)
    const { store } = await fixture({ tiers: [{ name: 'memory', store: { ...objects, head } }] })
    await store.put(small)
    isTaken = true
    const media = await store.put(small)
    isTaken = false
    expect(Buffer.from(await (await store.open(media)).bytes({ maxBytes: 100 }))).toEqual(small)
    expect((await objects.list()).objects).toHaveLength(2)
  })
})

describe('put() with an idempotency key', () => {
  it('takes a small body of unknown length on a volume smaller than one step of reserving', async () => {
    const tiers = [{ name: 'memory', store: memoryStore(), capacityBytes: 100_000 }]
    const { store } = await fixture({ tiers })
    const body = Readable.from([Buffer.alloc(10_000, 7)])
    expect(await store.put(body, { idempotencyKey: 'once' })).toMatchObject({ sizeBytes: 10_000 })
  })
})

describe('open() of a snapshot that came back as a copy', () => {
  it('gives its bytes while they serve, and MEDIA_GONE when something else does', async () => {
    const { store } = await fixture()
    const first = { ...(await store.put(small, { at: { key: 'k' } })) }
    expect(Buffer.from(await (await store.open(first)).bytes({ maxBytes: 100 }))).toEqual(small)
    await store.put(Buffer.from('something else'), { at: { key: 'k' } })
    await expect(store.open(first)).rejects.toMatchObject({ code: 'MEDIA_GONE', reason: 'snapshot-gone' })
  })
})

describe('a condition that is none', () => {
  it.each([
    { type: 'abesnt' },
    { type: 'match' },
    { type: 'match', etags: [() => {}] },
    { type: 'revision' },
  ])('refuses the write: %j', async (when) => {
    const made = await fixture()
    const { id } = await made.store.put(small, { at: { key: 'k' } })
    const refused = { code: 'MEDIA_BAD_INPUT', reason: 'bad-condition' }
    const put = made.store.put(Buffer.from('else'), { at: { key: 'k' }, when: when as never })
    await expect(put).rejects.toMatchObject(refused)
    await expect(made.store.delete(id, { when: when as never })).rejects.toMatchObject(refused)
    expect(await made.store.stat(id)).toMatchObject({ revision: 1 })
  })
})

describe('update()', () => {
  it('refuses a visibility that is none', async () => {
    const { store } = await fixture()
    const { id } = await store.put(small)
    await expect(store.update(id, { visibility: 'everyone' as never })).rejects.toMatchObject({
      reason: 'bad-visibility',
    })
  })
})

describe('calls with far limits', () => {
  it('live until a deadline further away than one timer reaches', async () => {
    const { store } = await fixture()
    const slow = async function* (): AsyncGenerator<Buffer> {
      await new Promise((resolve) => setTimeout(resolve, 20))
      yield small
    }
    const deadlineAt = new Date(Date.now() + 40 * 86_400_000)
    expect(await store.put(slow(), { deadlineAt })).toMatchObject({ sizeBytes: small.length })
  })

  it('refuse to sign an address that nobody could check', async () => {
    const { store } = await fixture()
    const { id } = await store.put(small)
    for (const expiresAt of [new Date(8.64e15), new Date(0)])
      await expect(store.url(id, { expiresAt })).rejects.toMatchObject({ reason: 'bad-expiry' })
  })
})
