import {
  access,
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { memoryStore, type ObjectStore } from '@mediakeep/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type OpenMediaStoreOptions, openMediaStore } from './open-media-store.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediakeep-open-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const text = async (store: Awaited<ReturnType<typeof openMediaStore>>, id: string): Promise<string> =>
  Buffer.from(await (await store.open(id)).bytes({ maxBytes: 1000 })).toString()

describe('openMediaStore()', () => {
  it('keeps media, records and keys from one opening to the next', async () => {
    const root = join(folder, 'a/b')
    const first = await openMediaStore(root, { publicBaseUrl: 'http://h/media' })
    const media = await first.put(Buffer.from('kept'), { filename: 'a.txt' })
    const url = await first.url(media.id, { expiresAt: new Date(Date.now() + 60_000) })
    await first.close()
    const second = await openMediaStore(root, { publicBaseUrl: 'http://h/media' })
    expect(await text(second, media.id)).toBe('kept')
    expect(second.verifyUrl(media.id, url.searchParams).download).toBe(false)
    await second.close()
    expect((await stat(join(root, 'keys.json'))).mode & 0o777).toBe(0o600)
    expect((await stat(root)).mode & 0o007, 'records are not for every user of the machine').toBe(0)
  })

  it('opens one folder twice at once, and each sees what the other stored', async () => {
    const [one, two] = await Promise.all([openMediaStore(folder), openMediaStore(folder)])
    const [a, b] = await Promise.all([one.put(Buffer.from('same')), two.put(Buffer.from('same'))])
    expect(await text(two, a.id)).toBe('same')
    expect(await text(one, b.id)).toBe('same')
    expect((await one.usage('tier'))[0]).toMatchObject({ media: 2, storedBytes: 4 })
    await Promise.all([one.close(), two.close()])
  })

  it('names the folder it cannot use', async () => {
    const file = join(folder, 'file')
    await writeFile(file, 'x')
    await expect(openMediaStore(join(file, 'store'))).rejects.toMatchObject({
      code: 'MEDIA_UNAVAILABLE',
      reason: 'not-writable',
      message: expect.stringContaining(file) as string,
    })
  })

  it('refuses a folder of a later layout and touches nothing in it', async () => {
    await (await openMediaStore(folder)).close()
    const marker = join(folder, 'volume/mediakeep-volume.json')
    const later = JSON.stringify({ ...(JSON.parse(await readFile(marker, 'utf8')) as object), layout: 99 })
    await writeFile(marker, later)
    await expect(openMediaStore(folder)).rejects.toMatchObject({
      code: 'MEDIA_UNSUPPORTED',
      reason: 'layout-newer',
    })
    expect(await readFile(marker, 'utf8')).toBe(later)
  })

  it('is offline when the volume is another one than the catalog knows', async () => {
    await (await openMediaStore(folder)).close()
    const other = { id: 'of-another-disk', layout: 1 }
    await writeFile(join(folder, 'volume/mediakeep-volume.json'), JSON.stringify(other))
    await expect(openMediaStore(folder)).rejects.toMatchObject({
      code: 'MEDIA_UNAVAILABLE',
      reason: 'volume-foreign',
    })
  })

  it('makes nothing in the empty folder of a disk that is not mounted', async () => {
    await (await openMediaStore(folder)).close()
    const volume = join(folder, 'volume')
    await rm(volume, { recursive: true })
    await mkdir(volume)
    await expect(openMediaStore(folder)).rejects.toMatchObject({
      code: 'MEDIA_UNAVAILABLE',
      reason: 'volume-offline',
    })
    expect(await readdir(volume)).toEqual([])
  })

  describe('with a second folder', () => {
    const two = () =>
      openMediaStore(join(folder, 'one'), {
        secondDirectory: join(folder, 'two'),
        upkeep: { intervalMs: 0 },
      })
    const objectsIn = async (disk: string): Promise<string[]> =>
      (await readdir(join(folder, disk), { recursive: true })).filter(
        (name) => name.startsWith('volume/objects/') && name.includes('.'),
      )

    it('answers a put when both have the bytes, and reads from the one that is left', async () => {
      const store = await two()
      const { id } = await store.put(Buffer.from('kept twice'))
      expect([(await objectsIn('one')).length, (await objectsIn('two')).length]).toEqual([1, 1])
      await store.close()
      await rm(join(folder, 'one/volume'), { recursive: true })
      const again = await two()
      const reader = await again.open(id)
      expect(Buffer.from(await reader.bytes({ maxBytes: 100 })).toString()).toBe('kept twice')
      expect((await again.health()).status).toBe('degraded')
      await again.close()
    })

    it.each([
      [
        'its marker is missing',
        (volume: string) => rename(join(volume, 'mediakeep-volume.json'), join(folder, 'm')),
      ],
      ['its disk is not mounted', (volume: string) => rename(volume, join(folder, 'm'))],
    ])(
      'starts without the second one when %s, writes nothing there, and makes up for it',
      async (_, leave) => {
        await (await two()).close()
        const volume = join(folder, 'two/volume')
        await leave(volume)
        const store = await two()
        const media = await store.put(Buffer.from('while it was away'))
        expect(await objectsIn('two')).toEqual([])
        for await (const step of store.upkeep.verify())
          expect(step.offlineVolumes.length).toBeLessThanOrEqual(1)
        for await (const step of store.upkeep.repair())
          expect(step).toMatchObject({ madeCopies: 0, thin: 1, lost: [] })
        const isMarker = (await stat(join(folder, 'm'))).isFile()
        if (!isMarker) expect(await readdir(join(folder, 'two'))).toEqual([])
        await rename(join(folder, 'm'), isMarker ? join(volume, 'mediakeep-volume.json') : volume)
        for await (const step of store.upkeep.repair()) expect(step).toMatchObject({ madeCopies: 1, thin: 0 })
        expect((await objectsIn('two'))[0]).toContain(media.digest?.slice(7))
        expect((await store.health()).status).toBe('ok')
        await store.close()
      },
    )

    it('does not start when neither is there', async () => {
      await (await two()).close()
      for (const disk of ['one', 'two']) await rm(join(folder, disk, 'volume'), { recursive: true })
      await expect(two()).rejects.toMatchObject({ code: 'MEDIA_UNAVAILABLE', reason: 'volume-offline' })
    })

    it('refuses the first folder as the second', async () => {
      await expect(openMediaStore(folder, { secondDirectory: folder })).rejects.toMatchObject({
        code: 'MEDIA_BAD_INPUT',
        reason: 'bad-composition',
      })
    })
  })

  it('refuses an option that there is none of, and makes nothing', async () => {
    const at = join(folder, 'new')
    await expect(openMediaStore(at, { durabilty: 'none' } as object)).rejects.toMatchObject({
      code: 'MEDIA_BAD_INPUT',
      reason: 'unknown-option',
      message: expect.stringContaining('durability') as string,
    })
    await expect(access(at)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('says what a broken key file is, without its content', async () => {
    await (await openMediaStore(folder)).close()
    await chmod(join(folder, 'keys.json'), 0o600)
    await writeFile(join(folder, 'keys.json'), '{"keys":"secret')
    await expect(openMediaStore(folder)).rejects.toMatchObject({
      code: 'MEDIA_CORRUPT',
      reason: 'bad-key-file',
      message: expect.not.stringContaining('secret') as string,
    })
  })
})

describe('openMediaStore() with tiers', () => {
  const attic = (): string => pathToFileURL(join(folder, 'attic')).href

  it('keeps what was stored before they were written down, and puts new media where the rules say', async () => {
    const before = await openMediaStore(folder)
    const old = await before.put(Buffer.from('from before'))
    await before.close()
    const store = await openMediaStore(folder, {
      tiers: [
        { name: 'disk', capacityBytes: 1_000_000 },
        { name: 'attic', url: attic() },
      ],
      tiering: { rules: [{ name: 'all', match: {}, tiers: ['attic'] }] },
    })
    expect(await text(store, old.id)).toBe('from before')
    const { id } = await store.put(Buffer.from('far'))
    expect((await store.tiers.explain(old.id)).copies.map(({ tier }) => tier)).toEqual(['disk'])
    expect((await store.tiers.explain(id)).copies.map(({ tier }) => tier)).toEqual(['attic'])
    const [disk] = await store.tiers.status()
    expect(disk?.volumes[0]?.capacityBytes).toBe(1_000_000)
    await store.close()
    // Without them the bytes in the folder are still there, and those elsewhere are not called missing.
    const after = await openMediaStore(folder)
    expect(await text(after, old.id)).toBe('from before')
    expect((await after.availability(id)).state).not.toBe('missing')
    await after.close()
  })

  it('takes stores of the host, and closes them with itself and when it cannot open', async () => {
    const closed: string[] = []
    const watched = (name: string): ObjectStore => {
      const inner = memoryStore({ name })
      return new Proxy(inner, {
        get: (target, member) =>
          member === 'close'
            ? async () => {
                closed.push(name)
                await target.close()
              }
            : (Reflect.get(target, member) as unknown),
      })
    }
    const store = await openMediaStore(folder, {
      tiers: [{ name: 'disk' }, { name: 'mine', store: watched('mine') }],
    })
    await store.close()
    expect(closed).toEqual(['mine'])
    await expect(
      openMediaStore(folder, {
        tiers: [
          { name: 'other', store: watched('other') },
          { name: 'far', url: 'minio://127.0.0.1:1/media' },
        ],
        env: {},
      }),
    ).rejects.toMatchObject({ code: 'MEDIA_BAD_INPUT', reason: 'missing-credentials' })
    expect(closed).toEqual(['mine', 'other'])
  })

  it.each<[string, OpenMediaStoreOptions, string]>([
    ['two volumes in one folder', { tiers: [{ name: 'a' }, { name: 'b' }] }, 'only one'],
    ['a url beside a store', { tiers: [{ name: 'a', url: 'memory:', store: memoryStore() }] }, 'one of them'],
    ['a second folder beside tiers', { tiers: [{ name: 'a' }], secondDirectory: '/nowhere' }, 'minCopies'],
    ['a url that is none', { tiers: [{ name: 'a', url: 'ftp://h' }] }, 'store URL'],
    ['an external folder', { tiers: [{ name: 'a', url: 'file:///nowhere', role: 'external' }] }, 'external'],
    ['no home', { tiers: [{ name: 'a', role: 'cache' }] }, 'no home tier'],
  ])('refuses %s', async (_, options, word) => {
    await expect(openMediaStore(folder, options)).rejects.toMatchObject({
      message: expect.stringContaining(word) as string,
    })
  })
})
