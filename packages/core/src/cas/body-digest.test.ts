import { expect, it } from 'vitest'
import { createBodyDigester } from './body-digest.ts'

const bytes = Buffer.from('the quick brown fox')

it('a digester brings along the first bytes it was asked to keep, however they come, and no more than came', () => {
  for (const step of [1, 3, 100]) {
    const digester = createBodyDigester(8)
    for (let at = 0; at < bytes.length; at += step) digester.update(bytes.subarray(at, at + step))
    expect(Buffer.from(digester.finish().head ?? [])).toEqual(bytes.subarray(0, 8))
  }
  const short = createBodyDigester(8)
  short.update(bytes.subarray(0, 5))
  expect(Buffer.from(short.finish().head ?? [])).toEqual(bytes.subarray(0, 5))
})

it('what a fork of a digester sees leaves its own first bytes as they were', () => {
  const digester = createBodyDigester(8)
  digester.update(bytes.subarray(0, 4))
  digester.fork().update(Buffer.from('refused'))
  digester.update(bytes.subarray(4))
  expect(Buffer.from(digester.finish().head ?? [])).toEqual(bytes.subarray(0, 8))
})
