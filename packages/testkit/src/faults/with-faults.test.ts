import { isMediaError, type MemoryStore, memoryCatalog, memoryStore } from '@mediakeep/core'
import { afterEach, describe, expect, test } from 'vitest'
import { streamSource } from '../bodies.ts'
import { drain, openReader, putBytes, readAll } from '../object-store/expect.ts'
import { seededBytes } from '../random.ts'
import { type FaultPlan, randomFaults } from './plan.ts'
import { withCatalogFaults } from './with-catalog-faults.ts'
import { withFaults } from './with-faults.ts'

const opened: MemoryStore[] = []
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
})

function faulty(plan: FaultPlan) {
  const inner = memoryStore()
  opened.push(inner)
  return { inner, ...withFaults(inner, plan) }
}

const codeOf = async (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'ok',
    (error: unknown) => (isMediaError(error) ? error.code : String(error)),
  )

describe('withFaults()', () => {
  test('fails the n-th call before it takes effect, once', async () => {
    const { store, inner, injected } = faulty([
      { member: 'put', call: 2, effect: { type: 'fail', at: 'before' } },
    ])
    expect(await codeOf(putBytes(store, 'a', '1'))).toBe('ok')
    expect(await codeOf(putBytes(store, 'b', '2'))).toBe('MEDIA_UNAVAILABLE')
    expect(await codeOf(putBytes(store, 'c', '3'))).toBe('ok')
    expect(await inner.head('b')).toBeUndefined()
    expect(injected.map(({ member, call }) => [member, call])).toEqual([['put', 2]])
  })

  test('fails after the call took effect, as when the answer is lost', async () => {
    const { store, inner } = faulty([
      { member: 'put', effect: { type: 'fail', at: 'after', error: new Error('lost') } },
    ])
    expect(await codeOf(putBytes(store, 'a', '1'))).toBe('Error: lost')
    expect((await inner.head('a'))?.sizeBytes).toBe(1)
  })

  test('fails forever from a call on', async () => {
    const { store, calls } = faulty([
      { member: 'head', call: 2, times: 'forever', effect: { type: 'fail', at: 'before' } },
    ])
    const codes = [
      await codeOf(store.head('a')),
      await codeOf(store.head('a')),
      await codeOf(store.head('a')),
    ]
    expect(codes).toEqual(['ok', 'MEDIA_UNAVAILABLE', 'MEDIA_UNAVAILABLE'])
    expect(calls('head')).toBe(3)
  })

  test('frees a reader whose answer is lost', async () => {
    const { store, inner } = faulty([{ member: 'get', effect: { type: 'fail', at: 'after' } }])
    await putBytes(store, 'a', '1')
    expect(await codeOf(store.get('a'))).toBe('MEDIA_UNAVAILABLE')
    expect(inner.openCount).toBe(0)
  })

  test('cuts a stream at a byte, quietly or with an error', async () => {
    const bytes = seededBytes(1, 200_000)
    const { store } = faulty([
      { member: 'get', call: 1, effect: { type: 'cut', atByte: 70_001 } },
      { member: 'get', call: 2, effect: { type: 'cut', atByte: 70_001, error: new Error('cut off') } },
    ])
    await putBytes(store, 'a', bytes)
    expect(Buffer.compare(await readAll(store, 'a'), bytes.subarray(0, 70_001))).toBe(0)
    expect(await codeOf(readAll(store, 'a'))).toBe('Error: cut off')
    expect(Buffer.compare(await readAll(store, 'a'), bytes)).toBe(0)
  })

  test('flips exactly one bit of a stream, on the way out and on the way in', async () => {
    const bytes = seededBytes(2, 100_000)
    const { store, inner } = faulty([
      { member: 'get', effect: { type: 'flip', atByte: 65_536, bit: 3 } },
      { member: 'put', call: 2, effect: { type: 'flip', atByte: 0 } },
    ])
    await putBytes(store, 'out', bytes)
    await store.put('in', streamSource(bytes))
    const out = await readAll(store, 'out')
    expect(out[65_536]).toBe((bytes[65_536] ?? 0) ^ 8)
    out[65_536] = bytes[65_536] ?? 0
    expect(Buffer.compare(out, bytes)).toBe(0)
    expect((await readAll(inner, 'in'))[0]).toBe((bytes[0] ?? 0) ^ 1)
  })

  test('flips and cuts positional reads', async () => {
    const { store } = faulty([
      { member: 'openFile', call: 1, effect: { type: 'flip', atByte: 5 } },
      { member: 'openFile', call: 2, effect: { type: 'cut', atByte: 4 } },
    ])
    await putBytes(store, 'a', '0123456789')
    const read = async (): Promise<string> => {
      const file = await store.openFile?.('a')
      const buffer = new Uint8Array(10)
      const count = (await file?.read(buffer, 0)) ?? 0
      await file?.close()
      return Buffer.from(buffer.subarray(0, count)).toString()
    }
    expect(await read()).toBe('0123446789')
    expect(await read()).toBe('0123')
  })

  test('holds a call until it is released', async () => {
    let release = (): void => {}
    const until = new Promise<void>((resolve) => {
      release = resolve
    })
    const { store, inner } = faulty([{ member: 'put', effect: { type: 'hold', at: 'before', until } }])
    const put = putBytes(store, 'a', '1')
    await new Promise((resolve) => setImmediate(resolve))
    expect(await inner.head('a')).toBeUndefined()
    release()
    await put
    expect((await inner.head('a'))?.sizeBytes).toBe(1)
  })

  test('reaches writers and staging', async () => {
    const { store } = faulty([
      { member: 'writer.commit', effect: { type: 'fail', at: 'before' } },
      { member: 'staging.write', effect: { type: 'fail', at: 'before' } },
    ])
    const writer = await store.createWriter?.('a')
    await writer?.write(Buffer.from('x'))
    expect(await codeOf(Promise.resolve(writer?.commit()))).toBe('MEDIA_UNAVAILABLE')
    await writer?.abort()
    const staged = await store.staging?.create({ name: 'a' })
    expect(await codeOf(Promise.resolve(staged?.write(Buffer.from('x'))))).toBe('MEDIA_UNAVAILABLE')
    await staged?.abort()
    expect(store.staging?.usedBytes).toBe(0)
  })

  test('passes destruction of a faulty stream on to the store', async () => {
    const { store, inner } = faulty([{ member: 'get', effect: { type: 'cut', atByte: 1_000_000 } }])
    await putBytes(store, 'a', seededBytes(3, 3_000_000))
    for await (const _chunk of (await openReader(store, 'a')).stream()) break
    await new Promise((resolve) => setImmediate(resolve))
    expect(inner.openCount).toBe(0)
  })
})

