import { expect, it } from 'vitest'
import { createReceiver } from './receive.ts'

it('a body in pieces of one byte is held in few buffers: one for each would take a hundred times its length', async () => {
  const held: number[] = []
  const receiver = createReceiver({
    declaredBytes: undefined,
    declaredType: undefined,
    filename: undefined,
    policies: [{ match: '*', allowUnrecognised: true }],
    maxBodyBytes: 1e9,
    memoryBodyBytes: 100_000,
    stage: async () => ({
      write: async (chunk) => void held.push(chunk.byteLength),
      finish: () => Promise.reject(new Error('not asked for')),
      abort: async () => {},
    }),
    onReceived: () => undefined,
  })
  for (let at = 0; at < 100_001; at++) await receiver.write(Buffer.of(at & 0xff))
  expect(held.reduce((sum, bytes) => sum + bytes, 0)).toBe(100_001)
  expect(held.length).toBeLessThan(10)
})
