import { createMediaStore, type MediaStore, type MemoryStore, memoryStore, newId } from '@mediakeep/core'
import { afterEach, expect, test } from 'vitest'
import type { PostgresPool } from './connection/pool.ts'
import { postgresCatalog } from './index.ts'
import { describeOnPostgres } from './testing/server.fixture.ts'
import { onWire } from './testing/wire.fixture.ts'

await describeOnPostgres('a media store on the postgres catalog', (on) => {
  const pool = on.pool()
  const stores: MediaStore[] = []
  afterEach(async () => {
    for (const store of stores.splice(0)) await store.close()
  })

  interface Host {
    readonly store: MediaStore
    readonly objects: MemoryStore
  }
  const host = async (
    schema: string,
    options: { inner?: PostgresPool; beside?: Host } = {},
  ): Promise<Host> => {
    const { inner = pool, beside } = options
    const objects = memoryStore(beside === undefined ? {} : { volume: beside.objects.volume })
    const store = await createMediaStore({
      tiers: [{ name: 'memory', store: objects }],
      catalog: postgresCatalog({ pool: inner, schema }),
      upkeep: { intervalMs: 0 },
    })
    stores.push(store)
    return { store, objects }
  }
  const count = ({ objects }: Host): number => objects.volume.sortedKeys().length
  const bytesOf = async ({ store }: Host, ref: Parameters<MediaStore['open']>[0]): Promise<string> =>
    Buffer.from(await (await store.open(ref)).bytes({ maxBytes: 1e6 })).toString()
  const collect = async ({ store }: Host): Promise<void> => {
    for await (const _step of store.upkeep.collectGarbage({ graceMs: 0, thorough: true, force: true }))
      void _step
  }

  test('two hosts on one volume share what they put, and one collects what the other deleted', async () => {
    const one = await host('hosts')
    const other = await host('hosts', { beside: one })
    const [mine, theirs] = await Promise.all([
      one.store.put(Buffer.from('shared'), { at: { key: 'a' } }),
      other.store.put(Buffer.from('shared'), { at: { key: 'b' } }),
    ])
    expect(mine.digest).toBe(theirs.digest)
    expect(await bytesOf(one, { key: 'b' })).toBe('shared')
    const kept = await one.store.put(Buffer.from('kept'))
    await other.store.delete({ key: 'a' })
    await collect(one)
    expect(await bytesOf(other, { key: 'b' })).toBe('shared')
    await one.store.delete({ key: 'b' })
    await collect(other)
    expect(count(one)).toBe(1)
    expect(await bytesOf(one, kept.id)).toBe('kept')
  })

  test('a put whose commit was done and its answer lost keeps its bytes, and says the same when it is repeated', async () => {
    let loses = false
    const wired = onWire(pool, {
      losesAnswer(texts) {
        const lost = loses && texts.includes('COMMIT') && texts.some((text) => text.includes('.contents('))
        if (lost) loses = false
        return lost
      },
    })
    const one = await host('lost', { inner: wired })
    const options = { at: { key: 'lost' }, idempotencyKey: newId() }
    loses = true
    await expect(one.store.put(Buffer.from('lost'), options)).rejects.toMatchObject({
      code: 'MEDIA_UNAVAILABLE',
    })
    expect(loses).toBe(false)
    await collect(one)
    expect(await bytesOf(one, { key: 'lost' })).toBe('lost')
    const again = await one.store.put(Buffer.from('lost'), options)
    expect(again.revision).toBe(1)
    expect(count(one)).toBe(1)
  })

  test('a put whose connection ends in the middle of a transaction leaves no record, and can be made again', async () => {
    let ends = false
    const wired = onWire(pool, {
      async beforeBatch(client, nth) {
        if (!ends || nth !== 1) return
        ends = false
        const { processID } = client as unknown as { readonly processID: number }
        const ended = new Promise((resolve) => client.once('end', resolve))
        await pool.query('SELECT pg_terminate_backend($1)', [processID])
        await ended
      },
    })
    const one = await host('ended', { inner: wired })
    await one.store.put(Buffer.from('before'))
    ends = true
    await expect(one.store.put(Buffer.from('ended'), { at: { key: 'ended' } })).rejects.toMatchObject({
      code: 'MEDIA_UNAVAILABLE',
    })
    expect(await one.store.stat({ key: 'ended' })).toBeUndefined()
    await one.store.put(Buffer.from('ended'), { at: { key: 'ended' } })
    expect(await bytesOf(one, { key: 'ended' })).toBe('ended')
    await collect(one)
    expect(count(one)).toBe(2)
  })
})