describe('randomFaults()', () => {
  const run = async (seed: number): Promise<string> => {
    const { store } = faulty(randomFaults(seed, { ratio: 0.3, members: ['put'] }))
    const codes: string[] = []
    for (let index = 0; index < 60; index++) codes.push(await codeOf(putBytes(store, `k${index}`, 'x')))
    for (let index = 0; index < 20; index++) expect(await codeOf(store.head('k0'))).toBe('ok')
    return codes.map((code) => (code === 'ok' ? '.' : 'x')).join('')
  }

  test('fails the same calls for the same seed, others for another, about as many as asked', async () => {
    const first = await run(7)
    expect(await run(7)).toBe(first)
    expect(await run(8)).not.toBe(first)
    const failed = first.replaceAll('.', '').length
    expect(failed).toBeGreaterThan(6)
    expect(failed).toBeLessThan(35)
  })
})

describe('withCatalogFaults()', () => {
  test('fails a member by plan and passes all others on', async () => {
    const inner = memoryCatalog()
    const { catalog, calls } = withCatalogFaults(inner, [
      { member: 'ping', effect: { type: 'fail', at: 'before' } },
    ])
    await catalog.open()
    expect(await codeOf(catalog.ping())).toBe('MEDIA_UNAVAILABLE')
    expect(await codeOf(catalog.ping())).toBe('ok')
    expect(await catalog.listVolumes()).toEqual([])
    expect(calls('ping')).toBe(2)
    for (const member of Reflect.ownKeys(inner))
      expect(Reflect.has(catalog, member), String(member)).toBe(true)
    await catalog.close()
  })
})

test('drain() is given every byte of a faulty stream without fault', async () => {
  const { store } = faulty([])
  await putBytes(store, 'a', 'abc')
  expect((await drain((await openReader(store, 'a')).stream())).toString()).toBe('abc')
})
