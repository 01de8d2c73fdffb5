import { expect, it } from 'vitest'
import { createHeldBytes } from './held-bytes.ts'
import { createReceiver, type ReceiveOptions, type Receiver } from './receive.ts'

/** A receiver, and the lengths of what it gave to staging. */
function receiver(options: Partial<ReceiveOptions>): { receiver: Receiver; staged: number[] } {
  const staged: number[] = []
  const made = createReceiver({
    declaredBytes: undefined,
    declaredType: undefined,
    filename: undefined,
    policies: [{ match: '*', allowUnrecognised: true }],
    maxBodyBytes: 1e9,
    memoryBodyBytes: 100_000,
    held: createHeldBytes(1e9),
    chunks: 'copy',
    stage: async () => ({
      write: async (chunk) => void staged.push(chunk.byteLength),
      finish: () => Promise.reject(new Error('not asked for')),
      abort: async () => {},
    }),
    onReceived: () => undefined,
    ...options,
  })
  return { receiver: made, staged }
}

it('a body in pieces of one byte is held in few buffers: one for each would take a hundred times its length', async () => {
  const { receiver: one, staged } = receiver({})
  for (let at = 0; at < 100_001; at++) await one.write(Buffer.of(at & 0xff))
  expect(staged.reduce((sum, bytes) => sum + bytes, 0)).toBe(100_001)
  expect(staged.length).toBeLessThan(10)
})

it('a chunk that is given for good is kept, not copied', async () => {
  const { receiver: one } = receiver({ chunks: 'own' })
  const chunk = new Uint8Array(50_000).fill(0xb3)
  await one.write(chunk)
  const { source } = await one.finish()
  expect('bytes' in source && source.bytes?.buffer).toBe(chunk.buffer)
})

it('a small part of a large buffer is copied also when it is given for good: it would keep the whole alive', async () => {
  const { receiver: one } = receiver({ chunks: 'own' })
  const chunk = new Uint8Array(1_000_000).fill(0xb3).subarray(0, 50_000)
  await one.write(chunk)
  const { source } = await one.finish()
  expect('bytes' in source && source.bytes?.buffer).not.toBe(chunk.buffer)
})

it('a chunk that may be used again is copied', async () => {
  const { receiver: one } = receiver({})
  const chunk = new Uint8Array(50_000).fill(0xb3)
  await one.write(chunk)
  chunk.fill(0)
  const { source } = await one.finish()
  expect('bytes' in source && source.bytes?.every((byte) => byte === 0xb3)).toBe(true)
})

it('blocks of a body are used again when it is over and nobody kept them, and not before', async () => {
  const held = createHeldBytes(1e9)
  const take = async (byte: number) => {
    const { receiver: one } = receiver({ held, memoryBodyBytes: 1_000_000, declaredBytes: 600_000 })
    for (let sent = 0; sent < 600_000; sent += 50_000) await one.write(new Uint8Array(50_000).fill(byte))
    return one.finish()
  }
  const isAll = async (body: Awaited<ReturnType<typeof take>>, byte: number): Promise<boolean> => {
    const chunks = await body.source.open().toArray()
    return chunks.length > 0 && chunks.every((chunk: Buffer) => chunk.every((value) => value === byte))
  }
  const first = await take(1)
  const second = await take(2)
  expect(await isAll(first, 1)).toBe(true)
  second.blocks?.keep()
  second.blocks?.reuse()
  await take(3)
  expect(await isAll(second, 2)).toBe(true)
  first.blocks?.reuse()
  first.blocks?.reuse()
  const [third, fourth] = [await take(4), await take(5)]
  expect(await isAll(first, 1)).toBe(false)
  expect([await isAll(third, 4), await isAll(fourth, 5)]).toEqual([true, true])
})

it('bodies that together hold more than they may are staged, until one of them has ended', async () => {
  const held = createHeldBytes(80_000)
  const chunk = new Uint8Array(30_000).fill(0xb3)
  const [first, second, third, fourth] = [0, 1, 2, 3].map(() => receiver({ held }))
  await first?.receiver.write(chunk)
  await second?.receiver.write(chunk)
  await third?.receiver.write(chunk)
  expect([first, second, third].map((one) => one?.staged.length)).toEqual([0, 0, 1])
  await first?.receiver.abort()
  await (await second?.receiver.finish())?.discard()
  await fourth?.receiver.write(chunk)
  await fourth?.receiver.write(chunk)
  expect(fourth?.staged).toEqual([])
})
