import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openMediaStore } from './open-media-store.ts'

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
    await rm(join(folder, 'volume'), { recursive: true })
    await expect(openMediaStore(folder)).rejects.toMatchObject({
      code: 'MEDIA_UNAVAILABLE',
      reason: 'volume-foreign',
    })
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
