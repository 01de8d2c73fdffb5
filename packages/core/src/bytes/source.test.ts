import { buffer } from 'node:stream/consumers'
import { expect, it } from 'vitest'
import { digestOf } from './digest.ts'
import { partsSource } from './source.ts'

const whole = Buffer.from('the quick brown fox jumps over the lazy dog')

it('partsSource() gives the same bytes as the whole for every range, however they are cut', async () => {
  for (const cuts of [[], [1], [5, 6, 20], [10, 42]]) {
    const parts = [0, ...cuts].map((start, index) => whole.subarray(start, cuts[index] ?? whole.length))
    const source = partsSource(parts, whole.length, digestOf(whole))
    expect(await buffer(source.open())).toEqual(whole)
    for (let start = 0; start < whole.length; start += 3) {
      for (const endExclusive of [start + 1, start + 8, whole.length]) {
        const part = await buffer(source.open({ range: { start, endExclusive } }))
        expect(part).toEqual(whole.subarray(start, endExclusive))
      }
    }
  }
})

it('partsSource() ends its stream with the reason of the signal', async () => {
  const reason = new Error('enough')
  const source = partsSource([whole.subarray(0, 9), whole.subarray(9)], whole.length, digestOf(whole))
  const stream = source.open({ signal: AbortSignal.abort(reason) })
  await expect(buffer(stream)).rejects.toBe(reason)
})
