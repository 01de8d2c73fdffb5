import { expect, test } from 'vitest'
import { createTurnVersion, noteAnswer } from './turn-version.ts'

test('asks once in a turn, again in the next, and again after an answer', async () => {
  const version = createTurnVersion()
  let asked = 0
  const ask = (): number => ++asked
  expect([version.read(ask), version.read(ask)]).toEqual([1, 1])
  await Promise.resolve()
  expect(version.read(ask)).toBe(1)
  noteAnswer()
  expect([version.read(ask), version.read(ask)]).toEqual([2, 2])
  await new Promise(setImmediate)
  expect(version.read(ask)).toBe(3)
})
