import { bytesSource, memoryStore, type ObjectStore } from '@mediakeep/core'
import { beforeEach, describe, expect, it } from 'vitest'
import { foreignHttpBucket, httpVolume } from './http-volume.ts'

let bucket: () => ObjectStore
beforeEach(() => {
  const { volume } = memoryStore()
  bucket = () => bareOf(memoryStore({ name: 'proxy', volume }))
})
/** As the store of another instance: it knows nothing of volumes. */
function bareOf({
  name,
  traits,
  put,
  get,
  head,
  deleteMany,
  list,
  close,
  ...rest
}: ObjectStore): ObjectStore {
  const { delete: remove, [Symbol.asyncDispose]: dispose } = rest
  return {
    name,
    traits,
    put,
    get,
    head,
    delete: remove,
    deleteMany,
    list,
    close,
    [Symbol.asyncDispose]: dispose,
  }
}
const keys = async (store: ObjectStore): Promise<string[]> =>
  (await store.list()).objects.map(({ key }) => key)
const text = (value: string): ReturnType<typeof bytesSource> => bytesSource(Buffer.from(value))

describe('httpVolume()', () => {
  it('makes a volume in an empty bucket, once, and knows it again', async () => {
    const [one, two] = [httpVolume(bucket(), { create: true }), httpVolume(bucket(), { create: true })]
    await Promise.all([one.open?.(), two.open?.()])
    const identity = await one.identity?.()
    expect(identity).toEqual({ id: expect.any(String) as string, layout: 1 })
    expect(await two.identity?.()).toEqual(identity)
    await one.put('a/b', text('x'))
    expect(await keys(two)).toEqual(['a/b'])
    expect((await keys(bucket())).sort()).toEqual(['mediakeep-volume.json', 'objects/a/b'])
    const again = httpVolume(bucket(), { create: false })
    await again.open?.()
    expect(await again.identity?.()).toEqual(identity)
  })

  it('is offline where the marker is missing, and makes none beside objects or where none may be made', async () => {
    const offline = { code: 'MEDIA_UNAVAILABLE', reason: 'volume-offline' }
    const wary = httpVolume(bucket(), { create: false })
    await expect(wary.open?.()).rejects.toMatchObject(offline)
    await expect(wary.identity?.()).rejects.toMatchObject(offline)
    await bucket().put('objects/a', text('x'))
    await expect(httpVolume(bucket(), { create: true }).open?.()).rejects.toMatchObject(offline)
    expect(await keys(bucket())).toEqual(['objects/a'])
  })

  it.each([
    ['what is not JSON', '{', 'volume-offline'],
    ['what is no marker', '{"id":1}', 'volume-offline'],
    ['what is too long', `"${'x'.repeat(5_000)}"`, 'volume-offline'],
    ['a later layout', '{"id":"a","layout":2}', 'layout-newer'],
  ])('refuses %s as marker', async (_, marker, reason) => {
    await bucket().put('mediakeep-volume.json', text(marker))
    await expect(httpVolume(bucket(), { create: true }).open?.()).rejects.toMatchObject({ reason })
  })
})

describe('foreignHttpBucket()', () => {
  it('has its address as identity, its own keys, and writes nothing', async () => {
    await bucket().put('a', text('x'))
    const foreign = foreignHttpBucket(bucket(), 'http://h/objects/a')
    await foreign.open?.()
    expect(await foreign.identity?.()).toEqual(
      await foreignHttpBucket(bucket(), 'http://h/objects/a').identity?.(),
    )
    expect(await foreign.identity?.()).not.toEqual(
      await foreignHttpBucket(bucket(), 'http://h/objects/b').identity?.(),
    )
    expect(await keys(foreign)).toEqual(['a'])
  })
})
